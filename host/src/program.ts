/**
 * How every program here ends: one clear line, a stable code, an exit status, never a stack trace.
 *
 *     CODE: what was seen. What to do.
 */
import { isCode, systemReason } from './system-error.ts'
import { visible } from './visible.ts'

/** EX_USAGE and friends of sysexits.h, and the shell's own 128 + signal. */
export const exitCodes = { usage: 64, internal: 70, io: 74, interrupted: 130, closedPipe: 141 } as const

/** A failure that a person can act on. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
  /** Stable, upper case: what scripts compare. */
  readonly code: string
  /** What was seen, without a final full stop. */
  readonly detail: string
  /** What to do, one sentence with its full stop. */
  readonly remedy: string | undefined
  readonly exitCode: number
  constructor(init: {
    readonly code: string
    readonly detail: string
    readonly remedy?: string | undefined
    readonly exitCode?: number
    readonly cause?: unknown
  }) {
    super(`${init.code}: ${init.detail}`, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = init.code
    this.detail = init.detail
    this.remedy = init.remedy
    this.exitCode = init.exitCode ?? exitCodes.usage
  }
}

/** What `runProgram` needs of a process. `process` itself fits. */
export interface ProgramSignals {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

/** Where text goes; `process.stdout` fits. */
export interface ProgramStream {
  write(text: string): unknown
  on?(event: 'error', listener: (error: Error) => void): unknown
}

export interface ProgramIo {
  /** Where the line goes. */
  readonly stderr: ProgramStream
  /** Where the answer goes under `--json`. */
  readonly stdout: ProgramStream
  /** Answer failures as one JSON object `{ "error": { code, detail, remedy } }` on standard output as well. */
  readonly json: boolean
  readonly signals: ProgramSignals
  /** Ends the process at once: called on the second interrupt, and when nobody reads the output any more. */
  readonly exit: (status: number) => void
  /** Print causes and stacks: for developers, by an environment variable that main.ts reads. */
  readonly debug?: boolean
}

/**
 * Runs a program to its exit status. The first SIGINT or SIGTERM aborts the signal that `main` got, so that it can leave
 * things clean; the second ends the process.
 */
export async function runProgram(main: (signal: AbortSignal) => Promise<number>, io: ProgramIo): Promise<number> {
  const controller = new AbortController()
  const interrupt = () => {
    if (controller.signal.aborted) io.exit(exitCodes.interrupted)
    controller.abort(
      new ProgramError({ code: 'INTERRUPTED', detail: 'stopped on request', exitCode: exitCodes.interrupted }),
    )
  }
  // The reader of a pipe went away (`| head`): end quietly, as programs that die of SIGPIPE do.
  const streamFailed = (error: Error) => io.exit(isCode(error, 'EPIPE') ? exitCodes.closedPipe : exitCodes.io)
  for (const stream of [io.stdout, io.stderr]) stream.on?.('error', streamFailed)
  io.signals.on('SIGINT', interrupt)
  io.signals.on('SIGTERM', interrupt)
  try {
    return await main(controller.signal)
  } catch (error) {
    const failure = describeFailure(controller.signal.aborted && isAbort(error) ? controller.signal.reason : error)
    io.stderr.write(`${formatFailure(failure)}\n`)
    if (io.debug && error instanceof Error) io.stderr.write(`${error.stack}\n`)
    if (io.json) {
      const { code, detail, remedy } = failure
      io.stdout.write(`${JSON.stringify({ error: { code, detail, ...(remedy === undefined ? {} : { remedy }) } })}\n`)
    }
    return failure.exitCode
  } finally {
    io.signals.off('SIGINT', interrupt)
    io.signals.off('SIGTERM', interrupt)
  }
}

/** `CODE: what was seen. What to do.`, on one line whatever the parts hold. */
export function formatFailure({ code, detail, remedy }: Failure): string {
  const seen = visible(detail).replace(/\.$/, '')
  return remedy === undefined ? `${code}: ${seen}.` : `${code}: ${seen}. ${visible(remedy)}`
}

interface Failure {
  readonly code: string
  readonly detail: string
  readonly remedy?: string | undefined
  readonly exitCode: number
}

/** Any thrown value as a failure: our own errors by their code, the system's by what it said, the rest as INTERNAL. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ProgramError) return error
  if (!(error instanceof Error)) return { code: 'INTERNAL', detail: String(error), exitCode: exitCodes.internal }
  const own = ownCode(error)
  if (own !== undefined) return { code: own, detail: ownDetail(error), exitCode: exitCodes.usage }
  if ('syscall' in error || 'errno' in error) {
    const path = 'path' in error ? `${String(error.path)}: ` : ''
    return { code: 'IO', detail: `${path}${systemReason(error)}`, remedy: ioRemedy(error), exitCode: exitCodes.io }
  }
  return {
    code: 'INTERNAL',
    detail: error.message,
    remedy: 'This is a defect of the program: please report it with the command that led here.',
    exitCode: exitCodes.internal,
  }
}

function isAbort(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'AbortError' ||
      ('code' in error && error.code === 'ABORT_ERR') ||
      (error instanceof ProgramError && error.code === 'INTERRUPTED'))
  )
}

/** The `code` of an error of ours: upper case with underscores, and no `syscall` (that is the system's). */
function ownCode(error: Error): string | undefined {
  if (!('code' in error) || typeof error.code !== 'string' || 'syscall' in error) return undefined
  return /^[A-Z][A-Z_]+$/.test(error.code) && !error.code.startsWith('ERR_') ? error.code : undefined
}

function ownDetail(error: Error): string {
  return 'detail' in error && typeof error.detail === 'string' ? error.detail : error.message
}

function ioRemedy(error: Error): string | undefined {
  const code = 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'Make room and run the command again.'
  if (code === 'EACCES' || code === 'EPERM') return 'Check who owns the path and its permissions.'
  if (code === 'ENOENT') return 'Check the path.'
  if (code === 'EADDRINUSE') return 'Choose another port, or stop what listens there.'
  return undefined
}
