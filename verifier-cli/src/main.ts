/** The program `samebits`: the one place that touches the process. */
import { type ProgramIo, runProgram } from '@samebits/host'
import { directOutput, isPlain } from './direct-output.ts'
import { networkFetch } from './network.ts'
import { run } from './run.ts'
import type { Output } from './world.ts'

const argv = process.argv.slice(2)
const env = process.env

/** The reader of a pipe left: nothing more to say, and nobody to say it to. */
const gone = () => process.exit(0)

function output(fd: 1 | 2): Output {
  if (isPlain(fd, process.platform)) return directOutput(fd, gone)
  return fd === 1 ? process.stdout : process.stderr
}

const stdout = output(1)
const stderr = output(2)
const io: ProgramIo = {
  stdout,
  stderr,
  json: argv.includes('--json'),
  signals: process,
  exit: (status) => process.exit(status),
  debug: env['SAMEBITS_DEBUG'] === '1',
}

void runProgram(
  (signal) =>
    run(argv, {
      stdout,
      stderr,
      json: io.json,
      // https://no-color.org: any value but the empty one.
      colour: stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
      clock: () => Math.floor(Date.now() / 1000),
      stopwatch: () => performance.now(),
      random: Math.random,
      fetch: networkFetch(env),
      os: process.platform,
      platform: `${process.platform}-${process.arch}`,
      uid: process.getuid?.(),
      signal,
    }),
  io,
).then((status) => {
  process.exitCode = status
})
