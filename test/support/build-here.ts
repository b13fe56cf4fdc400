/** `samebits-build` inside this process: the same command line, without the start of a program for each. */
import { setTimeout } from 'node:timers/promises'
import { runProgram } from '@samebits/host'
import type { CommandIo } from '../../build-repro/src/commands/io.ts'
import { runCommandLine } from '../../build-repro/src/commands/program.ts'
import type { Ended } from '../publish/kit.ts'

async function buildHere(cwd: string, ...args: readonly string[]): Promise<Ended> {
  const stdout: string[] = []
  const stderr: string[] = []
  const out = { write: (text: string) => stdout.push(text) }
  const err = { write: (text: string) => stderr.push(text) }
  const json = args.includes('--json')
  const signals = { on: () => undefined, off: () => undefined }
  const main = (signal: AbortSignal) => {
    const io: CommandIo = {
      cwd,
      machine: {
        fetch,
        now: () => Math.floor(Date.now() / 1000),
        elapsedMs: () => performance.now(),
        random: () => Math.random(),
        sleep: (ms, until) => setTimeout(ms, undefined, { signal: until }),
        say: (line) => err.write(`${line}\n`),
      },
      environment: process.env,
      stdout: out,
      stderr: err,
      ask: null,
      signal,
      json,
    }
    return runCommandLine(args, io, '0.0.0')
  }
  const status = await runProgram(main, { stderr: err, stdout: out, json, signals, exit: () => undefined })
  return { status, signal: null, stdout: stdout.join(''), stderr: stderr.join('') }
}

/** The same, its answer as JSON. */
export async function asksBuild(cwd: string, ...args: readonly string[]): Promise<BuildAnswer> {
  const { status, stdout, stderr } = await buildHere(cwd, ...args, '--json')
  return { status, answer: JSON.parse(stdout === '' ? '{}' : stdout), stderr }
}

export interface BuildAnswer {
  readonly status: number | null
  readonly answer: {
    readonly [field: string]: unknown
    readonly id: string
    readonly error?: { readonly code: string; readonly detail: string }
  }
  readonly stderr: string
}
