/**
 * Whether evidence convicts, whom, and who signed both sides (docs/formats.md §5). Everything is checked from the first byte with keys
 * that the caller brings; nothing of the file is believed. A proof that does not verify is never evidence of a fork:
 * anybody can make one.
 */
import { equalBytes } from '../bytes.ts'
import type { Crypto } from '../crypto.ts'
import { FormatError, NoteError, ProofError } from '../errors.ts'
import { openCheckpoint, parseSignedCheckpoint, type SignedCheckpoint, verifyCheckpoint } from '../log/checkpoint.ts'
import { emptyRoot } from '../log/compact-range.ts'
import { checkConsistency, checkInclusion } from '../log/merkle.ts'
import { parseTlogProof, type TlogProof } from '../log/tlog-proof.ts'
import { TYPE_COSIGNATURE_ED25519, TYPE_COSIGNATURE_ML_DSA_44, type VerifierKey } from '../log/vkey.ts'
import { checkStatementEvidence } from './check-statements.ts'
import type { Evidence, ForkEvidence, LeafConflictEvidence, PairEvidence } from './evidence.ts'
import { type Finding, NotProven, witnessSentence } from './finding.ts'
import type { IdentityVerifier } from './identity.ts'
import type { Trust } from './trust.ts'

/** What the checker brings. */
export interface EvidenceCase {
  readonly crypto: Crypto
  readonly evidence: Evidence
  /** Keys of the log or witnesses, for the kinds about trees. Those of `trust` are added. */
  readonly keys?: readonly VerifierKey[]
  /** The trust file, for the kinds about statements. */
  readonly trust?: Trust
  /** Needed where `trust` lists identities. */
  readonly identities?: IdentityVerifier
}

/**
 * Judges evidence. It never throws for what the file says: evidence that proves nothing has verdict `nothing`, and says why.
 */
export function checkEvidence(theCase: EvidenceCase): Finding {
  try {
    return judge(theCase)
  } catch (error) {
    if (error instanceof NotProven || error instanceof ProofError) return nothing(error.message)
    if (error instanceof FormatError || error instanceof NoteError) return nothing(error.detail)
    throw error
  }
}

function nothing(because: string): Finding {
  return { verdict: 'nothing', convicted: null, findings: [`This proves nothing: ${because}.`], bothSides: [] }
}

function judge(theCase: EvidenceCase): Finding {
  const { evidence } = theCase
  const keys = keysOf(theCase)
  switch (evidence.kind) {
    case 'fork':
      return judgeFork(theCase.crypto, evidence, keys)
    case 'split':
      return judgeSplit(theCase.crypto, evidence, keys)
    case 'leaf-conflict':
      return judgeLeafConflict(theCase.crypto, evidence, keys)
    case 'empty-root':
      return judgeEmptyRoot(theCase.crypto, evidence, keys)
    case 'witness-rollback':
      return judgeRollback(theCase.crypto, evidence, keys)
    case 'witness-split':
      return judgeWitnessSplit(theCase.crypto, evidence, keys)
    case 'unproven':
      return judgeUnproven(theCase.crypto, evidence, keys)
    case 'equivocation':
    case 'trust-fork':
    case 'mismatch':
      if (theCase.trust === undefined) throw new NotProven('no trust file was given to check it with')
      return checkStatementEvidence(theCase.crypto, evidence, theCase.trust, theCase.identities)
  }
}

interface Keys {
  readonly log: readonly VerifierKey[]
  readonly witnesses: readonly VerifierKey[]
}

/**
 * Sorts the keys. One of type 0x06 is a log's when it bears the origin's name: of that type the two sign alike (C2SP
 * tlog-checkpoint, "Signatures"). A log key of another name speaks for this origin only where the caller brought none of its
 * name (some logs have an origin that is not their key's name), so that one log of many cannot frame another.
 */
function keysOf({ evidence: { origin }, keys = [], trust }: EvidenceCase): Keys {
  const isWitness = ({ type, name }: VerifierKey) =>
    type === TYPE_COSIGNATURE_ED25519 || (type === TYPE_COSIGNATURE_ML_DSA_44 && name !== origin)
  const trusted = trust === undefined ? [] : [trust.log, ...trust.policy.witnesses].map(({ key }) => key)
  const all = [...keys, ...trusted].filter((key, at, list) => list.findIndex((other) => sameKey(other, key)) === at)
  const named = all.filter((key) => !isWitness(key) && key.name === origin)
  return { log: named.length > 0 ? named : keys.filter((key) => !isWitness(key)), witnesses: all.filter(isWitness) }
}

function sameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.name === b.name && a.type === b.type && equalBytes(a.publicKey, b.publicKey)
}

/** The two sides of a case about a log, both signed by it. */
function openBoth(crypto: Crypto, { a, b, origin }: { a: string; b: string; origin: string }, keys: Keys) {
  return { a: openLog(crypto, a, origin, keys), b: openLog(crypto, b, origin, keys) }
}

function openLog(crypto: Crypto, checkpoint: string, origin: string, { log }: Keys): SignedCheckpoint {
  if (log.length === 0) throw new NotProven('no key of the log was given to check it with')
  return openCheckpoint(crypto, checkpoint, log, origin)
}

function convict(
  kind: 'log' | 'witness',
  name: string,
  says: string,
  bothSides: readonly string[],
  sides: 'both sides' | 'it' = 'both sides',
): Finding {
  return {
    verdict: 'convicts',
    convicted: { kind, name },
    findings: [says, witnessSentence(bothSides, sides)],
    bothSides,
  }
}

function judgeFork(crypto: Crypto, evidence: ForkEvidence, keys: Keys): Finding {
  const { a, b } = openBoth(crypto, evidence, keys)
  const [older, newer] = [a.checkpoint, b.checkpoint]
  if (older.size === 0) throw new NotProven('every tree extends the empty one')
  if (older.size >= newer.size) throw new NotProven('checkpoint A is not of a smaller tree than B')
  const { oldRoot, proof } = evidence
  checkConsistency(crypto, { from: older.size, to: newer.size, fromRoot: oldRoot, toRoot: newer.root, proof })
  if (equalBytes(oldRoot, older.root)) throw new NotProven('B extends A: the two are one history')
  const says = `${evidence.origin} signed a tree of ${older.size} entries, and one of ${newer.size} that does not extend it.`
  return convict('log', evidence.origin, says, signedBoth(crypto, a, b, keys))
}

function judgeSplit(crypto: Crypto, evidence: PairEvidence, keys: Keys): Finding {
  const { a, b } = openBoth(crypto, evidence, keys)
  const { size } = a.checkpoint
  if (size !== b.checkpoint.size) throw new NotProven('the trees are of two sizes')
  if (equalBytes(a.checkpoint.root, b.checkpoint.root)) throw new NotProven('the roots are equal')
  const says = `${evidence.origin} signed two different trees of ${size} entries.`
  return convict('log', evidence.origin, says, signedBoth(crypto, a, b, keys))
}

function judgeEmptyRoot(crypto: Crypto, evidence: { a: string; origin: string }, keys: Keys): Finding {
  const a = openLog(crypto, evidence.a, evidence.origin, keys)
  if (a.checkpoint.size !== 0) throw new NotProven('the tree is not empty')
  if (equalBytes(a.checkpoint.root, emptyRoot(crypto))) throw new NotProven('the root is that of the empty tree')
  const says = `${evidence.origin} signed a tree of no entries whose root is not that of the empty tree.`
  return convict('log', evidence.origin, says, signedBoth(crypto, a, a, keys), 'it')
}

function judgeLeafConflict(crypto: Crypto, evidence: LeafConflictEvidence, keys: Keys): Finding {
  const [a, b] = [parseTlogProof(evidence.a), parseTlogProof(evidence.b)]
  if (a.index !== b.index) throw new NotProven('the leaves are at two indices')
  const leafHashes = crypto.leafHashes(evidence.leaves)
  const opened = [a, b].map((proof, at) => openLeaf(crypto, evidence.origin, proof, leafHashes[at], keys))
  if (equalBytes(leafHashes[0] ?? new Uint8Array(), leafHashes[1] ?? new Uint8Array())) {
    throw new NotProven('the leaves are equal')
  }
  const says = `${evidence.origin} signed two trees with different entries at index ${a.index}.`
  const [first = a.checkpoint, second = b.checkpoint] = opened
  return convict('log', evidence.origin, says, signedBoth(crypto, first, second, keys))
}

function openLeaf(
  crypto: Crypto,
  origin: string,
  { index, hashes, checkpoint }: TlogProof,
  leafHash: Uint8Array | undefined,
  keys: Keys,
): SignedCheckpoint {
  if (leafHash === undefined) throw new NotProven('a leaf is missing')
  const opened = openLog(crypto, checkpoint.text, origin, keys)
  const { size, root } = opened.checkpoint
  checkInclusion(crypto, { index, size, leafHash, proof: hashes, root })
  return opened
}

function judgeUnproven(crypto: Crypto, evidence: PairEvidence, keys: Keys): Finding {
  const { a, b } = openBoth(crypto, evidence, keys)
  const sizes = `${a.checkpoint.size} and ${b.checkpoint.size}`
  const findings = [
    `${evidence.origin} signed trees of ${sizes} entries. Nobody has shown that one extends the other, nor that it does not.`,
    'This convicts nobody: ask the log, its mirrors and its witnesses for the proof between the two sizes.',
  ]
  const bothSides = signedBoth(crypto, a, b, keys)
  return { verdict: 'question', convicted: null, findings: [...findings, witnessSentence(bothSides)], bothSides }
}

/** A witness's checkpoints need no signature of the log: what convicts it is its own. */
function openCosigned(
  { a, b, origin }: PairEvidence,
  { witnesses }: Keys,
): { a: SignedCheckpoint; b: SignedCheckpoint } {
  if (witnesses.length === 0) throw new NotProven('no key of a witness was given to check it with')
  const both = { a: parseSignedCheckpoint(a), b: parseSignedCheckpoint(b) }
  for (const { checkpoint } of [both.a, both.b]) {
    if (checkpoint.origin !== origin) throw new NotProven('a checkpoint is of another log')
  }
  return both
}

function judgeWitnessSplit(crypto: Crypto, evidence: PairEvidence, keys: Keys): Finding {
  const { a, b } = openCosigned(evidence, keys)
  const { size } = a.checkpoint
  if (size !== b.checkpoint.size) throw new NotProven('the trees are of two sizes')
  if (equalBytes(a.checkpoint.root, b.checkpoint.root)) throw new NotProven('the roots are equal')
  const both = signedBoth(crypto, a, b, keys)
  const [witness] = both
  if (witness === undefined) throw new NotProven('no witness that was given signed both')
  const says = `${both.join(', ')} cosigned two different trees of ${size} entries of ${evidence.origin}.`
  return convict('witness', witness, says, both)
}

/** A time of 0 makes no statement about which tree was the largest (C2SP tlog-cosignature, "ML-DSA-44 signed message"). */
function judgeRollback(crypto: Crypto, evidence: PairEvidence, keys: Keys): Finding {
  const { a, b } = openCosigned(evidence, keys)
  const [larger, smaller] = a.checkpoint.size > b.checkpoint.size ? [a, b] : [b, a]
  if (larger.checkpoint.size === smaller.checkpoint.size) throw new NotProven('the trees are of one size')
  const wentBack = namesOf(keys).filter((name) => {
    const before = cosignedAt(crypto, larger, keys, name).filter((time) => time > 0)
    return before.length > 0 && cosignedAt(crypto, smaller, keys, name).some((time) => time > Math.min(...before))
  })
  const [witness] = wentBack
  if (witness === undefined)
    throw new NotProven('no witness that was given signed the smaller tree after the larger one')
  const says = `${wentBack.join(', ')} cosigned a tree of ${larger.checkpoint.size} entries of ${evidence.origin}, and later one of ${smaller.checkpoint.size}.`
  return convict('witness', witness, says, wentBack)
}

/** The witnesses whose signature stands under both, by name: keys of one name are one witness (docs/formats.md §2). */
function signedBoth(crypto: Crypto, a: SignedCheckpoint, b: SignedCheckpoint, keys: Keys): string[] {
  return namesOf(keys).filter((name) => [a, b].every((side) => cosignedAt(crypto, side, keys, name).length > 0))
}

function namesOf({ witnesses }: Keys): string[] {
  return [...new Set(witnesses.map(({ name }) => name))].sort()
}

/** The times that a witness states under a checkpoint; empty where it has not signed it. 0 states none. */
function cosignedAt(crypto: Crypto, checkpoint: SignedCheckpoint, { witnesses }: Keys, name: string): number[] {
  return witnesses
    .filter((key) => key.name === name)
    .flatMap((key) => {
      try {
        return verifyCheckpoint(crypto, checkpoint, [key]).map(({ timestamp }) => timestamp ?? 0)
      } catch (error) {
        if (error instanceof NoteError) return []
        throw error
      }
    })
}
