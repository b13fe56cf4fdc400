/** A process as the `main.ts` of each program hands it to `runProgram`. Nothing here reaches for the process itself. */
import { readFileSync } from 'node:fs'
import type { ProgramIo, ProgramSignals, ProgramStream } from './program.ts'

/** What of `process` a program is given. */
export interface ProcessLike extends ProgramSignals {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: ProgramStream
  readonly stderr: ProgramStream
  exit(status: number): void
}

/** `--json` answers failures as JSON as well; `SAMEBITS_DEBUG=1` prints causes and stacks. Streams of its own come in place of the process's. */
export function programIo(
  own: ProcessLike,
  { stdout, stderr }: Pick<ProcessLike, 'stdout' | 'stderr'> = own,
): ProgramIo {
  return {
    stdout,
    stderr,
    json: own.argv.includes('--json'),
    signals: own,
    exit: (status) => own.exit(status),
    debug: own.env['SAMEBITS_DEBUG'] === '1',
  }
}

/** The version in the package.json above the folder of `main`, the URL of a program's `main.ts` or of what was built from it. */
export function packageVersion(main: string): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', main), 'utf8')) as { version: string }
  return version
}
