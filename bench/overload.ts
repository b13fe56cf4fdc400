/**
 * What overload does to a log: clients that do not wait for one another (an open loop) offer from a quarter to ten times what it
 * takes; what it accepts, what it refuses, how long both take from the moment at which they were due, and its memory.
 *
 * Two busy cores cannot offer ten times what a log commits in large batches, so this one commits `--batch` entries at a time, and
 * its queue is as long as a quarter of a second of what it takes, as the default's is at full speed.
 *
 *     node --conditions=samebits-source bench/overload.ts [--seconds 8] [--factors 0.25,0.5,1,2,4,10] [--batch 1]
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createLogFolder, type LogProcess, startLog } from '../test/support/log-process.ts'
import { runLoad } from './load.ts'
import { type OpenLoad, runOpenLoad } from './open-load.ts'
import { residentMegabytes } from './process-use.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    factors: { type: 'string', default: '0.25,0.5,1,2,4,10' },
    batch: { type: 'string', default: '1' },
  },
})
const entryBytes = 500
const measureMs = Number(values.seconds) * 1000
const flags = ['--mode', 'raw', '--log-level', 'warn', '--max-batch-entries', values.batch]
const connections = ['--connections-per-address', '20000']

/** Runs one step, and says how high the server's memory rose. */
async function step(log: LogProcess, perSecond: number): Promise<OpenLoad & { readonly mib: number }> {
  let mib = 0
  const watch = setInterval(() => {
    mib = Math.max(mib, residentMegabytes(log.child.pid, 'VmRSS'))
  }, 50)
  try {
    const target = { host: '127.0.0.1', port: log.port }
    const load = await runOpenLoad({
      ...target,
      perSecond,
      measureMs,
      maxConnections: 4000,
      entry: () => randomBytes(entryBytes),
    })
    return { ...load, mib }
  } finally {
    clearInterval(watch)
  }
}

const folder = await createLogFolder()
try {
  const first = await startLog(folder, flags)
  const closed = { host: '127.0.0.1', port: first.port, submitters: 32, entryBytes, warmupMs: 2000 }
  const { perSecond: capacity, p99Ms } = await runLoad({ ...closed, measureMs })
  await first.kill('SIGTERM')
  const queue = Math.max(8, Math.round(capacity / 4))
  console.log(
    `takes ${capacity.toFixed(0)} entries/s from 32 clients that wait (p99 ${p99Ms.toFixed(0)} ms); --max-pending-entries ${queue}`,
  )
  console.log(
    '| offered | offered/s | accepted/s | refused/s | lost | p50 ms | p99 ms | p99 of refusals ms | memory MiB |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|')
  const log = await startLog(folder, [...flags, ...connections, '--max-pending-entries', String(queue)])
  for (const factor of values.factors.split(',').map(Number)) {
    const { offered, accepted, refused, lost, p50Ms, p99Ms, refusedP99Ms, mib } = await step(log, factor * capacity)
    const rate = (count: number) => ((count / measureMs) * 1000).toFixed(0)
    const cells = [`${factor} ×`, ...[offered, accepted, refused].map(rate), lost, p50Ms, p99Ms, refusedP99Ms, mib]
    console.log(`| ${cells.map((cell) => (typeof cell === 'number' ? cell.toFixed(0) : cell)).join(' | ')} |`)
  }
  await log.kill('SIGTERM')
} finally {
  await folder.remove()
}
