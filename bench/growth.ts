/**
 * How a log grows: what one more entry costs at 10^4, 10^5, 10^6 and, where that is asked for, 10^7 entries, an inclusion proof, memory of the
 * server under load, and disk; with a plot.
 *
 *     node --conditions=samebits-source bench/growth.ts [--entries 1000000] [--svg docs/growth.svg]
 *
 * 10,000,000 entries take some minutes and 6 GB.
 */
import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { nodeCrypto } from '@samebits/core/node'
import { inclusionProof } from '../log-server/src/proofs.ts'
import { openSqliteReader } from '../log-server/src/sqlite-store.ts'
import { createLogFolder, type LogFolder, startLog } from '../test/support/log-process.ts'
import { fillStore } from './fill-store.ts'
import { runLoad } from './load.ts'
import { type Panel, plot } from './plot.ts'
import { residentMegabytes } from './process-use.ts'
import { number, report } from './report.ts'

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '1000000' }, svg: { type: 'string', default: '' } },
})
const largest = Number(values.entries)
const sizes = [1e4, 1e5, 1e6, 1e7].filter((size) => size <= largest)
const entryBytes = 500
const entry = () => randomBytes(entryBytes)

interface Point {
  readonly size: number
  readonly appendMicroseconds: number
  readonly proofMicroseconds: number
  readonly bytesPerEntry: number
  readonly addsPerSecond: number
  readonly residentMegabytes: number
}

/** Proofs of entries all over the log, each tile read from the database. */
async function proofMicroseconds(database: string, size: number): Promise<number> {
  const reader = openSqliteReader(database)
  try {
    const proofs = 500
    const stored = { reader, hasher: nodeCrypto }
    const indexes = Array.from({ length: proofs }, () => Math.floor((randomBytes(4).readUInt32BE() / 2 ** 32) * size))
    for (const index of indexes.slice(0, 100)) await inclusionProof(stored, index, size)
    const started = performance.now()
    for (const index of indexes) await inclusionProof(stored, index, size)
    return ((performance.now() - started) / proofs) * 1000
  } finally {
    await reader.close()
  }
}

/** Entries a second of 512 submitters, and the largest resident memory of a server that starts with a log of this size. */
async function served(folder: LogFolder): Promise<{ addsPerSecond: number; residentMegabytes: number }> {
  const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'warn'])
  try {
    const load = { host: '127.0.0.1', port: log.port, entryBytes, warmupMs: 1000, measureMs: 3000 }
    const { perSecond } = await runLoad({ ...load, submitters: 512 })
    return { addsPerSecond: perSecond, residentMegabytes: residentMegabytes(log.child.pid, 'VmHWM') }
  } finally {
    await log.kill('SIGTERM')
  }
}

async function pointAt(size: number): Promise<Point> {
  const folder = await createLogFolder()
  const database = join(folder.path, 'data', 'log.db')
  try {
    const appendMicroseconds = await fillStore(database, size, entry)
    const bytesPerEntry = (statSync(database).blocks * 512) / size
    const proof = await proofMicroseconds(database, size)
    return { size, appendMicroseconds, proofMicroseconds: proof, bytesPerEntry, ...(await served(folder)) }
  } finally {
    await folder.remove()
  }
}

const warm = await createLogFolder() // the first thousand batches of a process are slower, whatever the log
await fillStore(join(warm.path, 'data', 'log.db'), 50_000, entry)
await warm.remove()

const points: Point[] = []
for (const size of sizes) {
  const point = await pointAt(size)
  points.push(point)
  console.log(
    `${number(size).padStart(10)} entries: append ${number(point.appendMicroseconds)} µs an entry, inclusion proof ` +
      `${number(point.proofMicroseconds)} µs, ${number(point.bytesPerEntry)} bytes on disk an entry, ` +
      `${number(point.addsPerSecond)} entries/s at 512 submitters, ${number(point.residentMegabytes)} MB at most`,
  )
}

const [first, last] = [points[0], points.at(-1)]
if (first !== undefined && last !== undefined && first !== last)
  report({
    what: `µs to append an entry, at ${number(last.size)} entries`,
    ours: number(last.appendMicroseconds),
    peer: { name: `itself at ${number(first.size)}`, value: number(first.appendMicroseconds) },
    ratio: last.appendMicroseconds / first.appendMicroseconds,
  })

const panel = (title: string, value: (point: Point) => number): Panel => ({
  title,
  points: points.map((point) => ({ x: point.size, y: value(point) })),
})
if (values.svg !== '')
  await writeFile(
    values.svg,
    plot([
      panel('append, µs an entry', ({ appendMicroseconds }) => appendMicroseconds),
      panel('inclusion proof, µs', ({ proofMicroseconds: microseconds }) => microseconds),
      panel('disk, bytes an entry of 500', ({ bytesPerEntry }) => bytesPerEntry),
      panel('memory of the server, MB', ({ residentMegabytes }) => residentMegabytes),
    ]),
  )
