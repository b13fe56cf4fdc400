#!/usr/bin/env node
/** The process: the one place here that knows the clock, the environment and how to end. */
import { packageVersion, programIo, runProgram } from '@samebits/host'
import type { CommandIo } from './commands/io.ts'
import { runCommandLine } from './commands/program.ts'

const args = process.argv.slice(2)
const outer = programIo(process)
const { json } = outer

function every(milliseconds: number, work: () => void): () => void {
  const timer = setInterval(work, milliseconds)
  return () => clearInterval(timer)
}

process.exitCode = await runProgram((signal) => {
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
  return runCommandLine(args, io, packageVersion(import.meta.url))
}, outer)
