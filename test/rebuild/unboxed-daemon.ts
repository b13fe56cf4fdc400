/** `samebits-build rebuild`, with the engine of unboxed.ts in place of a container engine: `unboxed-daemon.ts CONFIG`. */
import { setTimeout } from 'node:timers/promises'
import { programIo, runProgram } from '@samebits/host'
import { readRebuilderConfig } from '../../build-repro/src/rebuild/config.ts'
import { serveRebuilder } from '../../build-repro/src/rebuild/run-rebuilder.ts'
import { unboxedEngine } from './unboxed.ts'

process.exitCode = await runProgram(
  async (signal) => {
    const machine = {
      fetch,
      now: () => Math.floor(Date.now() / 1000),
      elapsedMs: () => performance.now(),
      random: () => Math.random(),
      sleep: (ms: number, until: AbortSignal) => setTimeout(ms, undefined, { signal: until }),
      say: (line: string) => void process.stderr.write(`${line}\n`),
    }
    const config = await readRebuilderConfig(process.cwd(), process.argv[2])
    const parts = { config, engine: unboxedEngine(), machine, environment: process.env, version: '0.0.0', signal }
    await serveRebuilder(parts, { host: '127.0.0.1', port: 0 }, (about) => {
      process.stdout.write(`${JSON.stringify(about)}\n`)
    })
    return 0
  },
  { ...programIo(process), debug: true },
)
