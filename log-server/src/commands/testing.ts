/** Command lines run as main.ts does, in this process, for tests. */
import { runProgram } from '@samebits/host'
import { realTiming } from '../testing.ts'
import type { CommandIo } from './io.ts'
import { runCommandLine } from './program.ts'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command line in a folder, as main.ts does. `started` is called with what `serve` answers, and stops it when it settles. */
export async function runIn(
  cwd: string,
  args: string,
  environment: Record<string, string> = {},
  started?: (url: string) => Promise<void>,
): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []]
  const stop = new AbortController()
  const stdout = {
    write(text: string) {
      out.push(text)
      const url = /"url":"([^"]+)"/.exec(text)?.[1]
      if (url !== undefined && started !== undefined) void started(url).finally(() => stop.abort())
    },
  }
  const stderr = { write: (text: string) => err.push(text) }
  const words = args.split(' ').filter((word) => word !== '')
  const json = words.includes('--json')
  const io: Omit<CommandIo, 'signal'> = {
    cwd,
    environment,
    stdout,
    stderr,
    timing: realTiming,
    fetch,
    processors: 2,
    onReload: () => () => undefined,
    json,
  }
  const signals = { on: () => undefined, off: () => undefined }
  const main = () => runCommandLine(words, { ...io, signal: stop.signal }, '1.2.3')
  const status = await runProgram(main, { stderr, stdout, json, signals, exit: () => undefined })
  return { status, stdout: out.join(''), stderr: err.join('') }
}
