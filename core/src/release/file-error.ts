/** The error of the files that travel with an application: bundles, anchors, evidence. */
import { FormatError } from '../errors.ts'
import { ShapeError } from './shape.ts'

/**
 * Why such a file was refused: `malformed`; `unknown-type`, of another media type or kind; `unsafe-name`; `too-large`, past
 * a cap of docs/formats.md §3; `proof`, an index, size or hash in it that cannot be part of any proof.
 */
export type FileFault = 'malformed' | 'unknown-type' | 'unsafe-name' | 'too-large' | 'proof'

export class FileError extends FormatError {
  readonly fault: FileFault

  constructor(format: string, detail: string, fault: FileFault, options?: ErrorOptions) {
    super(format, detail, options)
    this.fault = fault
  }
}

/** What any reader threw, as a {@link FileError}; anything else is a defect and passes through. */
export function asFileError(format: string, error: unknown): unknown {
  if (error instanceof FileError) return error
  if (error instanceof ShapeError) return new FileError(format, error.detail, error.fault, { cause: error })
  if (error instanceof FormatError) return new FileError(format, error.detail, 'malformed', { cause: error })
  return error
}
