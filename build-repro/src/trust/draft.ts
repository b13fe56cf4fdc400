/**
 * The next version of a trust file, from the one in force and what a person wants changed. Pure: whatever is said here is
 * held against every rule of docs/formats.md §2 before it is written anywhere.
 */
import { type ChannelHead, parseTrust, type Role, type Trust, TrustError, toBase64, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { memberText, type NewMember, witnessedBy } from './first.ts'

/** What is to be different; whatever is left out stays. */
export interface DraftChanges {
  readonly channels: readonly string[]
  readonly dropChannels: readonly string[]
  readonly add: readonly NewMember[]
  readonly remove: readonly string[]
  /** First index at which a member counts no longer, by its id. */
  readonly until: ReadonlyMap<string, number>
  readonly thresholds: ReadonlyMap<Role, number>
  /** A whole C2SP tlog-policy. */
  readonly policy: string | null
  readonly heads: ReadonlyMap<string, ChannelHead>
  readonly replaces: { readonly origin: string; readonly size: number; readonly root: Uint8Array } | null
  readonly trustedRoot: object | null
}

interface WrittenRole {
  threshold: number
  members: { id: string; [field: string]: unknown }[]
}

interface Written {
  version: number
  channels: string[]
  tlogPolicy: string
  heads: Record<string, ChannelHead>
  freshness: Record<string, string>
  authority: WrittenRole
  publishers: WrittenRole
  rebuilders: WrittenRole
  [field: string]: unknown
}

export interface Draft {
  readonly bytes: Uint8Array
  readonly trust: Trust
}

/** @throws ProgramError TRUST_INVALID where the result breaks a rule, USAGE where a change fits nothing */
export function draftNext(current: Trust, changes: DraftChanges): Draft {
  const file = JSON.parse(new TextDecoder().decode(current.bytes)) as Written
  file.version = current.version + 1
  file.channels = [...file.channels, ...changes.channels].filter((name) => !changes.dropChannels.includes(name))
  for (const name of changes.dropChannels) delete file.heads[name]
  if (changes.policy !== null) setPolicy(file, changes.policy)
  for (const [role, threshold] of changes.thresholds) file[role].threshold = threshold
  for (const id of changes.remove) removeMember(file, id)
  for (const [id, until] of changes.until) memberOf(file, id)['until'] = until
  for (const member of changes.add) file[member.role].members.push(memberText(member))
  file.heads = { ...file.heads, ...Object.fromEntries(changes.heads) }
  if (changes.replaces !== null) {
    const { origin, size, root } = changes.replaces
    file['replaces'] = { origin, size, root: toBase64(root) }
    leaveIndices(file)
  }
  if (changes.trustedRoot !== null) file['trustedRoot'] = changes.trustedRoot
  dropUnusedRoot(file)
  return readDraft(utf8(`${JSON.stringify(file, null, 2)}\n`))
}

/** A next version that a person wrote. @throws ProgramError TRUST_INVALID */
export function readDraft(bytes: Uint8Array): Draft {
  try {
    return { bytes, trust: parseTrust(nodeCrypto, bytes) }
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    throw new ProgramError({
      code: 'TRUST_INVALID',
      detail: `the next trust file would be refused: ${error.detail}`,
      remedy: 'Change what it says; docs/formats.md §2 names every rule.',
      exitCode: 10,
      cause: error,
    })
  }
}

function setPolicy(file: Written, policy: string): void {
  const { freshness, ...permission } = witnessedBy(policy, file.freshness)
  delete file['unwitnessed']
  Object.assign(file, permission, { freshness, tlogPolicy: policy })
}

function rolesIn(file: Written): readonly WrittenRole[] {
  return [file.authority, file.publishers, file.rebuilders]
}

function memberOf(file: Written, id: string): Record<string, unknown> {
  const found = rolesIn(file)
    .flatMap(({ members }) => members)
    .find((member) => member.id === id)
  if (found !== undefined) return found
  throw noMember(file, id)
}

function removeMember(file: Written, id: string): void {
  memberOf(file, id)
  for (const role of rolesIn(file)) role.members = role.members.filter((member) => member.id !== id)
}

function noMember(file: Written, id: string): ProgramError {
  const known = rolesIn(file).flatMap(({ members }) => members.map((member) => member.id))
  return new ProgramError({
    code: 'USAGE',
    detail: `the trust file has no member ${id}`,
    remedy: `Name one of: ${known.join(', ')}.`,
  })
}

/**
 * `from` and `until` are indices of the log that the file names: those of the log before it would mean something else in the
 * next one, and an ended key would be valid again there.
 */
function leaveIndices(file: Written): void {
  for (const role of rolesIn(file)) {
    role.members = role.members.filter((member) => member['until'] === undefined)
    for (const member of role.members) delete member['from']
  }
}

/** A trusted root stands exactly where an identity is listed. */
function dropUnusedRoot(file: Written): void {
  const listed = rolesIn(file).some(({ members }) => members.some((member) => member['identity'] !== undefined))
  if (!listed) delete file['trustedRoot']
}
