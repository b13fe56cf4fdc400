/**
 * Revocations and waivers: what may be said of a release after it is out (docs/formats.md §1). Signed here or elsewhere, kept
 * before they are sent, logged as often as it takes, and then told how far they are.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  type Entry,
  formatStatement,
  operatorsOf,
  parseEntry,
  type RevocationStatement,
  type Role,
  signingRoles,
  statementId,
  type Trust,
  type WaiverStatement,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { StatementKey } from '../keygen.ts'
import type { Logged } from '../product-view.ts'
import type { Session } from '../session.ts'
import { signStatement } from '../signing.ts'
import { demandRole, signerName } from './authority.ts'
import { readEntryIfThere, writeEntryFile } from './entry-file.ts'
import { logEntries } from './log-entries.ts'

export type Claim = RevocationStatement | WaiverStatement

export interface ClaimLogged {
  readonly kind: Claim['kind']
  readonly id: string
  /** Of the tree that holds it. */
  readonly size: number
  /** Whether it counts. */
  readonly met: boolean
  /** How far it is in each role that could meet it. */
  readonly signed: readonly { readonly role: Role; readonly signed: number; readonly needed: number }[]
}

/** @throws ProgramError NOT_ADMITTED */
export async function signClaim(trust: Trust, claim: Claim, key: StatementKey): Promise<Uint8Array> {
  demandRole([trust], claim.kind, key)
  return signStatement(formatStatement(claim), key)
}

/** Signs once: a run that is interrupted finds its own bytes again. */
export async function signClaimOnce({ workspace, trust }: Session, claim: Claim, key: StatementKey): Promise<Entry> {
  const id = statementId(nodeCrypto, formatStatement(claim))
  const path = workspace.at(`.samebits/statements/${id}.${key.keyid}.json`)
  const before = await readEntryIfThere(path)
  if (before !== null) return before
  const leaf = await signClaim(trust, claim, key)
  await mkdir(dirname(path), { recursive: true })
  await writeEntryFile(path, leaf)
  return parseEntry(nodeCrypto, leaf)
}

/** Logs the entries of one claim. @throws ProgramError ENTRY_INVALID, NOT_ADMITTED, LOG_REFUSED */
export async function logClaim(session: Session, entries: readonly Entry[]): Promise<ClaimLogged> {
  const [first] = entries
  if (first === undefined || entries.some(({ id }) => id !== first.id))
    throw refuse('ENTRY_INVALID', 'the files are not the signatures of one statement', 'Log them one after the other.')
  const { kind } = first.statement
  if (kind !== 'revocation' && kind !== 'waiver')
    throw refuse('ENTRY_INVALID', `it is a ${kind} statement`, 'Log it with the command that made it.')
  for (const entry of entries) demandMember(session.trust, entry)
  const size = await logEntries(session, entries)
  const { tree, view } = await session.now((seen) =>
    seen.size < size ? `entry ${size - 1} is not under a checkpoint yet` : null,
  )
  const known: readonly Logged<unknown>[] = kind === 'revocation' ? view.revocations : view.waivers
  const logged = known.find(({ id }) => id === first.id)
  if (logged === undefined)
    throw refuse('PROOF_INVALID', 'the log took the statement and its tree does not hold it', 'Ask its operator.')
  return {
    kind,
    id: first.id,
    size: tree.size,
    met: logged.metAt !== null,
    signed: progressOf(session.trust, kind, logged),
  }
}

function progressOf(trust: Trust, kind: Claim['kind'], { signatures }: Logged<unknown>): ClaimLogged['signed'] {
  return signingRoles[kind].map((role) => ({
    role,
    signed: operatorsOf(trust, role, signatures).size,
    needed: trust[role].threshold,
  }))
}

function demandMember(trust: Trust, entry: Entry): void {
  if (signerName([trust], entry) !== null) return
  throw refuse(
    'NOT_ADMITTED',
    'it is signed by nobody whom the trust file lists, or the signature does not hold',
    'Have it signed by a member.',
  )
}

function refuse(code: string, detail: string, remedy: string): ProgramError {
  return new ProgramError({ code, detail, remedy, exitCode: 10 })
}
