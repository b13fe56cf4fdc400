/** PATH_REFUSED, STATE_INVALID, STATE_BUSY and INSTALL_FAILED: the machine under the updater. */
import { cpSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatStatement, fromUtf8, stateFileName, toHex, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { acquireLock } from '@samebits/host'
import { createUpdater, type InstallStep, type UpdaterOptions } from '@samebits/updater'
import { entryBy } from '../../support/world.ts'
import { artifact, artifactBytes, rebuild, revocation, trustFile } from '../../support/world-statements.ts'
import { ends, type Group, not, type Row, refusing } from '../case.ts'
import { dieAt, type Outcome, outcomeOf, runApart, runCommandLine, runLibrary, updaterOptions } from '../programs.ts'
import { notes, type Stage } from '../stage.ts'
import { loose, offerLeaves } from '../tools.ts'

const app = (home: string, ...path: string[]) => join(home, 'app', ...path)
const state = (home: string, generation: number) => app(home, '.samebits', 'state', stateFileName(generation))

/** The second release, its artifact under another name. */
function named(name: string): Row['arrange'] {
  return async (stage) => {
    await stage.installed()
    offerLeaves(stage, (s) => {
      const text = fromUtf8(formatStatement(s)).replaceAll('"notes"', JSON.stringify(name))
      return [loose(text), entryBy('rob', rebuild(s))]
    })
  }
}

const names: readonly (readonly [string, string])[] = [
  ['..', '..'],
  ['that leads out', '../../evil'],
  ['an absolute path', '/etc/passwd'],
  ['a path', 'a/b'],
  ['a backslash', 'a\\b'],
  ['a drive', 'C:evil'],
  ['NUL', 'a\0b'],
  ['a newline', 'a\nb'],
  ['a backtick', '`id`'],
  ['%VAR%', '%TEMP%'],
  ['quotes', 'a"b'],
  ['a leading dot', '.bashrc'],
  ['a leading dash', '-rf'],
  ['a device', 'NUL.txt'],
  ['nothing', ''],
  ['letters that look alike', 'nоtes'],
]

/** The second release is out, and the home was tampered with. */
function tampered(change: (home: string, stage: Stage) => Promise<unknown>): Row['arrange'] {
  return async (stage) => {
    await stage.usual()
    await change(stage.home, stage)
  }
}

const paths = refusing('PATH_REFUSED', [
  ...names.map(([what, name]) => [`an artifact name: ${what}`, named(name)] as const),
  [
    "an artifact name: the updater's own record",
    async (stage) => {
      const scene = await stage.installed()
      scene.publish({ artifacts: [notes('1.2.0', { name: 'installed.json' })] })
    },
  ],
  [
    'a symlink planted at the target',
    tampered(async (home) => {
      await rm(app(home, 'notes'))
      await writeFile(join(home, 'elsewhere'), 'mine')
      await symlink('../elsewhere', app(home, 'notes'))
    }),
    { after: elsewhereIsMine },
  ],
  [
    'a symlink planted at the temporary path',
    tampered(async (home) => {
      const staged = app(home, '.samebits', 'staged')
      await mkdir(staged, { recursive: true, mode: 0o700 })
      await writeFile(join(home, 'elsewhere'), 'mine')
      await symlink('../../../elsewhere', join(staged, `${artifact('1.2.0').sha256}.part`))
    }),
    { after: elsewhereIsMine },
  ],
  [
    'a symlink in place of the install folder',
    tampered(async (home) => {
      await rename(join(home, 'app'), join(home, 'other'))
      await symlink('other', join(home, 'app'))
    }),
  ],
  [
    "a symlink in place of the updater's own folder",
    tampered(async (home) => {
      await rename(app(home, '.samebits'), join(home, 'other'))
      await symlink('../other', app(home, '.samebits'))
    }),
  ],
  ...(['verified', 'kept'] as const).map((step) =>
    ends(
      'PATH_REFUSED',
      `a folder exchanged while it is used, after the step "${step}"`,
      (stage) => stage.usual().then(),
      {
        only: 'library',
        acts: (stage, home) => atStep(step, stage, home, () => exchange(home)),
        untouched: false,
        after: neitherFolderTouched,
      },
    ),
  ),
])

/** The install folder moves away; a link to a trap takes its place. */
function exchange(home: string): void {
  renameSync(join(home, 'app'), join(home, 'moved'))
  cpSync(join(home, 'moved'), join(home, 'trap'), { recursive: true })
  symlinkSync('trap', join(home, 'app'))
}

async function neitherFolderTouched(_stage: Stage, home: string): Promise<void> {
  const old = fromUtf8(artifactBytes('1.1.0'))
  for (const folder of ['moved', 'trap'])
    if ((await readFile(join(home, folder, 'notes'), 'utf8')) !== old)
      throw new Error(`something was written into ${folder}`)
}

async function elsewhereIsMine(_stage: Stage, home: string): Promise<void> {
  if ((await readFile(join(home, 'elsewhere'), 'utf8')) !== 'mine') throw new Error('the link was followed')
}

/** check, download, apply; once a step of the installation is reached, something happens. */
async function atStep(
  step: InstallStep,
  stage: Stage,
  home: string,
  act: () => void,
  more: Partial<UpdaterOptions> = {},
): Promise<Outcome> {
  return await runLibrary(stage, home, {
    ...more,
    onEvent: (event) => {
      if (event.kind === 'install' && event.step === step) act()
    },
  })
}

/** Both files of the state are changed. */
const withStates = (change: (path: string) => Promise<unknown>) =>
  tampered(async (home) => {
    for (const generation of [0, 1]) await change(state(home, generation))
  })

async function newerFormat(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  const body = text.slice(65).replace('state+json;version=1', 'state+json;version=2')
  await writeFile(path, `${toHex(nodeCrypto.sha256(utf8(body)))}\n${body}`)
}

const states = refusing('STATE_INVALID', [
  [
    'the state deleted while an install record exists',
    tampered((home) => rm(app(home, '.samebits', 'state'), { recursive: true })),
  ],
  ['both generations truncated', withStates((path) => truncate(path, 100))],
  ['both generations empty', withStates((path) => truncate(path, 0))],
  [
    'both edited',
    withStates(async (path) => writeFile(path, (await readFile(path, 'utf8')).replace('"sequence":1', '"sequence":0'))),
  ],
  ['a newer format', withStates(newerFormat)],
  ['one generation of a newer format: the other is no way back', tampered((home) => newerFormat(state(home, 0)))],
  [
    'of another product',
    async (stage) => {
      const scene = await stage.usual()
      stage.trust = trustFile({ log: scene.log, product: 'example.com/other' })
    },
  ],
  [
    'an install record that no updater wrote',
    tampered((home) => writeFile(app(home, 'installed.json'), '{"version":"9.9.9"}')),
  ],
  [
    'a state that is a link',
    tampered(async (home) => {
      for (const generation of [0, 1]) {
        await rename(state(home, generation), join(home, `kept-${generation}`))
        await symlink(`../../../kept-${generation}`, state(home, generation))
      }
    }),
  ],
  not(
    'one generation torn: the other is used',
    tampered((home) => truncate(state(home, 0), 100)),
  ),
  not(
    'the other one torn',
    tampered((home) => truncate(state(home, 1), 100)),
  ),
  not(
    'a forged "already verified" file: it is hashed again',
    tampered(async (home) => {
      const staged = app(home, '.samebits', 'staged')
      await mkdir(staged, { recursive: true, mode: 0o700 })
      await writeFile(join(staged, artifact('1.2.0').sha256), 'evil')
    }),
  ),
  not('first contact', (stage) => void stage.begin().publish()),
])

/** Two or three runs of one kind on one home; at least one must win. */
async function race(run: () => Promise<Outcome>): Promise<Outcome> {
  const outcomes = await Promise.all([1, 2, 3].map(run))
  const strange = outcomes.find(
    ({ result }) => !['installed', 'current', 'nothing-staged', 'STATE_BUSY'].includes(result),
  )
  if (strange !== undefined) return strange
  return outcomes.find(({ result }) => result === 'installed') ?? (await run())
}

const busy = refusing('STATE_BUSY', [
  [
    'another run holds the state',
    (stage) => stage.usual().then(),
    {
      during: (_stage, home) => {
        const lock = acquireLock(app(home, '.samebits', 'state', 'lock'))
        if (lock === null) throw new Error('no lock')
        return () => lock.release()
      },
    },
  ],
  [
    'another run is installing',
    (stage) => stage.usual().then(),
    {
      during: (_stage, home) => {
        const lock = acquireLock(app(home, '.samebits', 'lock'))
        if (lock === null) throw new Error('no lock')
        return () => lock.release()
      },
    },
  ],
  not('three clients racing on one state: one wins, none corrupts', (stage) => stage.usual().then(), {
    acts: (stage, home) => race(() => runLibrary(stage, home)),
    runs: (program, stage, home) => race(() => runCommandLine(program, stage, home)),
  }),
  not('three processes racing on one state', (stage) => stage.usual().then(), { only: 'library', acts: raceApart }),
])

/** Processes of their own on one home. What each of them ends with is luck; that one of them wins, and all is whole, is not. */
async function raceApart(stage: Stage, home: string): Promise<Outcome> {
  const statuses = await Promise.all([1, 2, 3].map(() => runApart(stage, home)))
  if (!statuses.includes(0)) throw new Error(`nobody won: ${statuses.join()}`)
  const after = await runLibrary(stage, home)
  return after.result === 'current' ? { ...after, result: 'installed' } : after
}

const healthy = ['sh', '-c', 'exit 0'] as const
const failing = ['sh', '-c', 'exit 1'] as const

const steps: readonly InstallStep[] = [
  'verified',
  'prepared',
  'kept',
  'placed notes',
  'recorded',
  'swapped',
  'healthy',
  'checked',
  'committed',
  'tidied',
]

/** SIGKILL when a step is reached; then one version or the other is whole, and the next run ends with the new one. */
function killed(step: InstallStep): Row {
  return not(
    `SIGKILL after the step "${step}": one version is whole, the next run finishes`,
    (stage) => stage.usual().then(),
    {
      only: 'library',
      async acts(stage, home) {
        await dieAt(stage, home, step)
        const bytes = await readFile(app(home, 'notes'), 'utf8')
        if (!['1.1.0', '1.2.0'].some((version) => bytes === fromUtf8(artifactBytes(version))))
          throw new Error(`half of something: ${bytes}`)
        const outcome = await runLibrary(stage, home, { healthCheck: { command: healthy, timeoutMs: 10_000 } })
        return outcome.result === 'current' ? { ...outcome, result: 'installed' } : outcome
      },
    },
  )
}

const heldNow: Partial<Row> = {
  async after(stage, home) {
    const { result } = await runLibrary(stage, home)
    if (result !== 'current') throw new Error(`it is tried again: ${result}`)
  },
}

const installing = refusing('INSTALL_FAILED', [
  [
    'the new version fails its health check: the old one is back, the new id is held',
    async (stage) => {
      await stage.usual()
      stage.ask = { ...stage.ask, healthCheck: failing }
    },
    heldNow,
  ],
  [
    'a health check that cannot be run',
    async (stage) => {
      await stage.usual()
      stage.ask = { ...stage.ask, healthCheck: ['/nonexistent/program'] }
    },
  ],
  [
    'a health check by a relative path, which anybody could plant',
    async (stage) => {
      await stage.usual()
      stage.ask = { ...stage.ask, healthCheck: ['./check'] }
    },
  ],
  [
    'a file swapped between verification and installation',
    (stage) => stage.usual().then(),
    {
      only: 'library',
      acts: (stage, home) =>
        atStep('kept', stage, home, () =>
          writeFileSync(app(home, '.samebits', 'staged', artifact('1.2.0').sha256), 'evil'),
        ),
    },
  ],
  [
    'another file in its place between verification and installation',
    (stage) => stage.usual().then(),
    {
      only: 'library',
      acts: (stage, home) =>
        atStep('kept', stage, home, () => {
          const path = app(home, '.samebits', 'staged', artifact('1.2.0').sha256)
          rmSync(path)
          writeFileSync(path, artifactBytes('1.2.0').fill(0x41))
        }),
    },
  ],
  [
    'the kept previous version altered before the way back: hashed again, not restored',
    (stage) => stage.usual().then(),
    {
      only: 'library',
      untouched: false,
      acts: (stage, home) =>
        atStep(
          'recorded',
          stage,
          home,
          () => {
            const path = app(home, '.samebits', 'keeping', 'notes')
            rmSync(path)
            writeFileSync(path, 'evil')
          },
          { healthCheck: { command: failing, timeoutMs: 10_000 } },
        ),
      async after(_stage, home) {
        if ((await readFile(app(home, 'notes'), 'utf8')) === 'evil') throw new Error('what was altered was restored')
      },
    },
  ],
  ...steps.map(killed),
  not(
    'a planted journal: removed, nothing of it believed',
    tampered(async (home) => {
      const record = JSON.parse(await readFile(app(home, 'installed.json'), 'utf8')) as object
      const sha256 = toHex(nodeCrypto.sha256(utf8('evil')))
      const file = { name: 'notes', sha256, size: 4 }
      const next = { record: { ...record, version: '9.9.9', sequence: 9, sha256 }, files: [file], tree: null }
      const previous = { record: null, files: [], tree: null }
      const journal = { format: 1, step: 'checked', next, previous, healthCheck: false }
      await writeFile(app(home, '.samebits', 'journal.json'), JSON.stringify(journal))
    }),
  ),
  not(
    'a planted journal that is none',
    tampered((home) => writeFile(app(home, '.samebits', 'journal.json'), '{"step":"run","command":"evil"}')),
  ),
  ends('REVOKED', 'a staged update applied after its release was revoked', (stage) => stage.usual().then(), {
    only: 'library',
    acts: revokedMeanwhile,
  }),
  ends('STALE', 'a staged update applied long after', (stage) => stage.usual().then(), {
    only: 'library',
    acts: longAfter,
  }),
  not(
    'a program planted in PATH before the health check: its search path is fixed',
    async (stage) => {
      await stage.usual()
      stage.ask = { ...stage.ask, healthCheck: ['true'] }
      const planted = join(stage.home, 'planted')
      await mkdir(planted)
      await writeFile(join(planted, 'true'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
      stage.environment = { PATH: `${planted}:${process.env['PATH'] ?? ''}` }
    },
    { only: 'cli' },
  ),
  not(
    'NODE_OPTIONS, LD_LIBRARY_PATH and secrets do not reach the health check',
    async (stage) => {
      await stage.usual()
      stage.ask = {
        ...stage.ask,
        healthCheck: ['sh', '-c', 'test -z "$NODE_OPTIONS$LD_LIBRARY_PATH$LD_PRELOAD$SECRET"'],
      }
      stage.environment = { NODE_OPTIONS: '--no-warnings', LD_LIBRARY_PATH: '/nonexistent', SECRET: 'token' }
    },
    { only: 'cli' },
  ),
])

/** Staged; then the log revokes it, and a check learns of that; then apply. */
async function revokedMeanwhile(stage: Stage, home: string): Promise<Outcome> {
  const updater = createUpdater(await updaterOptions(stage, home))
  await updater.check()
  await updater.download()
  const { scene } = stage
  scene.log.add(entryBy('root', revocation(scene.last.id)))
  await stage.settle()
  await updater.check()
  return outcomeOf(await updater.apply())
}

async function longAfter(stage: Stage, home: string): Promise<Outcome> {
  const updater = createUpdater(await updaterOptions(stage, home))
  await updater.check()
  await updater.download()
  stage.now += 40 * 86_400
  return outcomeOf(await updater.apply())
}

export const machine: readonly Group[] = [paths, states, busy, installing]
