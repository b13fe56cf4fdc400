/**
 * Parsers and checks refuse by throwing. What they refuse is an answer to the decision; anything else that is thrown is a
 * defect, and goes on.
 */
import { FormatError, NoteError } from '../errors.ts'

type ErrorClass = abstract new (...parts: never[]) => Error

/** What a signed note or a checkpoint is refused with. */
export const noteFaults: readonly [typeof FormatError, typeof NoteError] = [FormatError, NoteError]

/** What `work` returns, or `otherwise` of an error of these classes. */
export function attempt<T, U, const C extends readonly ErrorClass[]>(
  faults: C,
  work: () => T,
  otherwise: (error: InstanceType<C[number]>) => U,
): T | U {
  try {
    return work()
  } catch (error) {
    if (faults.some((fault) => error instanceof fault)) return otherwise(error as InstanceType<C[number]>)
    throw error
  }
}
