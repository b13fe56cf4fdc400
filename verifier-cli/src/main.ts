/** The program `samebits`: the one place that touches the process. */
import { availableParallelism, loadavg } from 'node:os'
import { type ProgramIo, runProgram } from '@samebits/host'
import { run } from './run.ts'

const argv = process.argv.slice(2)
const env = process.env

const io: ProgramIo = {
  stdout: process.stdout,
  stderr: process.stderr,
  json: argv.includes('--json'),
  signals: process,
  exit: (status) => process.exit(status),
  debug: env['SAMEBITS_DEBUG'] === '1',
}

/** https://no-color.org: any value but the empty one. */
const colour = process.stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe left: nothing more to say, and nobody to say it to.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

void runProgram(
  (signal) =>
    run(argv, {
      stdout: process.stdout,
      stderr: process.stderr,
      json: io.json,
      colour,
      clock: () => Math.floor(Date.now() / 1000),
      stopwatch: () => performance.now(),
      random: Math.random,
      fetch: (url, init) => fetch(url, init),
      os: process.platform,
      platform: `${process.platform}-${process.arch}`,
      uid: process.getuid?.(),
      spareCore: () => (loadavg()[0] ?? 0) < availableParallelism(),
      signal,
    }),
  io,
).then((status) => {
  process.exitCode = status
})
