/**
 * A log that shows two histories to two groups of clients, end to end (`npm run test:split-view`): real witnesses, a real monitor, real
 * clients, over HTTP, each in a network namespace of its own where the machine has them, so that nobody sees more than the wire
 * to it carries. The log is the attacker: its keys, and the publisher's and a rebuilder's, sign whatever it likes.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  formatAddCheckpoint,
  formatNote,
  formatUpdateBundle,
  formatVkey,
  parseAddCheckpointResponse,
  parseEvidence,
  parseSignedCheckpoint,
  type ReleaseStatement,
  toBase64,
} from '@samebits/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bridge, loopbackPlace, missingNamespaces, namespace, type Place } from '../support/namespaces.ts'
import { ServedLog } from '../support/served-log.ts'
import { newWitness, type WitnessProcess } from '../support/witness-process.ts'
import { entryBy, MemoryLog } from '../support/world.ts'
import { artifact, artifactBytes, idOf, rebuild, release, trustFile } from '../support/world-statements.ts'

const asked = process.env['MODE'] === 'split-view'
const without = asked ? missingNamespaces() : null
if (!asked) console.log('the split view, end to end, is not tried: run by npm run test:split-view')
else if (without !== null) console.log(`the split view is tried on one loopback, without namespaces: ${without}`)

const ORIGIN = 'log.example.com/notes'
const root = fileURLToPath(new URL('../..', import.meta.url))
const node = (program: string) => ['--conditions=samebits-source', join(root, program)]

const first = release(1, null)
const honest = release(2, idOf(first))
const secret = release(2, idOf(first), { version: '1.2.1', artifacts: [artifact('1.2.1')] })

let home: string
let places: { readonly a: Place; readonly b: Place; readonly monitor: Place; readonly alone: Place }
let witnesses: WitnessProcess[]
/** What each group is shown under the one URL of the log. */
let viewA: ServedLog
let viewB: ServedLog

async function placeFor(number: number): Promise<Place> {
  return without === null ? namespace(number) : loopbackPlace()
}

/** The log asks a witness to cosign; its line, or null where the witness refuses. */
async function ask(witness: WitnessProcess, log: MemoryLog, oldSize: number): Promise<string | null> {
  const checkpoint = parseSignedCheckpoint(log.checkpoint())
  const proof = oldSize === 0 ? [] : log.consistency(oldSize)
  const body = formatAddCheckpoint({ oldSize, proof, checkpoint })
  const answer = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })
  if (answer.status !== 200) return null
  const lines = parseAddCheckpointResponse(await answer.text())
  return formatNote({ text: checkpoint.note.text, signatures: [...checkpoint.note.signatures, ...lines] })
}

/** The checkpoint with the lines of all witnesses that cosign it. */
async function witnessed(log: MemoryLog, oldSize: number, by: readonly WitnessProcess[]): Promise<string> {
  const own = parseSignedCheckpoint(log.checkpoint())
  const signatures = [...own.note.signatures]
  for (const witness of by) {
    const text = await ask(witness, log, oldSize)
    if (text !== null) signatures.push(...parseSignedCheckpoint(text).note.signatures.slice(own.note.signatures.length))
  }
  return formatNote({ text: own.note.text, signatures })
}

/** Puts a release under the feed of a view. */
function offer(view: ServedLog, statement: ReleaseStatement, checkpoint: string): void {
  view.checkpoint = checkpoint
  const id = idOf(statement)
  const from = statement.sequence === 1 ? 0 : 2
  const { entries } = view.log.view({ indices: [from, from + 1] })
  const bundle = formatUpdateBundle({ views: [{ checkpoint, consistency: [], entries }], trust: [] })
  view.instead.set('feed/stable.samebits.json', bundle)
  for (const { name } of statement.artifacts) view.instead.set(`feed/${id}/${name}`, artifactBytes(statement.version))
}

async function run(place: Place, args: readonly string[]): Promise<{ status: number; output: string }> {
  const child = place.spawn(process.execPath, args, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = (await once(child, 'close')) as [number]
  return { status, output }
}

function update(place: Place, trust: string, into: string, logUrl: string) {
  const flags = [
    '--into',
    join(home, into),
    '--feed',
    `${logUrl}/feed/`,
    '--platform',
    'linux-x64',
    '--channel',
    'stable',
    '--json',
  ]
  return run(place, [...node('verifier-cli/src/main.ts'), 'update', '--trust', join(home, trust), ...flags])
}

async function installed(into: string): Promise<string> {
  const record = JSON.parse(await readFile(join(home, into, 'installed.json'), 'utf8')) as { version: string }
  return record.version
}

/** Trust files name the log by the URL that every client uses. */
async function writeTrust(name: string, url: string, witnessLines: string | null): Promise<void> {
  const file = JSON.parse(
    new TextDecoder().decode(trustFile({ log: viewA.log, ...(witnessLines === null ? { quorum: 0 } : {}) })),
  )
  const logLine = `log ${formatVkey(viewA.log.signer.key)} ${url}\n`
  file.tlogPolicy =
    witnessLines === null ? `${logLine}quorum none\n` : `${logLine}${witnessLines}group two 2 w1 w2 w3\nquorum two\n`
  await writeFile(join(home, name), JSON.stringify(file))
}

interface Monitor {
  /** Where it listens, as seen from outside. */
  readonly url: string
  /** The first alert of a rule, awaited. */
  alert(rule: string): Promise<{ readonly rule: string; readonly evidence: string | null; readonly title: string }>
  evidenceFiles(): Promise<string[]>
  stop(): Promise<void>
}

async function startMonitor(name: string, more: object, log: object = {}): Promise<Monitor> {
  const place = places.monitor
  const url = urlM
  const file = join(home, `${name}.json`)
  const listen = { host: '0.0.0.0', port: 0 }
  const entry = { keys: [formatVkey(viewA.log.signer.key)], url, ...log }
  const config = {
    format: 1,
    pollInterval: '3s',
    limits: { openAfter: '1s' },
    logs: [entry],
    listen,
    sinks: [{ kind: 'stdout' }],
  }
  await writeFile(file, JSON.stringify({ ...config, ...more }))
  const args = [
    ...node('monitor/src/main.ts'),
    'run',
    '--config',
    file,
    '--data-dir',
    join(home, name),
    '--json',
    '--log-level',
    'warn',
  ]
  const child: ChildProcess = place.spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  let rest = ''
  const waiting: (() => void)[] = []
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    for (const wake of waiting.splice(0)) wake()
  })
  const line = async (fits: (value: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = lines.map((text) => JSON.parse(text) as Record<string, unknown>).find(fits)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  const { url: own } = await line((value) => 'logs' in value)
  return {
    url: place.outside(Number(new URL(String(own)).port)),
    alert: async (rule) => (await line((value) => value['rule'] === rule)) as never,
    evidenceFiles: async () =>
      (await readdir(join(home, name, 'evidence')).catch(() => [])).map((path) => join(home, name, 'evidence', path)),
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Judged by a process of its own, from the file alone, where there is no network at all. */
async function judge(file: string): Promise<{ status: number; output: string }> {
  const key = formatVkey(viewA.log.signer.key)
  return run(places.alone, [...node('monitor/src/main.ts'), 'evidence', 'check', file, '--key', key])
}

/** The log's URL in each place. */
let urlA: string
let urlB: string
let urlM: string

describe.skipIf(!asked)('a log that shows two histories', () => {
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'samebits-split-'))
    places = { a: await placeFor(0), b: await placeFor(1), monitor: await placeFor(2), alone: await placeFor(3) }
    const common = new MemoryLog(ORIGIN)
    common.add(entryBy('alice', first), entryBy('rob', rebuild(first)))
    // One server a group, listening on that group's wire alone. The monitor is on the wire of view A's operator.
    viewA = await ServedLog.start(common, without === null ? '0.0.0.0' : '127.0.0.1')
    viewB = await ServedLog.start(common, places.b.host)
    const portOfA = new URL(viewA.url).port
    const via = (place: Place) => (without === null ? `http://${place.host}:${portOfA}` : viewA.url)
    urlA = await places.a.reach(via(places.a), 7070)
    urlB = await places.b.reach(viewB.url, 7070)
    const keys = [formatVkey(common.signer.key)]
    witnesses = await Promise.all(['w1', 'w2', 'w3'].map((name) => newWitness(`witness.example/${name}`, keys)))
    const lines = witnesses.map(({ vkeys }, at) => `witness w${at + 1} ${vkeys[0]}\n`).join('')
    await writeTrust('witnessed-a.json', urlA, lines)
    await writeTrust('witnessed-b.json', urlB, lines)
    await writeTrust('unwitnessed-b.json', urlB, null)
    const begun = await witnessed(common, 0, witnesses)
    offer(viewA, first, begun)
    offer(viewB, first, begun)
    urlM = await places.monitor.reach(via(places.monitor), 7070)
  }, 240_000)
  afterAll(async () => {
    await Promise.all((witnesses ?? []).map((witness) => witness.remove()))
    await viewA?.close()
    await viewB?.close()
    for (const place of Object.values(places ?? {})) await place.close()
    await rm(home, { recursive: true, force: true })
  }, 60_000)

  it('has clients of both groups first, in one history', async () => {
    expect(await update(places.a, 'witnessed-a.json', 'a', urlA)).toMatchObject({ status: 0 })
    expect(await update(places.b, 'witnessed-b.json', 'b', urlB)).toMatchObject({ status: 0 })
    expect(await update(places.b, 'unwitnessed-b.json', 'b-unwitnessed', urlB)).toMatchObject({ status: 0 })
    expect([await installed('a'), await installed('b'), await installed('b-unwitnessed')]).toEqual([
      '1.1.0',
      '1.1.0',
      '1.1.0',
    ])
  })

  it('then forks: one witness falls for it, and a witnessed client never accepts the fork', async () => {
    const [w1, w2, w3] = witnesses as [WitnessProcess, WitnessProcess, WitnessProcess]
    const common = viewA.log
    const [a, b] = [common.fork(2), common.fork(2)]
    a.add(entryBy('alice', honest), entryBy('rob', rebuild(honest)))
    b.add(entryBy('alice', secret), entryBy('rob', rebuild(secret)))
    b.pad(5)
    viewA.log = a
    viewB.log = b
    const cosignedB = await witnessed(b, 2, [w3])
    const cosignedA = await witnessed(a, 2, [w1, w2])
    expect(await Promise.all([ask(w1, b, 2), ask(w2, b, 2), ask(w3, a, 2)])).toEqual([null, null, null])
    offer(viewA, honest, cosignedA)
    offer(viewB, secret, cosignedB)
    expect(await update(places.a, 'witnessed-a.json', 'a', urlA)).toMatchObject({ status: 0 })
    const refused = await update(places.b, 'witnessed-b.json', 'b', urlB)
    expect(refused.output).toContain('WITNESS_QUORUM')
    expect([refused.status, await installed('a'), await installed('b')]).toEqual([10, '1.2.0', '1.1.0'])
    // Nobody vouches for the history of an unwitnessed client: that one is taken in.
    expect(await update(places.b, 'unwitnessed-b.json', 'b-unwitnessed', urlB)).toMatchObject({ status: 0 })
    expect(await installed('b-unwitnessed')).toBe('1.2.1')
  })

  it('is caught at once where a client hands in what its feed showed, though the fork is withheld from everybody else', async () => {
    const monitor = await startMonitor('withheld', {})
    const outside = await bridge(places.b.host, monitor.url)
    const gossipUrl = await places.b.reach(outside.url, 7071)
    const bundle = viewB.instead.get('feed/stable.samebits.json') as Uint8Array
    const gossip = { mediaType: 'application/vnd.samebits.gossip+json;version=1', bundles: [toBase64(bundle)] }
    await writeFile(join(home, 'gossip.json'), JSON.stringify(gossip))
    const post = `fetch('${gossipUrl}/v1/gossip', { method: 'POST', body: require('node:fs').readFileSync('gossip.json') })
      .then(async (answer) => { console.log(answer.status, await answer.text()) })`
    await expect.poll(() => viewA.asked.get('checkpoint') ?? 0).toBeGreaterThan(0)
    const handed = await run(places.b, ['-e', post])
    expect(handed.output).toContain('200 {"kept":1')
    const alert = await monitor.alert('fork')
    expect(alert.title).toContain(ORIGIN)
    // One for the release, one for the rebuild of it: both entries of the bundle are others than everybody is shown.
    await expect.poll(() => monitor.evidenceFiles(), { timeout: 20_000 }).toHaveLength(2)
    for (const file of await monitor.evidenceFiles()) {
      expect(parseEvidence(await readFile(file)).kind).toBe('leaf-conflict')
      expect(await judge(file)).toMatchObject({ status: 0, output: expect.stringContaining('proven') })
    }
    outside.close()
    await monitor.stop()
  }, 120_000)

  it('is caught within one polling interval where its feed can be read', async () => {
    const before = viewA.asked.get('checkpoint') ?? 0
    const mirror = without === null ? await bridge(places.monitor.host, viewB.url) : { url: viewB.url, close() {} }
    const url = await places.monitor.reach(mirror.url, 7072)
    const monitor = await startMonitor('honest', {}, { mirrors: [url] })
    await monitor.alert('fork')
    expect((viewA.asked.get('checkpoint') ?? 0) - before).toBeLessThanOrEqual(2)
    await expect.poll(() => monitor.evidenceFiles(), { timeout: 20_000 }).toHaveLength(1)
    const [file = ''] = await monitor.evidenceFiles()
    expect(parseEvidence(await readFile(file)).kind).toBe('fork')
    expect(await judge(file)).toMatchObject({ status: 0, output: expect.stringContaining('proven') })
    await monitor.stop()
    mirror.close()
  }, 120_000)

  it('is a question from the copy of the witness that fell for it, and proven when the log grows past it', async () => {
    const copies: { close(): void }[] = []
    const entries: object[] = []
    for (const [at, witness] of witnesses.entries()) {
      const copy =
        without === null
          ? await bridge(places.monitor.host, witness.url)
          : { url: new URL(witness.url).origin, close() {} }
      copies.push(copy)
      const reached = await places.monitor.reach(copy.url, 7080 + at)
      entries.push({ keys: witness.vkeys, url: `${reached}${new URL(witness.url).pathname}` })
    }
    const monitor = await startMonitor('copies', { witnesses: entries })
    expect((await monitor.alert('open-tree')).title).toContain('9 entries')
    viewA.log.pad(10)
    const [w1, w2] = witnesses as [WitnessProcess, WitnessProcess]
    viewA.checkpoint = await witnessed(viewA.log, 4, [w1, w2])
    await monitor.alert('fork')
    await expect.poll(() => monitor.evidenceFiles(), { timeout: 20_000 }).not.toEqual([])
    const [file = ''] = await monitor.evidenceFiles()
    expect(await judge(file)).toMatchObject({ status: 0 })
    await monitor.stop()
    for (const copy of copies) copy.close()
  }, 120_000)
})
