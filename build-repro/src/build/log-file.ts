/** The log of a build: every byte of every step, and the digest by which it is found again. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { ProgramError } from '@samebits/host'

export interface LogFacts {
  readonly path: string
  readonly sha256: string
  readonly size: number
}

/** A build that says more than this is stopped: nobody reads it, and it fills the disk. */
const logCapBytes = 256 << 20

export interface BuildLog {
  readonly write: (chunk: Uint8Array) => void
  /** A line of the builder's own. */
  readonly note: (line: string) => void
  /** The last line so far that is not empty. */
  readonly lastLine: () => string
  readonly close: () => LogFacts
}

/** @param onFull called once, when the cap is passed */
export function openBuildLog(path: string, onFull: () => void, onOutput?: (chunk: Uint8Array) => void): BuildLog {
  const file = openSync(path, 'wx', 0o644)
  const hash = createHash('sha256')
  let size = 0
  let full = false
  let tail: Buffer = Buffer.alloc(0)
  const write = (chunk: Uint8Array) => {
    if (full) return
    if (size + chunk.length > logCapBytes) {
      full = true
      onFull()
      return
    }
    for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at)
    hash.update(chunk)
    tail = Buffer.concat([tail, chunk]).subarray(-2048)
    size += chunk.length
    onOutput?.(chunk)
  }
  return {
    write,
    note: (line) => write(Buffer.from(`samebits: ${line}\n`)),
    lastLine: () => tail.toString('utf8').trim().split('\n').at(-1) ?? '',
    close() {
      closeSync(file)
      return { path, sha256: hash.digest('hex'), size }
    },
  }
}

/** What stops a build that has filled its log. */
export function logFull(): ProgramError {
  return new ProgramError({
    code: 'BUILD_LOG_FULL',
    detail: `the build wrote more than ${logCapBytes} bytes of output`,
    remedy: 'Make the build quieter, or send its output to a file.',
    exitCode: 10,
  })
}
