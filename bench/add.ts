/**
 * `POST /add` by clients that wait for the published, signed answer: entries/s and latencies at 1, 64 and 512 concurrent
 * submitters, raw admission, durable commits.
 *
 *     node --conditions=samebits-source bench/add.ts [--submitters 1,64,512] [--seconds 5] [--entry-bytes 500]
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createLogFolder, runFsck, startLog } from '../test/support/log-process.ts'
import { runLoad } from './load.ts'

const { values } = parseArgs({
  options: {
    submitters: { type: 'string', default: '1,64,512' },
    seconds: { type: 'string', default: '5' },
    'entry-bytes': { type: 'string', default: '500' },
  },
})

const folder = await createLogFolder()
try {
  const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'warn'])
  try {
    for (const submitters of values.submitters.split(',').map(Number)) {
      const result = await runLoad({
        ...{ host: '127.0.0.1', port: log.port, submitters, warmupMs: 1000 },
        entryBytes: Number(values['entry-bytes']),
        measureMs: Number(values.seconds) * 1000,
      })
      const ms = (value: number) => `${value.toFixed(1)} ms`
      console.log(
        `${String(submitters).padStart(4)} submitters  ${result.perSecond.toFixed(0).padStart(6)} entries/s` +
          `  p50 ${ms(result.p50Ms)}  p99 ${ms(result.p99Ms)}  p99.9 ${ms(result.p999Ms)}  refused ${result.refused}`,
      )
    }
  } finally {
    await log.kill('SIGTERM')
  }
  const { entries, seconds } = await runFsck(folder)
  const { size } = await stat(join(folder.path, 'data', 'log.db'))
  console.log(
    `fsck ${entries} entries in ${seconds.toFixed(2)} s; ${(size / entries).toFixed(0)} bytes on disk an entry`,
  )
} finally {
  await folder.remove()
}
