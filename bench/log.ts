/**
 * How a log grows: what one more batch costs at 10,000 and at 1,000,000 entries, how much memory the server takes there,
 * how fast fsck reads it, and what an entry costs on disk.
 *
 *     node --conditions=samebits-source bench/log.ts [--entries 1000000]
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createLogFolder, type LogFolder, runFsck, startLog } from '../test/support/log-process.ts'
import { fillStore } from './fill-store.ts'
import { runLoad } from './load.ts'

const { values } = parseArgs({ options: { entries: { type: 'string', default: '1000000' } } })
const total = Number(values.entries)
const small = Math.round(total / 100)
const entry = () => randomBytes(500)
const row = (label: string, value: string) => console.log(`${label.padEnd(58)} ${value}`)

await warmUp()
const folder = await createLogFolder()
try {
  const database = join(folder.path, 'data', 'log.db')
  const atSmall = await fillStore(database, small, entry)
  const atLarge = await fillStore(database, total, entry)
  row(`append, microseconds an entry, around ${small} entries`, atSmall.toFixed(2))
  row(`append, microseconds an entry, around ${total} entries`, atLarge.toFixed(2))
  row('ratio', (atLarge / atSmall).toFixed(2))
  await serveAndLoad(folder)
  const { entries, seconds } = await runFsck(folder)
  row(`fsck, entries/s (${entries} entries, ${seconds.toFixed(2)} s)`, (entries / seconds).toFixed(0))
  row('bytes on disk an entry', (statSync(database).size / entries).toFixed(0))
} finally {
  await folder.remove()
}

/** The first thousand batches of a process are slower, whatever the log. */
async function warmUp(): Promise<void> {
  const scratch = await createLogFolder()
  await fillStore(join(scratch.path, 'data', 'log.db'), 50_000, entry)
  await scratch.remove()
}

async function serveAndLoad(log: LogFolder): Promise<void> {
  const server = await startLog(log, ['--mode', 'raw', '--log-level', 'warn'])
  try {
    const load = { host: '127.0.0.1', port: server.port, entryBytes: 500, warmupMs: 1000, measureMs: 4000 }
    const { perSecond, p99Ms } = await runLoad({ ...load, submitters: 512 })
    row(`POST /add at 512 submitters, past ${total} entries`, `${perSecond.toFixed(0)}/s  p99 ${p99Ms.toFixed(0)} ms`)
    const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8')
    const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? Number.NaN)
    row(
      'server memory, resident and its peak',
      `${Math.round(kilobytes('VmRSS') / 1024)} MB, ${Math.round(kilobytes('VmHWM') / 1024)} MB`,
    )
  } finally {
    await server.kill('SIGTERM')
  }
}
