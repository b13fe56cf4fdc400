/**
 * The two generations of the state on disk (docs/decision.md step 2): the writer alternates between two files, so that a
 * write torn by a crash leaves the other. Bytes of each:
 *
 *     <SHA-256 of what follows the line feed, 64 hex digits> \n <canonical JSON of the state>
 *
 * Generation g lives in the file of its parity; each write raises it by one.
 */

import { concat, toHex, utf8 } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import { attempt, noteFaults } from './attempt.ts'
import type { Notice } from './outcome.ts'
import { type Refusal, refuse } from './refusal.ts'
import { MAX_STATE_SIZE, STATE_MEDIA_TYPE, type State } from './state.ts'
import { formatState, type Migrations, parseState, stateMediaType } from './state-format.ts'

const CHECKSUM_LINE = 64 + 1

/** Bytes of a state file at most: read no more than this, plus one to notice. */
export const MAX_STATE_FILE_SIZE: number = CHECKSUM_LINE + MAX_STATE_SIZE

/** Name of the file that holds a generation. */
export function stateFileName(generation: number): 'state-0.json' | 'state-1.json' {
  return generation % 2 === 0 ? 'state-0.json' : 'state-1.json'
}

/** Bytes of the file {@link stateFileName}`(state.generation)`. Throws FormatError past 4 MiB. */
export function formatStateFile(hasher: Hasher, state: State): Uint8Array {
  const body = formatState(hasher, state)
  return concat(utf8(`${toHex(hasher.sha256(body))}\n`), body)
}

/** Reads what {@link formatStateFile} wrote. Throws FormatError, NoteError. */
export function parseStateFile(hasher: Hasher, bytes: Uint8Array, migrations?: Migrations): State {
  return parseState(hasher, checkedBody(hasher, bytes), migrations)
}

function checkedBody(hasher: Hasher, bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_STATE_FILE_SIZE) throw new FormatError('state', 'larger than 4 MiB')
  const body = bytes.slice(CHECKSUM_LINE)
  const line = utf8(`${toHex(hasher.sha256(body))}\n`)
  if (!line.every((byte, at) => byte === bytes[at])) throw new FormatError('state', 'the checksum does not match')
  return body
}

export interface StateFiles {
  readonly hasher: Hasher
  /** Contents of `state-0.json` and `state-1.json`; null where there is none. */
  readonly files: readonly [Uint8Array | null, Uint8Array | null]
  readonly product: string
  readonly hasInstallRecord: boolean
  readonly migrations?: Migrations
}

export type OpenedState =
  | { readonly kind: 'opened'; readonly state: State | null; readonly notices: readonly Notice[] }
  | { readonly kind: 'stopped'; readonly refusal: Refusal }

type Read =
  | { readonly kind: 'absent' }
  | { readonly kind: 'read'; readonly state: State }
  | { readonly kind: 'unreadable'; readonly detail: string }
  | { readonly kind: 'foreign'; readonly detail: string }

/** docs/decision.md step 2. */
export function openState(input: StateFiles): OpenedState {
  const reads = input.files.map((bytes, parity) => readGeneration(input, bytes, parity))
  const states = reads.flatMap((read) => (read.kind === 'read' ? [read.state] : []))
  const foreign = reads.find((read) => read.kind === 'foreign')
  if (foreign !== undefined) return stopped(foreign.detail)
  const unreadable = reads.find((read) => read.kind === 'unreadable')
  const newest = states.toSorted((a, b) => b.generation - a.generation)[0]
  if (newest === undefined) return unreadable === undefined ? withoutState(input) : stopped(unreadable.detail)
  if (newest.product !== input.product) return stopped(`the state is of ${newest.product}`)
  const notices: Notice[] =
    unreadable === undefined
      ? []
      : [{ code: 'state-generation', text: `one of two state files is unreadable: ${unreadable.detail}` }]
  return { kind: 'opened', state: newest, notices }
}

function withoutState({ hasInstallRecord }: StateFiles): OpenedState {
  if (hasInstallRecord) return stopped('there is an install record but no state')
  return { kind: 'opened', state: null, notices: [{ code: 'first-contact', text: 'no state yet: first contact' }] }
}

function stopped(detail: string): OpenedState {
  return { kind: 'stopped', refusal: refuse('STATE_INVALID', '2', detail) }
}

function readGeneration({ hasher, migrations }: StateFiles, bytes: Uint8Array | null, parity: number): Read {
  if (bytes === null) return { kind: 'absent' }
  const unreadable = ({ message }: Error): Read => ({ kind: 'unreadable', detail: message })
  const body = attempt([FormatError], () => checkedBody(hasher, bytes), unreadable)
  if (!(body instanceof Uint8Array)) return body
  const parse = (): Read => {
    const state = parseState(hasher, body, migrations)
    if (state.generation % 2 === parity) return { kind: 'read', state }
    return { kind: 'unreadable', detail: 'it is a copy of the other' }
  }
  return attempt(noteFaults, parse, (error) =>
    isOtherFormat(body) ? { kind: 'foreign', detail: 'the state is of a newer format' } : unreadable(error),
  )
}

/** An intact file of a format that is not ours: a newer program wrote it, and falling back would forget what it learned. */
function isOtherFormat(body: Uint8Array): boolean {
  try {
    return stateMediaType(body) !== STATE_MEDIA_TYPE
  } catch {
    return false // no JSON object at all: damaged, not newer
  }
}
