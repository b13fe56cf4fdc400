/**
 * Reading tiles and entry bundles of a log of 65,536 entries, ours from one process and with readers, beside Tessera's file server over its own
 * storage; and what both storages, filled by the same entries in the same way, take on disk.
 *
 *     node --conditions=samebits-source bench/reads.ts [--seconds 4] [--rounds 2] [--readers N]
 *
 * With readers all processors have a process each. Driven by wrk where it is installed, else by our driver, which takes more of the processors. The best round of each counts.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { TILE_WIDTH } from '@samebits/core'
import { missingGo } from '../test/peers/go-programs.ts'
import { runLoad } from './load.ts'
import { type LogUnderTest, publishedSize, startOurs, startTessera } from './logs-under-test.ts'
import { number, report } from './report.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '2' },
    readers: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
  },
})
const seconds = Number(values.seconds)
const entries = 65_536
const entryBytes = 500
const connections = 32
const run = promisify(execFile)

const kinds = {
  'level 0 tiles (8 KiB)': 'tile/0',
  'entry bundles (128 KB)': 'tile/entries',
} as const
type Kind = keyof typeof kinds

const hasWrk = await run('wrk', ['-v']).then(
  () => true,
  (error: { code?: unknown }) => error.code !== 'ENOENT', // it prints its version and fails
)

/** Exactly so many entries, by clients that wait: batches as a busy log makes them. */
async function fill(log: LogUnderTest): Promise<void> {
  const submitters = 512
  const each = entries / submitters
  const entry = (_submitter: number, n: number) => (n < each ? randomBytes(entryBytes) : null)
  await runLoad({ host: '127.0.0.1', port: log.port, submitters, entryBytes, entry, warmupMs: 0, measureMs: 600_000 })
  while ((await publishedSize(log)) < entries) await new Promise((resolve) => setTimeout(resolve, 100))
}

/** Reads a second, each tile of a level in turn. */
async function read(log: LogUnderTest, kind: Kind, folder: string): Promise<number> {
  const pathOf = (n: number) => `/${kinds[kind]}/${String(n % (entries / TILE_WIDTH)).padStart(3, '0')}`
  if (hasWrk) return readWithWrk(log, kinds[kind], folder)
  const load = { host: '127.0.0.1', port: log.port, submitters: connections, entryBytes: 0, warmupMs: 500 }
  return (await runLoad({ ...load, get: pathOf, measureMs: seconds * 1000 })).perSecond
}

async function readWithWrk({ url }: LogUnderTest, path: string, folder: string): Promise<number> {
  const script = join(folder, 'wrk.lua')
  const next = `n = (n + 1) % ${entries / TILE_WIDTH}`
  await writeFile(
    script,
    `local n = 0\nrequest = function() ${next} return wrk.format("GET", string.format("/${path}/%03d", n)) end\n`,
  )
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk met errors: ${stdout}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN)
}

/** What the files of a folder occupy, as the file system counts. */
function onDisk(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, path) => sum + statSync(join(folder, path)).blocks * 512,
    0,
  )
}

const whyNot = await missingGo()
const ours = await startOurs([])
const theirs = whyNot === null ? await startTessera('posix') : null
const best = new Map<string, number>()
try {
  await fill(ours)
  if (theirs !== null) await fill(theirs)
  await inTurns('one process')
  await ours.restart(['--readers', values.readers])
  await inTurns('readers')
  for (const kind of Object.keys(kinds) as Kind[]) {
    row(kind, 'one process', 0.6)
    row(kind, 'readers', 1)
  }
  await ours.stop()
  await theirs?.stop()
  diskRow()
} finally {
  await ours.stop()
  await theirs?.stop()
  await ours.remove()
  await theirs?.remove()
}

async function inTurns(name: string): Promise<void> {
  for (let round = 0; round < Number(values.rounds); round++) {
    await measure(name, ours)
    if (theirs !== null) await measure('theirs', theirs)
  }
}

async function measure(name: string, log: LogUnderTest): Promise<void> {
  for (const kind of Object.keys(kinds) as Kind[]) {
    const rate = await read(log, kind, ours.storage)
    console.log(`${name.padEnd(12)} ${kind.padEnd(24)} ${number(rate)}/s`)
    best.set(`${kind} ${name}`, Math.max(best.get(`${kind} ${name}`) ?? 0, rate))
  }
}

function row(kind: Kind, name: 'one process' | 'readers', atLeast: number): void {
  const how = name === 'readers' ? `--readers ${values.readers}` : name
  const what = `${kind} read a second, ${how}${hasWrk ? '' : ', by our driver: wrk is not installed'}`
  const [rate = Number.NaN, peer] = [best.get(`${kind} ${name}`), best.get(`${kind} theirs`)]
  if (peer === undefined) report({ what, ours: number(rate), peer: null, missing: whyNot ?? 'it failed' })
  else
    report({
      what,
      ours: number(rate),
      peer: { name: "Tessera's file server", value: number(peer) },
      ratio: rate / peer,
      atLeast,
    })
}

function diskRow(): void {
  const what = `bytes on disk for an entry of ${entryBytes}`
  const each = onDisk(ours.storage) / entries
  if (theirs === null) {
    report({ what, ours: number(each), peer: null, missing: whyNot ?? 'it failed' })
    return
  }
  const peer = onDisk(theirs.storage) / entries
  report({ what, ours: number(each), peer: { name: 'Tessera', value: number(peer) }, ratio: each / peer, atMost: 1 })
}
