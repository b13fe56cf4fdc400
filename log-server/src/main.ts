#!/usr/bin/env node
/** The process: the one place here that knows the clock, the environment and how to end. */
import { availableParallelism } from 'node:os'
import { packageVersion, programIo, runProgram } from '@samebits/host'
import type { CommandIo } from './commands/io.ts'
import { runCommandLine } from './commands/program.ts'

const args = process.argv.slice(2)
const outer = programIo(process)
const { json } = outer

function onReload(listener: () => void): () => void {
  process.on('SIGHUP', listener)
  return () => process.off('SIGHUP', listener)
}

function after(milliseconds: number, work: () => void): () => void {
  const timer = setTimeout(work, milliseconds)
  return () => clearTimeout(timer)
}

process.exitCode = await runProgram((signal) => {
  const io: CommandIo = {
    cwd: process.cwd(),
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    timing: { now: () => Math.floor(Date.now() / 1000), clock: () => performance.now(), defer: setImmediate, after },
    fetch,
    processors: availableParallelism(),
    signal,
    onReload,
    json,
  }
  return runCommandLine(args, io, packageVersion(import.meta.url))
}, outer)
