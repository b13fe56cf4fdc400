/**
 * After a log took the place of another, the releases that its trust file names as heads are logged in it again, the very same
 * leaves: only so can it offer them to those who come new.
 */
import { type Entry, openLoggedEntry, parseSignedCheckpoint, type Trust, type UpdateBundle } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { Session } from '../session.ts'
import { readStep } from './kept-steps.ts'
import { logEntries } from './log-entries.ts'

export async function carryHeads(session: Session): Promise<void> {
  const { trust, workspace, machine } = session
  if (trust.replaces === null) return
  const step = await readStep(workspace, trust.version)
  const entries = step === null ? [] : headsIn(trust, step)
  try {
    await logEntries(session, entries)
  } catch (error) {
    if (!(error instanceof ProgramError && error.code === 'LOG_REFUSED')) throw error
    machine.say(`a head of before is not in the new log (${error.detail}): it is offered once a newer release is`)
  }
}

function headsIn(trust: Trust, { views }: UpdateBundle): readonly Entry[] {
  const ids = new Set([...trust.heads.values()].map(({ id }) => id))
  return views.flatMap((view) => {
    const { checkpoint } = parseSignedCheckpoint(view.checkpoint)
    if (checkpoint.origin !== trust.replaces?.origin) return []
    const entries = view.entries.map((entry) => openLoggedEntry(nodeCrypto, entry, checkpoint))
    return entries.filter(({ id, statement }) => statement.kind === 'release' && ids.has(id))
  })
}
