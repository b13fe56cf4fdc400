/** The program `samebits`: the one place that touches the process. */
import { programIo, runProgram } from '@samebits/host'
import { directOutput, isPlain } from './direct-output.ts'
import { youngCollector } from './memory.ts'
import { createNetwork } from './network.ts'
import { run } from './run.ts'
import type { Output } from './world.ts'

const argv = process.argv.slice(2)
const env = process.env

/** The reader of a pipe left: nothing more to say, and nobody to say it to. */
const gone = () => process.exit(0)

const direct = isPlain(1, process.platform) && isPlain(2, process.platform)
const stdout: Output = direct ? directOutput(1, gone) : process.stdout
const stderr: Output = direct ? directOutput(2, gone) : process.stderr
const network = createNetwork(env)
const io = programIo(process, { stdout, stderr })

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
      ...network,
      collector: youngCollector,
      os: process.platform,
      platform: `${process.platform}-${process.arch}`,
      uid: process.getuid?.(),
      signal,
    }),
  io,
).then((status) => {
  // What was written directly is out: nothing is left to wait for, and taking the machine apart orderly takes time too.
  if (direct) process.exit(status)
  process.exitCode = status
})
