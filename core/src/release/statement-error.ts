/** The error of statements and entries. */
import { FormatError } from '../errors.ts'
import { ShapeError } from './shape.ts'

/**
 * Why bytes are no statement: `malformed`; `unknown-type`, a well-formed statement of a kind that this version does not
 * know; `unsafe-name`, a product or artifact whose name could be a path or a shell word. In a log all are skipped and counted;
 * in what is offered they refuse it.
 */
export type StatementFault = 'malformed' | 'unknown-type' | 'unsafe-name'

/** Thrown for a payload or leaf that is not a statement that this version reads. */
export class StatementError extends FormatError {
  readonly fault: StatementFault

  constructor(format: string, detail: string, fault: StatementFault, options?: ErrorOptions) {
    super(format, detail, options)
    this.fault = fault
  }
}

/** What any reader threw, as the error of this file; anything else is a defect and passes through. */
export function asStatementError(format: string, error: unknown): unknown {
  if (error instanceof StatementError) return error
  if (error instanceof ShapeError) {
    const fault = error.fault === 'unknown-type' || error.fault === 'unsafe-name' ? error.fault : 'malformed'
    return new StatementError(format, error.detail, fault, { cause: error })
  }
  if (error instanceof FormatError) return new StatementError(format, error.detail, 'malformed', { cause: error })
  return error
}
