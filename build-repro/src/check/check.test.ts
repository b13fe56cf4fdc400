/** The short form of test/repro: every variation proven inside, and two broken projects, in the smallest image. */
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerEngine } from '../engines/engine.ts'
import { listEngines } from '../engines/find-engine.ts'
import { smallImage } from '../testing-image.ts'
import { type CheckResult, check } from './check.ts'
import { htmlReport, textReport } from './report.ts'

const signal = new AbortController().signal
let names = 0
const search = { environment: process.env, newName: () => `samebits-test-${process.pid}-c${names++}` }
const engines = (await listEngines(search, signal)).flatMap((found) => (found.engine === null ? [] : [found.engine]))

let folder = ''
let image = { id: '', archive: '' }

async function checked(
  engine: ContainerEngine,
  name: string,
  run: readonly string[],
  artifacts: readonly string[],
): Promise<CheckResult> {
  const at = await mkdtemp(join(folder, `${name}-`))
  await chmod(at, 0o711)
  const tree = join(at, 'tree')
  await mkdir(join(tree, 'parts'), { recursive: true })
  for (let part = 0; part < 40; part++) await writeFile(join(tree, 'parts', `part-${part * 37}`), '')
  return check(
    {
      build: {
        recipe: { image: { id: image.id }, build: { run }, artifacts, epoch: 1_700_000_000 },
        source: { kind: 'folder', folder: tree },
        engine,
        scratch: at,
        archives: [image.archive],
        toolEnvironment: process.env,
        now: () => Math.floor(Date.now() / 1000),
      },
      without: new Set(),
      explain: name !== 'all',
      into: join(at, 'into'),
      onBuild: () => undefined,
      sleep: (ms, until) => setTimeout(ms, undefined, { signal: until }),
    },
    signal,
  )
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-check-'))
  await chmod(folder, 0o711)
  if (engines.length === 0) return
  const made = await smallImage(folder)
  if (made === null) throw new Error('this machine has no shell to make a small image of')
  image = made
})
afterAll(async () => {
  for (const { name } of engines) execFileSync(name, ['rmi', '--force', image.id], { stdio: 'ignore' })
  await rm(folder, { recursive: true, force: true })
})

describe.each(engines)('check, with $name', (engine) => {
  it('varies what it says it varies, as a program inside sees it', async () => {
    const facts: Readonly<Record<string, string>> = {
      time: 'date +%Y',
      timezone: 'date +%z',
      locale: 'echo "$LC_ALL"',
      hostname: 'hostname',
      user: 'echo "$(id -u) $(id -g) $(id -un)"',
      umask: 'umask; touch new; stat -c %a new',
      path: 'pwd',
      home: 'echo "$HOME"; ls -d "$HOME"',
      processors: 'nproc; cat /sys/devices/system/cpu/online',
      order: 'ls -U parts',
      environment: 'echo "$PATH"; env | sed -n s,^SAMEBITS_VARIED=,,p',
    }
    const names = Object.keys(facts)
    const { plain, varied, variety } = await checked(
      engine,
      'all',
      Object.entries(facts).map(([name, command]) => `( ${command} ) > ${name}`),
      names,
    )
    expect(variety.unvaried).toEqual([])
    const [a, b] = await Promise.all(
      [plain, varied].map(({ outputs }) => Promise.all(outputs.map(({ path }) => readFile(path, 'utf8')))),
    )
    const said = (from: readonly string[] | undefined, name: string) =>
      from?.[names.indexOf(name)]?.trim().split('\n') ?? []
    for (const name of names) expect({ name, said: said(b, name) }).not.toEqual({ name, said: said(a, name) })
    expect(Number(said(b, 'time')[0]) - Number(said(a, 'time')[0])).toBeGreaterThanOrEqual(1)
    expect([said(a, 'timezone'), said(b, 'timezone')]).toEqual([['+0000'], ['+1245']])
    expect([said(a, 'user'), said(b, 'user')]).toEqual([['1000 1000 builder'], ['12345 54321 somebody']])
    expect([said(a, 'umask'), said(b, 'umask')]).toEqual([
      ['0022', '644'],
      ['0002', '664'],
    ])
    expect(said(b, 'processors')).toEqual(['1', '0'])
    expect([...said(b, 'order')].sort()).toEqual([...said(a, 'order')].sort())
  })

  it.each([
    ['timestamp', 'date > app', 'time alone brings it out'],
    ['path', 'printf "in %s\\n" "$PWD" > app', 'path alone brings it out'],
  ])('names the cause of a %s', async (kind, command, explanation) => {
    const result = await checked(engine, kind, [command, 'echo same > same'], ['app', 'same'])
    expect(result.differences.map((each) => each.kind)).toEqual([kind])
    const report = textReport(result).join('\n')
    expect(report).toContain(`NOT reproducible: 1 of 2 artifacts`)
    expect(report).toContain(`${kind}: ${explanation}`)
    expect(htmlReport(result, '<script>')).not.toContain('<script>')
  })
})

it.runIf(engines.length === 0)('check in containers: not run, no container engine answers', (context) => context.skip())
