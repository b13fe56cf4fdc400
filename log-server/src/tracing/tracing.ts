/**
 * Following work through the log, for traces: one role, without a library, and null everywhere while nobody follows. Nothing
 * that a client sent is part of it: no bodies, no addresses, no header but the trace's own.
 */

export type Attributes = Readonly<Record<string, string | number>>

/** Work that is under way. */
export interface Step {
  /** Work of this process within this one. */
  step(name: string, attributes?: Attributes): Step
  /** A request to another machine within this one. The other machine is told nothing of it. */
  request(name: string, attributes?: Attributes): Step
  /**
   * Called once.
   * @param error the stable code of what went wrong; its text may name what does not belong into a trace
   */
  end(attributes?: Attributes, error?: string): void
}

/** One `POST /add`. What passes between one mark and the next has the name of the later one. */
export interface EntryTrail {
  mark(name: string, attributes?: Attributes): void
  /** Its entry was published with this head: the steps of the head were its own, too. */
  issued(head: Step): void
  /** For the server of this log that the entry is handed on to. */
  headers(): Readonly<Record<string, string>>
  /** The request was answered with this HTTP status. */
  end(status: number): void
}

export interface Tracing {
  /** @param headers of the request, which may name the trace that it belongs to (W3C Trace Context) */
  entry(headers: Readonly<Record<string, unknown>>): EntryTrail
  /** A head on its way to its readers: the same work for all entries that it is the first to hold. */
  head(name: string): Step
}

/** Does some work as a step of its own, if anybody follows. */
export async function traced<R>(
  parent: Step | null,
  name: string,
  work: (step: Step | null) => Promise<R>,
): Promise<R> {
  if (parent === null) return work(null)
  const step = parent.step(name)
  try {
    const result = await work(step)
    step.end()
    return result
  } catch (error) {
    step.end({}, codeOf(error))
    throw error
  }
}

/** Of an error of this program its code, of any other its name. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
