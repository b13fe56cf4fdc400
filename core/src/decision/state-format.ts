/**
 * The state as RFC 8785 canonical JSON (docs/decision.md, *State*): closed objects, at most 4 MiB. What no writer here
 * would have written is refused, so that an edited or half-written state is never half-believed.
 */

import { fromUtf8, toHex, utf8 } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import { artifactName, channel, digest, mediaType, platform, product, version } from '../release/names.ts'
import {
  integer,
  list,
  literal,
  membersOf,
  nullable,
  object,
  type Read,
  record,
  ShapeError,
  text,
} from '../release/shape.ts'
import { canonicalJson, type JsonValue, parseCanonicalJson } from '../release/strict-json.ts'
import { attempt } from './attempt.ts'
import {
  type Conviction,
  type Floor,
  type Held,
  type InstallRecord,
  type Known,
  type KnownArtifact,
  type KnownEntry,
  type KnownRelease,
  type KnownStatement,
  type KnownVote,
  type LogState,
  MAX_PAST_LOGS,
  MAX_STATE_SIZE,
  type PastLog,
  type PreviousInstall,
  type SignedFile,
  STATE_MEDIA_TYPE,
  type Staged,
  type State,
  type StoredTrust,
  type TrustVia,
} from './state.ts'

/** Turns the value of one older media type into that of the next. Keyed by the media type it reads. */
export type Migrations = ReadonlyMap<string, (value: JsonValue) => JsonValue>

/** No older format exists yet. */
const noMigrations: Migrations = new Map()

/** Bounds that only a damaged file reaches: what fits in 4 MiB is bounded by that. */
const MAX_ITEMS = 100_000
const MAX_TEXT = MAX_STATE_SIZE
const origin = text(255)
/** 64 hex digits, or an issuer and a subject of 1,024 characters each. */
const memberId = text(2049)

const knownEntry: Read<KnownEntry> = object<KnownEntry>({ index: integer(), member: memberId })
const knownEntries = list(knownEntry, { max: MAX_ITEMS })

const knownArtifact: Read<KnownArtifact> = object<KnownArtifact>({
  name: artifactName,
  platform,
  mediaType,
  partOf: nullable(artifactName),
  sha256: digest,
  source: nullable(digest),
  recipeDigest: nullable(digest),
  imageDigest: nullable(digest),
})

const knownRelease: Read<KnownRelease> = object<KnownRelease>({
  id: digest,
  channel,
  sequence: integer(1),
  version,
  previous: nullable(digest),
  artifacts: list(knownArtifact, { max: MAX_ITEMS }),
  entries: knownEntries,
  ripeAt: nullable(integer()),
})

const namedTrust = object<NonNullable<KnownStatement['trust']>>({
  version: integer(1),
  sha256: digest,
  size: integer(),
  joined: literal(true, false),
})

const knownStatement: Read<KnownStatement> = object<
  Omit<KnownStatement, 'trust' | 'kept'>,
  Required<Pick<KnownStatement, 'trust' | 'kept'>>
>(
  {
    id: digest,
    kind: literal('revocation', 'waiver', 'trust'),
    ids: list(digest, { max: MAX_ITEMS }),
    entries: knownEntries,
  },
  { trust: namedTrust, kept: literal(true) },
)

const knownVote: Read<KnownVote> = object<KnownVote>({
  index: integer(),
  member: memberId,
  name: artifactName,
  artifact: digest,
  source: digest,
  recipeDigest: digest,
  imageDigest: digest,
  release: nullable(digest),
})

const known: Read<Known> = object<Known>({
  releases: list(knownRelease, { max: MAX_ITEMS }),
  statements: list(knownStatement, { max: MAX_ITEMS }),
  votes: list(knownVote, { max: MAX_ITEMS }),
  ignored: integer(),
})

const loggedVia = object<Exclude<TrustVia, 'shipped'>>({ origin, index: integer() })
const trustVia: Read<TrustVia> = (value, at) => (value === 'shipped' ? 'shipped' : loggedVia(value, at))

const storedTrust: Read<StoredTrust> = object<StoredTrust>({
  version: integer(1),
  sha256: digest,
  body: text(MAX_TEXT),
  via: trustVia,
  endsAt: nullable(integer()),
})

const conviction: Read<Conviction> = object<Conviction>({ detail: text(MAX_TEXT), evidence: text(MAX_TEXT) })
const readRange = object<LogState['read']>({ from: integer(), to: integer() })

const logState: Read<LogState> = object<LogState>({
  origin,
  tree: nullable(text(MAX_TEXT)),
  q: nullable(integer()),
  read: readRange,
  convicted: nullable(conviction),
})

const pastLog: Read<PastLog> = object<PastLog>({
  origin,
  tree: nullable(text(MAX_TEXT)),
  q: nullable(integer()),
  convicted: nullable(conviction),
})

const floor: Read<Floor> = object<Floor>({ sequence: integer(1), id: digest })

const recordReaders = {
  product,
  channel,
  id: digest,
  sequence: integer(1),
  version,
  sha256: digest,
  trustVersion: integer(1),
}
const installRecord: Read<InstallRecord> = object<InstallRecord>(recordReaders)
const previousInstall: Read<PreviousInstall> = object<PreviousInstall>({ ...recordReaders, manifestSha256: digest })

const signedFile: Read<SignedFile> = object<SignedFile>({
  name: artifactName,
  size: integer(),
  sha256: digest,
  mediaType,
})

const staged: Read<Staged> = object<Staged>({
  id: digest,
  channel,
  sequence: integer(1),
  version,
  files: list(signedFile, { min: 1, max: MAX_ITEMS }),
  bundle: text(MAX_TEXT),
  want: object<Staged['want']>({
    platform,
    artifact: nullable(artifactName),
    mediaType: nullable(mediaType),
    online: literal(true, false),
    downgradeTo: nullable(text(256)),
  }),
})

const held: Read<Held> = object<Held>({ id: digest, reason: literal('failed', 'stepped-back') })

const state: Read<State> = object<State>({
  mediaType: literal(STATE_MEDIA_TYPE),
  product,
  generation: integer(),
  trust: storedTrust,
  time: integer(),
  log: logState,
  past: list(pastLog, { max: MAX_PAST_LOGS }),
  known,
  floors: record(channel, floor, MAX_ITEMS),
  previous: nullable(previousInstall),
  staged: nullable(staged),
  held: list(held, { max: MAX_ITEMS }),
  checkedAt: nullable(integer()),
})

/** The `detail` of a state past 4 MiB. */
export const STATE_TOO_LARGE = 'larger than 4 MiB'

/** The bytes of a state. Throws FormatError past 4 MiB and for a state that {@link parseState} would refuse. */
export function formatState(hasher: Hasher, value: State): Uint8Array {
  const bytes = canonicalJson({ ...value, floors: Object.fromEntries(value.floors) })
  parseState(hasher, bytes)
  return bytes
}

/** Reads what {@link formatState} wrote, or an older format through `migrations`. Throws FormatError `state`. */
export function parseState(hasher: Hasher, bytes: Uint8Array, migrations: Migrations = noMigrations): State {
  if (bytes.length > MAX_STATE_SIZE) throw new FormatError('state', STATE_TOO_LARGE)
  const parsed = shaped(state, migrated(parseCanonicalJson('state', bytes), migrations))
  checkTree(parsed.log)
  if (toHex(hasher.sha256(utf8(parsed.trust.body))) !== parsed.trust.sha256) {
    throw new FormatError('state', 'the trust file is not the one whose digest is kept')
  }
  return parsed
}

/** `installed.json`. Throws FormatError. */
export function formatInstallRecord(value: InstallRecord): Uint8Array {
  const bytes = canonicalJson(value)
  parseInstallRecord(bytes)
  return bytes
}

/** Reads what {@link formatInstallRecord} wrote. Throws FormatError `install record`. */
export function parseInstallRecord(bytes: Uint8Array): InstallRecord {
  return shaped(installRecord, parseCanonicalJson('install record', bytes), 'install record')
}

/** The media type of a state, whatever its version; null where it names none. */
export function stateMediaType(bytes: Uint8Array): string | null {
  const value: unknown = JSON.parse(fromUtf8(bytes))
  const type = membersOf(value, '').get('mediaType')
  return typeof type === 'string' ? type : null
}

/** At most as many steps as there are migrations: one that names its own result cannot loop. */
function migrated(value: JsonValue, migrations: Migrations): JsonValue {
  let current = value
  for (let step = 0; step < migrations.size; step++) {
    const migrate = migrations.get(mediaTypeOf(current))
    if (migrate === undefined) break
    current = migrate(current)
  }
  if (mediaTypeOf(current) !== STATE_MEDIA_TYPE) throw new FormatError('state', 'of a format that is not known here')
  return current
}

function mediaTypeOf(value: JsonValue): string {
  const type = shaped((json, at) => membersOf(json, at).get('mediaType'), value)
  return typeof type === 'string' ? type : ''
}

function shaped<T>(read: Read<T>, value: unknown, format = 'state'): T {
  return attempt(
    [ShapeError],
    () => read(value, ''),
    (cause) => {
      throw new FormatError(format, cause.detail, { cause })
    },
  )
}

/** `tree.size` is at least `read.to`, `read.from` at most, and the tree is one of this log. */
function checkTree({ origin: name, tree, q, read }: LogState): void {
  const size = tree === null ? 0 : checkedTree(name, tree)
  if (tree === null && q !== null) throw new FormatError('state', 'a time without a tree')
  if (read.from > read.to || read.to > size) throw new FormatError('state', 'read entries that the tree does not have')
}

function checkedTree(name: string, tree: string): number {
  const { checkpoint } = parseSignedCheckpoint(tree)
  if (checkpoint.origin !== name) throw new FormatError('state', 'the tree is of another log')
  return checkpoint.size
}
