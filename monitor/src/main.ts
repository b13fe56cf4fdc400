#!/usr/bin/env node
/** The process: the one place here that knows the clock, the environment and how to end. */
import { readFileSync } from 'node:fs'
import { runProgram } from '@samebits/host'
import type { CommandIo } from './commands/io.ts'
import { runCommandLine } from './commands/program.ts'

const args = process.argv.slice(2)
const json = args.includes('--json')
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

function every(milliseconds: number, work: () => void): () => void {
  const timer = setInterval(work, milliseconds)
  return () => clearInterval(timer)
}

process.exitCode = await runProgram(
  (signal) => {
    const now = () => Math.floor(Date.now() / 1000)
    const io: CommandIo = {
      cwd: process.cwd(),
      stdout: process.stdout,
      stderr: process.stderr,
      timing: { now, clock: () => performance.now() / 1000, defer: setImmediate, every },
      fetch,
      signal,
      json,
    }
    return runCommandLine(args, io, version)
  },
  {
    stderr: process.stderr,
    stdout: process.stdout,
    json,
    signals: process,
    exit: (status) => process.exit(status),
    debug: process.env['SAMEBITS_DEBUG'] === '1',
  },
)
