/** Signed statements into the log, whoever signed them, as often as it takes. */
import type { Entry } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { ProductEntry } from '../history.ts'
import type { Session } from '../session.ts'
import { submitEntry } from '../submit.ts'
import { signerKey } from './authority.ts'

/**
 * Logs entries in this order, each unless its signer's entry of that statement is in the log already, and with the bodies that
 * the log asks for. @returns the smallest size of a tree that holds them all
 * @throws ProgramError LOG_REFUSED, BODY_MISSING, TRANSPORT
 */
export async function logEntries(
  session: Session,
  entries: readonly Entry[],
  bodies: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<number> {
  const { history } = await session.now(() => null)
  let size = 0
  for (const entry of entries) {
    const index = indexOf(history.entries, entry) ?? (await submit(session, entry, bodies))
    size = Math.max(size, index + 1)
  }
  return size
}

function indexOf(logged: readonly ProductEntry[], wanted: Entry): number | null {
  const found = logged.find(({ entry }) => entry.id === wanted.id && signerKey(entry) === signerKey(wanted))
  return found?.index ?? null
}

async function submit(session: Session, entry: Entry, bodies: ReadonlyMap<string, Uint8Array>): Promise<number> {
  session.signal.throwIfAborted()
  const submitted = await submitEntry(session.log, entry.leaf, bodies)
  if (submitted.kind === 'logged') return submitted.index
  throw new ProgramError({
    code: 'LOG_REFUSED',
    detail: `the log answered 409 ${submitted.code}: ${submitted.detail}`,
    remedy: 'Compare the statement with what the log holds; samebits-build --help names what each command needs.',
    exitCode: 10,
  })
}
