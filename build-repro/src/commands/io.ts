/** What every command is handed: the process, as far as commands may see it. */
import type { Machine } from '../machine.ts'

export interface CommandIo {
  readonly cwd: string
  readonly machine: Machine
  /** The process's: tools are found by it, nothing of it reaches a build. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { readonly isTTY?: boolean | undefined; write(text: string): unknown }
  /** Asks the person one question; null where nobody is there to answer (no terminal, or `--json`). */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<string>) | null
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  /** Answer as one JSON document on standard output; nothing else goes there. */
  readonly json: boolean
}

/** The answer of a command: `document` under `--json`, `lines` for people otherwise. */
export function answer(io: CommandIo, document: object, lines: readonly string[]): void {
  io.stdout.write(io.json ? `${JSON.stringify(document)}\n` : lines.map((line) => `${line}\n`).join(''))
}
