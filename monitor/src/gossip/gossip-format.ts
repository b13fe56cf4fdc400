/**
 * What monitors pass on and clients hand in: checkpoints, evidence, update bundles. JSON,
 *
 *     { "mediaType": "application/vnd.samebits.gossip+json;version=1",
 *       "checkpoints": [ "<signed checkpoint>", … ],
 *       "evidence": [ "<base64 of a file of evidence>", … ],
 *       "bundles": [ "<base64 of an update bundle>", … ] }
 *
 * each list optional. Nothing in it is believed: what does not verify under keys that the reader knows is dropped.
 */
import {
  type Evidence,
  FileError,
  FormatError,
  fromBase64,
  type JsonValue,
  parseEvidence,
  parseJson,
  parseUpdateBundle,
  StatementError,
  toBase64,
  type UpdateBundle,
} from '@samebits/core'

export const gossipMediaType = 'application/vnd.samebits.gossip+json;version=1'

/** Caps before work. */
export const gossipCaps: Readonly<Record<'bytes' | 'checkpoints' | 'evidence' | 'bundles', number>> = {
  bytes: 2 << 20,
  checkpoints: 64,
  evidence: 16,
  bundles: 4,
}

export interface Gossip {
  readonly checkpoints: readonly string[]
  readonly evidence: readonly Evidence[]
  readonly bundles: readonly UpdateBundle[]
}

/** Not gossip: `detail` says where. */
export class GossipError extends Error {
  override readonly name = 'GossipError'
  readonly code = 'GOSSIP_INVALID'
}

/** @throws GossipError */
export function parseGossip(bytes: Uint8Array): Gossip {
  if (bytes.length > gossipCaps.bytes) throw new GossipError(`more than ${gossipCaps.bytes} bytes`)
  try {
    const members = membersOf(parseJson('gossip', bytes))
    return {
      checkpoints: texts(members, 'checkpoints', gossipCaps.checkpoints),
      evidence: texts(members, 'evidence', gossipCaps.evidence).map((text) => parseEvidence(fromBase64(text))),
      bundles: texts(members, 'bundles', gossipCaps.bundles).map((text) => parseUpdateBundle(fromBase64(text))),
    }
  } catch (error) {
    if (error instanceof GossipError) throw error
    if (error instanceof FormatError || error instanceof FileError || error instanceof StatementError)
      throw new GossipError(error.detail, { cause: error })
    throw error
  }
}

/** @param evidence files' bytes, as they are kept */
export function formatGossip(checkpoints: readonly string[], evidence: readonly Uint8Array[]): string {
  return JSON.stringify({ mediaType: gossipMediaType, checkpoints, evidence: evidence.map(toBase64) })
}

const known = ['mediaType', 'checkpoints', 'evidence', 'bundles']

function membersOf(value: JsonValue): Record<string, JsonValue> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new GossipError('not an object')
  const members = value as Record<string, JsonValue>
  const unknown = Object.keys(members).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new GossipError('an unknown member')
  if (members['mediaType'] !== gossipMediaType) throw new GossipError('mediaType is not known to this version')
  return members
}

function texts(members: Record<string, JsonValue>, name: string, max: number): string[] {
  const list = members[name] ?? []
  if (!Array.isArray(list) || list.length > max) throw new GossipError(`${name}: not a list of at most ${max}`)
  return list.map((text: JsonValue) => {
    if (typeof text !== 'string') throw new GossipError(`${name}: not text`)
    return text
  })
}
