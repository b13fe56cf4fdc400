/** The ways through which a case is driven, and the independent judge of evidence. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeCrypto } from '@samebits/core/node'
import { sigstoreIdentities } from '@samebits/identity'
import {
  type ApplyResult,
  type CheckResult,
  createUpdater,
  type DownloadResult,
  exitStatus,
  type InstallStep,
  type UpdaterOptions,
} from '@samebits/updater'
import { artifactBytes } from '../support/world-statements.ts'
import type { Ending } from './case.ts'
import type { Stage } from './stage.ts'

const mortal = fileURLToPath(new URL('./die-at.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** How a run ended, in whatever way it was asked for. */
export interface Outcome {
  readonly result: Ending | 'nothing-staged'
  readonly exit: number
  /** All that was said to a person. */
  readonly said: string
  readonly evidence: string | null
}

const day = 86_400

/** An updater as an application makes one, on the clock of the stage. */
export async function updaterOptions(
  stage: Stage,
  home: string,
  more: Partial<UpdaterOptions> = {},
): Promise<UpdaterOptions> {
  const { ask, anchor } = stage
  const installDir = join(home, 'app')
  return {
    trust: await readFile(join(home, 'trust.json')),
    anchor,
    stateDir: join(installDir, '.samebits', 'state'),
    installDir,
    channel: ask.channel,
    platform: ask.platform,
    artifact: ask.artifact ?? null,
    mediaType: ask.mediaType ?? null,
    feeds: stage.feeds ?? [stage.feed],
    ...(stage.fromFeed || stage.offered() === null
      ? {}
      : { bundle: await readFile(join(home, 'hand', 'bundle.json')), localFiles: join(home, 'hand') }),
    online: ask.offline !== true,
    acceptStale: ask.acceptStaleDays === undefined ? null : ask.acceptStaleDays * day,
    downgradeTo: ask.downgradeTo ?? null,
    unpack: ask.unpack === true,
    repair: ask.repair === true,
    ...(ask.healthCheck === undefined ? {} : { healthCheck: { command: ask.healthCheck, timeoutMs: 10_000 } }),
    fetch,
    clock: () => stage.now,
    stopwatch: () => performance.now(),
    random: Math.random,
    os: process.platform,
    uid: process.getuid?.(),
    crypto: nodeCrypto,
    identities: sigstoreIdentities(),
    retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 2 },
    idleTimeoutMs: 1000,
    totalTimeoutMs: 2000,
    ...more,
  }
}

/** check, download and apply, until one of them is the end. */
export async function runLibrary(stage: Stage, home: string, more: Partial<UpdaterOptions> = {}): Promise<Outcome> {
  stage.web.hostile = stage.hostile()
  const updater = createUpdater(await updaterOptions(stage, home, more))
  const found = await updater.check()
  if (found.kind !== 'accepted') return outcomeOf(found)
  const fetched = await updater.download()
  if (fetched.kind === 'stopped') return outcomeOf(fetched)
  return outcomeOf(await updater.apply())
}

export function outcomeOf(ended: CheckResult | DownloadResult | ApplyResult): Outcome {
  switch (ended.kind) {
    case 'stopped': {
      const { code, detail, remedy } = ended.refusal
      return {
        result: code ?? 'usage',
        exit: exitStatus(ended),
        said: `${detail}\n${remedy}`,
        evidence: ended.evidencePath,
      }
    }
    case 'current': {
      const result = ended.current.flaw === null ? 'current' : 'flawed'
      return { result, exit: exitStatus(ended), said: '', evidence: null }
    }
    case 'nothing-staged':
      return { result: ended.kind, exit: 0, said: '', evidence: null }
    default:
      return { result: 'installed', exit: 0, said: '', evidence: null }
  }
}

interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export async function run(
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env
  const env = { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }), ...environment }
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [status, signal] = await once(child, 'close')
  if (typeof status !== 'number') throw new Error(`ended by ${signal}: ${stderr}`)
  return { status, stdout, stderr }
}

/** An update in a process that is killed, as hard as by a power cut, when a step of the installation is reached. */
export async function dieAt(stage: Stage, home: string, step: InstallStep): Promise<void> {
  const job = JSON.stringify({ home, feed: stage.feed, now: stage.now, step })
  const child = spawn(process.execPath, ['--conditions=samebits-source', mortal, job], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL') throw new Error(`it did not come to "${step}": ${stderr}`)
}

/** An update in a process of its own, to its end. @returns its exit status */
export async function runApart(stage: Stage, home: string): Promise<number> {
  const job = JSON.stringify({ home, feed: stage.feed, now: stage.now, step: 'none' })
  const child = spawn(process.execPath, ['--conditions=samebits-source', mortal, job], { stdio: 'ignore' })
  const [status] = await once(child, 'close')
  return Number(status)
}

/** The command line as users have it: one file. @returns its path */
export async function packProgram(folder: string): Promise<string> {
  const { status, stderr } = await run([join(root, 'scripts/build-cli.mjs'), folder], root)
  if (status !== 0) throw new Error(stderr)
  return join(folder, 'samebits.cjs')
}

/** A module that sets a process's clock to a time, from where it goes on. */
function clockAt(seconds: number): string {
  const code = `const now = Date.now, from = now(); Date.now = () => ${seconds * 1000} + now() - from`
  return `data:text/javascript,${encodeURIComponent(code)}`
}

/** `samebits update` as a process of its own; `more` are further options of the command. */
export async function runCommandLine(
  program: string,
  stage: Stage,
  home: string,
  more: readonly string[] = [],
): Promise<Outcome> {
  const { ask, anchor, now, environment } = stage
  stage.web.hostile = stage.hostile()
  const flags = [
    ...['update', '--trust', 'trust.json', '--into', 'app', '--channel', ask.channel, '--platform', ask.platform],
    ...(anchor === null ? [] : ['--anchor', 'anchor.json']),
    ...(stage.fromFeed || stage.offered() === null
      ? (stage.feeds ?? [stage.feed]).flatMap((feed) => ['--feed', feed])
      : ['--bundle', 'hand/bundle.json', '--feed', stage.feed]),
    ...(ask.artifact === undefined ? [] : ['--artifact', ask.artifact]),
    ...(ask.mediaType === undefined ? [] : ['--media-type', ask.mediaType]),
    ...(ask.offline === true ? ['--offline'] : []),
    ...(ask.acceptStaleDays === undefined ? [] : ['--accept-stale', `${ask.acceptStaleDays}d`]),
    ...(ask.downgradeTo === undefined ? [] : ['--downgrade-to', ask.downgradeTo]),
    ...(ask.unpack === true ? ['--unpack'] : []),
    ...(ask.patience ?? []),
    ...(ask.repair === true ? ['--repair'] : []),
    ...(ask.healthCheck === undefined ? [] : ['--health-check', JSON.stringify(ask.healthCheck)]),
  ]
  const ended = await run(['--import', clockAt(now), program, ...flags, ...more], home, environment)
  return readEnd(ended)
}

/** `samebits verify` of the artifact and the bundle that are offered, by what this client knows. */
export async function runVerify(program: string, stage: Stage, home: string): Promise<Outcome> {
  const { ask, anchor, now, scene } = stage
  const folder = join(home, 'verify')
  await mkdir(folder)
  const { artifacts, version } = scene.last.statement
  const { name, platform } = artifacts.find((each) => each.platform === ask.platform) ?? {
    name: 'notes',
    platform: ask.platform,
  }
  await writeFile(join(folder, name), artifactBytes(version, platform))
  await writeFile(join(folder, 'bundle.json'), stage.offered() ?? '')
  const flags = [
    ...['verify', join('verify', name), '--bundle', 'verify/bundle.json', '--trust', 'trust.json'],
    ...['--channel', ask.channel, '--platform', ask.platform, '--state', 'app/.samebits/state'],
    ...(anchor === null ? [] : ['--anchor', 'anchor.json']),
  ]
  return readEnd(await run(['--import', clockAt(now), program, ...flags], home))
}

/** Controls but the newline, bidirectional marks, and what hides. None belongs into a pipe. */
const unsafe = /(?!\n)\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u

/** Reads what a person reads, and holds it against what a person may expect: no stack trace, five lines at most. */
export function readEnd({ status, stdout, stderr }: Ended): Outcome {
  const said = stdout + stderr
  if (/^\s+at .+:\d+/m.test(said) || said.includes('node:internal')) throw new Error(`a stack trace:\n${said}`)
  if (unsafe.test(said)) throw new Error(`not neutralised: ${JSON.stringify(said)}`)
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('note '))
  const evidence = /^ {2}evidence {2}(.*)$/m.exec(stderr)?.[1] ?? null
  if (status === 0 && lines.length === 0) {
    return { result: stdout.startsWith('nothing newer') ? 'current' : 'installed', exit: 0, said, evidence }
  }
  if (lines.length > 5) throw new Error(`more than five lines:\n${stderr}`)
  const [, , code] = /^(REFUSED|UNDECIDED)? ?([A-Z][A-Z_]+)/.exec(lines[0] ?? '') ?? []
  const result = status === 12 ? 'flawed' : code === 'USAGE' ? 'usage' : (code as Ending | undefined)
  if (result === undefined) throw new Error(`no code:\n${said}`)
  return { result, exit: status, said, evidence }
}

/** `samebits-monitor evidence check`, which knows nothing but the file and whom to believe. */
export async function judgeEvidence(
  file: string,
  trust: string,
  keys: readonly string[],
): Promise<{ kind: string; verdict: string }> {
  const main = join(root, 'monitor/src/main.ts')
  const believed = keys.length > 0 ? keys.flatMap((key) => ['--key', key]) : ['--trust', trust]
  const args = ['--conditions=samebits-source', main, 'evidence', 'check', file, ...believed, '--json']
  const { stdout, stderr } = await run(args, root)
  if (stdout === '') throw new Error(stderr)
  const { kind, verdict } = JSON.parse(stdout) as { kind: string; verdict: string }
  return { kind, verdict }
}
