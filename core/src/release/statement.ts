/**
 * What publishers, rebuilders and authorities sign: an in-toto Statement v1 with one of five predicates, as RFC 8785
 * canonical JSON (docs/formats.md §1). One release:
 *
 *     { "_type": "https://in-toto.io/Statement/v1",
 *       "subject": [ { "name": "notes-linux-x64.tar.gz", "digest": { "sha256": "…" } } ],
 *       "predicateType": "https://samebits.dev/release/v1",
 *       "predicate": { "product": "example.com/notes", "channel": "stable", "version": "1.2.0",
 *                      "sequence": 7, "previous": "<id>", "artifacts": [ … ], "builds": [ … ] } }
 *
 * A parsed statement says every fact once: the digests of `subject` are with the artifacts that they belong to, and
 * a payload whose subject and predicate disagree does not parse.
 */
import { toHex } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { digest } from './names.ts'
import { type Codec, codecs } from './predicate-codecs.ts'
import type { Statement, Subject } from './predicates.ts'
import { list, literal, object, ShapeError, text } from './shape.ts'
import { asStatementError } from './statement-error.ts'
import { canonicalJson, parseCanonicalJson } from './strict-json.ts'

export {
  type Artifact,
  type Build,
  type BuildType,
  bodiesOf,
  buildOf,
  buildTypes,
  MAX_BODY_BYTES,
  type RebuildStatement,
  type ReleaseStatement,
  type ResourceDescriptor,
  type RevocationStatement,
  type Severity,
  type Source,
  type Statement,
  type Subject,
  type TrustStatement,
  type WaiverStatement,
} from './predicates.ts'
export { StatementError, type StatementFault } from './statement-error.ts'

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
/** More than any entry can hold. */
const MAX_SUBJECTS = 1024

const subject = object<{ name: string; digest: { sha256: string } }>({
  name: text(255),
  digest: object<{ sha256: string }>({ sha256: digest }),
})

const statementShape = object<{
  _type: string
  subject: readonly Subject[]
  predicateType: string
  predicate: unknown
}>({
  _type: literal(STATEMENT_TYPE),
  subject: (value, at) =>
    list(subject, { min: 1, max: MAX_SUBJECTS })(value, at).map(({ name, digest: { sha256 } }) => ({ name, sha256 })),
  predicateType: (value, at) => {
    if (typeof value !== 'string') throw new ShapeError(at, 'not a string')
    return value
  },
  predicate: (value) => value,
})

/** Reads the payload of an entry's DSSE envelope. Throws {@link StatementError}. */
export function parseStatement(payload: Uint8Array): Statement {
  const value = canonical(payload)
  try {
    const codec = codecOf(value)
    const { subject: subjects, predicate } = statementShape(value, '')
    return codec.read(subjects, predicate)
  } catch (error) {
    throw asStatementError('statement', error)
  }
}

/** The one payload of a statement. Throws {@link StatementError} for what {@link parseStatement} would refuse. */
export function formatStatement(statement: Statement): Uint8Array {
  const codec: Codec<Statement> = codecs[statement.kind]
  const { subjects, predicate } = codec.write(statement)
  const payload = canonicalJson({
    _type: STATEMENT_TYPE,
    subject: subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: codec.predicateType,
    predicate,
  })
  parseStatement(payload)
  return payload
}

/** The id of a statement: the SHA-256 of its payload, which no re-signing and no re-wrapping changes. */
export function statementId(hasher: Hasher, payload: Uint8Array): string {
  return toHex(hasher.sha256(payload))
}

function canonical(payload: Uint8Array): unknown {
  try {
    return parseCanonicalJson('statement', payload)
  } catch (error) {
    throw asStatementError('statement', error)
  }
}

/** Decides by `predicateType` before anything else is read, so that a foreign statement is unknown and not malformed. */
function codecOf(value: unknown): Codec<Statement> {
  const type = typeof value === 'object' && value !== null && 'predicateType' in value ? value.predicateType : undefined
  const codec = Object.values(codecs).find(({ predicateType }) => predicateType === type)
  if (codec !== undefined) return codec
  throw new ShapeError(
    'predicateType',
    'not known to this version',
    typeof type === 'string' ? 'unknown-type' : 'malformed',
  )
}
