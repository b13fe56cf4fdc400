/**
 * add-checkpoint/s of a witness with durable state over many logs, ours and omniwitness under one driver, in one run: with an
 * Ed25519 key, and with an Ed25519 and an ML-DSA-44 key.
 *
 *     node --conditions=samebits-source bench/witness.ts [--logs 1000] [--connections 1,8,32] [--seconds 8] [--rounds 2]
 *
 * Omniwitness is built from source at a pinned version where go is installed. Rounds alternate; the best of each counts, so that a
 * neighbour on the machine harms neither.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { end, freePort, missingGo, runToEnd, startServer } from '../test/peers/go-programs.ts'
import type { LoadResult } from './load.ts'
import { processorMs } from './process-use.ts'
import { number, report } from './report.ts'
import { type BenchLog, loadWitness, makeBodies, makeLogs } from './witness-load.ts'

const { values } = parseArgs({
  options: {
    logs: { type: 'string', default: '1000' },
    connections: { type: 'string', default: '1,8,32' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '2' },
  },
})
const warmupMs = 2000
const seconds = Number(values.seconds)
const logs = makeLogs(Number(values.logs))
const bodies = makeBodies(logs, Math.ceil((seconds + 2) * 5))
const keySets = ['ed25519', 'ed25519,ml-dsa-44'] as const
type Keys = (typeof keySets)[number]

interface Running {
  readonly pid: number | undefined
  readonly url: string
  stop(): Promise<void>
}

async function startOurs(folder: string, keys: Keys): Promise<Running> {
  const records = logs.map(({ vkey }) => `vkey ${vkey}\nqpd 100000000\ncontact bench\n`)
  await writeFile(join(folder, 'logs'), `logs/v0\n${records.join('')}`)
  const args = ['--conditions=samebits-source', join(import.meta.dirname, 'witness-server.ts'), folder, keys]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.setEncoding('utf8')
  const [line] = (await once(child.stdout, 'data')) as [string]
  return { pid: child.pid, url: (JSON.parse(line) as { url: string }).url, stop: () => end(child) }
}

async function startTheirs(folder: string, keys: Keys): Promise<Running> {
  const flags: string[] = []
  for (const algorithm of keys.split(',')) {
    const [out, pub] = [join(folder, `${algorithm}.key`), join(folder, `${algorithm}.pub`)]
    const kind = algorithm === 'ed25519' ? [] : ['--mldsa']
    await runToEnd('generate_keys', ['--origin=witness.example/omni', `--out_priv=${out}`, `--out_pub=${pub}`, ...kind])
    flags.push(`--private_key_path=${out}`)
  }
  const record = ({ origin, vkey }: BenchLog) =>
    `  - Origin: ${origin}\n    URL: http://127.0.0.1:9/\n    PublicKey: ${vkey}\n    Feeder: none\n`
  await writeFile(join(folder, 'logs.yaml'), `Logs:\n${logs.map(record).join('')}`)
  const port = await freePort()
  return startServer('omniwitness', port, [
    ...[`--listen=127.0.0.1:${port}`, '--metrics_listen=', `--db_file=${join(folder, 'omni.db')}`],
    ...[`--additional_logs=${join(folder, 'logs.yaml')}`, '--rate_limit=100000'],
    ...['--public_witness_config_poll_interval=0', ...flags],
  ])
}

interface Measured extends LoadResult {
  /** Processor time of the witness for each cosigned request, milliseconds; NaN where the system does not tell. */
  readonly cpuMs: number
}

async function measure(start: typeof startOurs, keys: Keys, connections: number): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-bench-witness-'))
  try {
    const running = await start(folder, keys)
    try {
      const before = processorMs(running.pid)
      const result = await loadWitness({ url: running.url, bodies, connections, warmupMs, measureMs: seconds * 1000 })
      const inAll = (result.answered * (seconds * 1000 + warmupMs)) / (seconds * 1000)
      return { ...result, cpuMs: (processorMs(running.pid) - before) / inAll }
    } finally {
      await running.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function row(name: string, keys: Keys, { submitters, perSecond, p50Ms, p99Ms, cpuMs, refused }: Measured): void {
  const ms = (value: number) => `${value.toFixed(1)} ms`
  console.log(
    `${name.padEnd(12)} ${keys.padEnd(18)} ${String(submitters).padStart(3)} connections ` +
      `${perSecond.toFixed(0).padStart(6)}/s  p50 ${ms(p50Ms)}  p99 ${ms(p99Ms)}  processor ${cpuMs.toFixed(2)} ms  refused ${refused}`,
  )
}

const whyNot = await missingGo()
if (whyNot !== null) console.log(`omniwitness is not measured: ${whyNot}`)
const systems = [['samebits', startOurs], ...(whyNot === null ? [['omniwitness', startTheirs] as const] : [])] as const
for (const keys of keySets) {
  const best = new Map<string, number>()
  for (let round = 0; round < Number(values.rounds); round++)
    for (const connections of values.connections.split(',').map(Number))
      for (const [name, start] of systems) {
        const result = await measure(start, keys, connections)
        row(name, keys, result)
        best.set(name, Math.max(best.get(name) ?? 0, result.perSecond))
      }
  const [ours, theirs] = [best.get('samebits') ?? Number.NaN, best.get('omniwitness')]
  const what = `add-checkpoint/s over ${values.logs} logs, keys ${keys}, best of the rounds`
  if (theirs === undefined) report({ what, ours: number(ours), peer: null, missing: whyNot ?? 'it failed' })
  else report({ what, ours: number(ours), peer: { name: 'omniwitness', value: number(theirs) }, ratio: ours / theirs })
}
