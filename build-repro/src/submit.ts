/** Getting kept bytes into the log: the same bytes, as often as it takes. */
import { ProgramError } from '@samebits/host'
import type { Log } from './log-access.ts'
import type { AddAnswer } from './log-client.ts'

/** What became of a submission: an index to be verified, or the log's refusal to continue from here. */
export type Submitted = { readonly kind: 'logged'; readonly index: number } | Extract<AddAnswer, { kind: 'conflict' }>

/**
 * Posts `entry` until the log takes it or refuses it for good, with the bodies that it asks for.
 *
 * @throws ProgramError TRANSPORT (exit 20) when time is up, LOG_REFUSED, BODY_MISSING
 */
export async function submitEntry(
  log: Log,
  entry: Uint8Array,
  bodies: ReadonlyMap<string, Uint8Array>,
): Promise<Submitted> {
  const sent = new Set<string>()
  for (;;) {
    const answer = await log.patiently(() => log.client.add(entry))
    if (answer.kind === 'already-logged') return { kind: 'logged', index: answer.index }
    if (answer.kind !== 'blob-missing') return answer
    for (const sha256 of answer.sha256) {
      const body = bodies.get(sha256)
      if (body === undefined || sent.has(sha256)) throw bodyMissing(sha256, body !== undefined)
      await log.patiently(() => log.client.putBlob(sha256, body))
      sent.add(sha256)
    }
  }
}

function bodyMissing(sha256: string, sent: boolean): ProgramError {
  return new ProgramError({
    code: 'BODY_MISSING',
    detail: `the log asks for the body ${sha256}, ${sent ? 'though it was sent' : 'which is not kept here'}`,
    remedy: sent ? "Ask the log's operator." : 'Publish again from the folder that the statement was signed in.',
    exitCode: 10,
  })
}
