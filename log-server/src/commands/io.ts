/** What every command is handed: the process, as far as commands may see it. */
import type { Timing } from '../log.ts'

export interface CommandIo {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdout: { write(text: string): unknown }
  readonly stderr: {
    readonly isTTY?: boolean | undefined
    readonly columns?: number | undefined
    write(text: string): unknown
  }
  readonly timing: Timing
  readonly fetch: typeof globalThis.fetch
  readonly processors: number
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  /** Calls the listener whenever the process is asked to read its files again (SIGHUP), until the returned function is called. */
  readonly onReload: (listener: () => void) => () => void
  /** Answer as one JSON document on standard output; nothing else goes there. */
  readonly json: boolean
}

/** The answer of a command: `document` under `--json`, `lines` for people otherwise. */
export function answer(io: CommandIo, document: object, lines: readonly string[]): void {
  io.stdout.write(io.json ? `${JSON.stringify(document)}\n` : lines.map((line) => `${line}\n`).join(''))
}

/** Where systemd put credentials for this process (systemd.exec(5), `LoadCredential=`); empty for nowhere. */
export function credentialsFolder({ environment }: CommandIo): string {
  return environment['CREDENTIALS_DIRECTORY'] ?? ''
}
