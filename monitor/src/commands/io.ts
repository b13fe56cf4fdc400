/** What every command is handed: the process, as far as commands may see it. */
import type { Timing } from '../witness/server-parts.ts'

export interface CommandIo {
  readonly cwd: string
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  /** Answer as one JSON document on standard output; nothing else goes there. */
  readonly json: boolean
}

/** The process, and how a command ends that has answered without having failed: status 0 unless it says otherwise. */
export interface RunningIo extends CommandIo {
  leaveWith(status: number): void
}

/** The answer of a command: `document` under `--json`, `lines` for people otherwise. */
export function answer(io: CommandIo, document: object, lines: readonly string[]): void {
  io.stdout.write(io.json ? `${JSON.stringify(document)}\n` : lines.map((line) => `${line}\n`).join(''))
}
