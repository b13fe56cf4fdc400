/**
 * A monitor that reads a log from scratch over loopback, the log's server on the same processors.
 *
 * Raw: every entry hashed, every tile of every level compared, beside Tessera's fsck over HTTP on the same log in the same run (where go is
 * there). Product: besides, each statement parsed in its canonical form, its signature verified, its admission judged, and all
 * of it indexed durably.
 *
 *     node --conditions=samebits-source bench/monitor.ts [--entries 1000000] [--statements 60000]
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { entryMessage, formatEntry, formatSpkiPem, formatStatement, keyHint, statementId } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { runToEnd } from '../test/peers/go-programs.ts'
import { createLogFolder, type LogFolder, startLog } from '../test/support/log-process.ts'
import { fillStore } from './fill-store.ts'
import { processorMs, residentMegabytes } from './process-use.ts'
import { number, report } from './report.ts'
import { median } from './samples.ts'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    statements: { type: 'string', default: '60000' },
    rounds: { type: 'string', default: '3' },
  },
})
const main = fileURLToPath(new URL('../monitor/src/main.ts', import.meta.url))

await raw(Number(values.entries), Number(values.rounds))
await product(Number(values.statements))

/** Interleaved rounds; the ratio is that of the medians. */
async function raw(entries: number, rounds: number): Promise<void> {
  const folder = await createLogFolder()
  try {
    await fillStore(join(folder.path, 'data', 'log.db'), entries, () => randomBytes(500))
    const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'warn'])
    try {
      const [ours, theirs, peaks]: [number[], number[], number[]] = [[], [], []]
      for (let round = 0; round < rounds; round++) {
        const theirSeconds = await tesseraSeconds(folder, log.url)
        if (theirSeconds !== null) theirs.push(theirSeconds)
        const keys = folder.vkeys.flatMap((vkey) => ['--key', vkey])
        const { seconds, peakMegabytes } = await follow(join(folder.path, `raw-${round}`), ['--url', log.url, ...keys])
        ours.push(seconds)
        peaks.push(peakMegabytes)
      }
      const rate = entries / median(ours)
      const what = `entries/s followed over HTTP, ${number(entries)} of 500 bytes, every tile compared`
      const said = `${number(rate)}, ${Math.max(...peaks)} MB`
      if (theirs.length === 0) report({ what, ours: said, peer: null, missing: 'go is not installed' })
      else {
        const peer = { name: "Tessera's fsck", value: number(entries / median(theirs)) }
        report({ what, ours: said, peer, ratio: median(theirs) / median(ours), atLeast: 0.5 })
      }
    } finally {
      await log.kill('SIGTERM')
    }
  } finally {
    await folder.remove()
  }
}

async function product(entries: number): Promise<void> {
  const folder = await createLogFolder()
  const products = 100
  const publisher = generateSigningKey('ed25519')
  try {
    const leaves = chains(products, Math.ceil(entries / products), publisher)
    await fillStore(join(folder.path, 'data', 'log.db'), leaves.length, () => leaves.shift() ?? new Uint8Array())
    const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'warn'])
    try {
      const config = await writeConfig(folder, log.url, products, formatSpkiPem(publisher))
      const count = products * Math.ceil(entries / products)
      const before = processorMs(log.child.pid)
      const { seconds, peakMegabytes, processor } = await follow(join(folder.path, 'product'), ['--config', config])
      const served = (processorMs(log.child.pid) - before) / 1000
      const each = (processorSecondsSpent: number) => `${((processorSecondsSpent * 1e6) / count).toFixed(0)} µs`
      report({
        what: `signed releases/s followed, verified, judged and indexed, ${number(count)} of them`,
        ours: `${number(count / seconds)}, ${peakMegabytes} MB; processor ${each(processor)} an entry, the log's server ${each(served)}`,
        peer: null,
      })
    } finally {
      await log.kill('SIGTERM')
    }
  } finally {
    await folder.remove()
  }
}

interface Followed {
  readonly seconds: number
  readonly peakMegabytes: number
  /** Processor seconds of all its threads. */
  readonly processor: number
}

/** Runs `run --once` to its end, start-up included. */
async function follow(dataDir: string, args: readonly string[]): Promise<Followed> {
  const started = performance.now()
  const child = spawn(
    process.execPath,
    ['--conditions=samebits-source', main, 'run', '--once', '--json', '--data-dir', dataDir, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let [output, peak, processor] = ['', 0, 0]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const watch = setInterval(() => {
    peak = Math.max(peak, residentMegabytes(child.pid, 'VmHWM') || 0)
    processor = Math.max(processor, processorMs(child.pid) / 1000 || 0)
  }, 100)
  const status = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  clearInterval(watch)
  const answer = output.trim().split('\n').at(-1) ?? ''
  const { logs } = JSON.parse(answer) as { logs: readonly { readonly size: number; readonly readTo: number }[] }
  if (status !== 0 || logs.some(({ size, readTo }) => size !== readTo))
    throw new Error(`it did not read all: ${output}`)
  return { seconds: (performance.now() - started) / 1000, peakMegabytes: Math.round(peak), processor }
}

async function tesseraSeconds(folder: LogFolder, url: string): Promise<number | null> {
  const key = join(folder.path, 'log.pub')
  await writeFile(key, folder.vkeys.find((vkey) => vkey.length < 200) ?? '')
  const args = [`--storage_url=${url}/`, `--public_key=${key}`, '--ui=false', '--N=4']
  try {
    await runToEnd('fsck', ['--help']).catch(() => undefined) // built, if it can be
    const started = performance.now()
    await runToEnd('fsck', args)
    return (performance.now() - started) / 1000
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

/** A chain of releases for each product, woven as a log sees them. */
function chains(products: number, releases: number, publisher: ReturnType<typeof generateSigningKey>): Uint8Array[] {
  const hint = keyHint(nodeCrypto, publisher)
  const heads = new Array<string | null>(products).fill(null)
  const leaves: Uint8Array[] = []
  for (let sequence = 1; sequence <= releases; sequence++)
    for (let at = 0; at < products; at++) {
      const sha256 = createHash('sha256').update(`${at} ${sequence}`).digest('hex')
      const payload = formatStatement({
        ...{ kind: 'release', product: `bench.example/p${at}`, channel: 'stable' },
        ...{ version: `1.0.${sequence}`, sequence, previous: heads[at] ?? null },
        artifacts: [{ name: 'app', platform: 'any', size: 1_000_000, mediaType: 'application/octet-stream', sha256 }],
        builds: [],
      })
      heads[at] = statementId(nodeCrypto, payload)
      const signature = publisher.sign(entryMessage(payload))
      leaves.push(formatEntry(nodeCrypto, { payload, signer: { kind: 'key', hint }, signature }))
    }
  return leaves
}

async function writeConfig({ path, vkeys }: LogFolder, url: string, products: number, publicKey: string) {
  const trust: string[] = []
  const authority = formatSpkiPem(generateSigningKey('ed25519'))
  for (let at = 0; at < products; at++) {
    const file = join(path, `trust-${at}.json`)
    const role = (id: string, key: string) => ({ threshold: 1, members: [{ id, publicKey: key }] })
    const text = JSON.stringify({
      ...{ format: 1, version: 1, product: `bench.example/p${at}`, channels: ['stable'], unwitnessed: true },
      tlogPolicy: `log ${vkeys.at(-1)} ${url}\nquorum none\n`,
      ...{ authority: role('authority', authority), publishers: role('publisher', publicKey) },
      rebuilders: { threshold: 0, members: [], onMismatch: 'refuse' },
      ...{ freshness: { clockSkew: '5m' }, history: { mode: 'complete' }, heads: {} },
    })
    await writeFile(file, text)
    trust.push(file)
  }
  const config = join(path, 'monitor.json')
  await writeFile(config, JSON.stringify({ format: 1, logs: [{ url, keys: vkeys, trust }] }))
  return config
}
