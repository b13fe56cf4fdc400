#!/usr/bin/env node
/** The process: the one place here that knows the clock, the environment and how to end. */
import { setGlobalProxyFromEnv } from 'node:http'
import { createInterface } from 'node:readline/promises'
import { setTimeout } from 'node:timers/promises'
import { packageVersion, programIo, runProgram } from '@samebits/host'
import type { CommandIo } from './commands/io.ts'
import { runCommandLine } from './commands/program.ts'

const args = process.argv.slice(2)
const outer = programIo(process)
const { json } = outer
setGlobalProxyFromEnv()

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question, { signal })
  } finally {
    terminal.close()
  }
}

process.exitCode = await runProgram((signal) => {
  const io: CommandIo = {
    cwd: process.cwd(),
    machine: {
      fetch,
      now: () => Math.floor(Date.now() / 1000),
      elapsedMs: () => performance.now(),
      random: () => Math.random(),
      sleep: (ms, until) => setTimeout(ms, undefined, { signal: until }),
      say: (line) => void process.stderr.write(`${line}\n`),
    },
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    ask: process.stdin.isTTY && process.stderr.isTTY && !json ? ask : null,
    signal,
    json,
  }
  return runCommandLine(args, io, packageVersion(import.meta.url))
}, outer)
