/**
 * Evidence in one spelling. Much in a file of evidence is signed by nobody: signature lines of unknown keys, the extra line of a proof,
 * the trust file that is said to be meant. Whoever changes these bytes makes another file, and proves nothing more by it.
 */
import {
  type Crypto,
  canonicalJson,
  type Evidence,
  formatNote,
  formatTlogProof,
  parseEntry,
  parseSignedCheckpoint,
  parseTlogProof,
  type SignedCheckpoint,
  type Trust,
  toHex,
  type VerifierKey,
} from '@samebits/core'

/**
 * The same evidence without what nobody signed.
 * @param keys whose signature lines stay
 * @param trust what takes the place of the trust file, and whose keys stay as well
 */
export function canonicalEvidence(evidence: Evidence, keys: readonly VerifierKey[], trust?: Trust): Evidence {
  const trusted = trust === undefined ? [] : [trust.log, ...trust.policy.witnesses].map(({ key }) => key)
  const known = new Set([...keys, ...trusted].map(lineId))
  const checkpoint = (text: string) => onlyKnown(parseSignedCheckpoint(text), known).text
  const proof = (text: string) => {
    const { index, hashes, checkpoint: signed } = parseTlogProof(text)
    return formatTlogProof({ index, hashes, checkpoint: onlyKnown(signed, known) })
  }
  switch (evidence.kind) {
    case 'empty-root':
      return { ...evidence, a: checkpoint(evidence.a) }
    case 'leaf-conflict':
      return { ...evidence, a: proof(evidence.a), b: proof(evidence.b) }
    case 'equivocation':
    case 'trust-fork':
    case 'mismatch':
      return {
        ...{ ...evidence, a: evidence.a.map(proof), b: evidence.b.map(proof) },
        trust: trust?.bytes ?? evidence.trust,
      }
    default:
      return { ...evidence, a: checkpoint(evidence.a), b: checkpoint(evidence.b) }
  }
}

function lineId({ name, keyId }: Pick<VerifierKey, 'name' | 'keyId'>): string {
  return `${name}+${keyId}`
}

function onlyKnown(signed: SignedCheckpoint, known: ReadonlySet<string>): SignedCheckpoint {
  const signatures = signed.note.signatures.filter((line) => known.has(lineId(line)))
  return signatures.length === 0 ? signed : parseSignedCheckpoint(formatNote({ ...signed.note, signatures }))
}

/** What evidence is about: equal wherever the same two things are held against each other, in whichever order. */
export function aboutOf(crypto: Crypto, evidence: Evidence): readonly string[] {
  const tree = (text: string) => {
    const { size, root } = parseSignedCheckpoint(text).checkpoint
    return `${size} ${toHex(root)}`
  }
  switch (evidence.kind) {
    case 'empty-root':
      return [tree(evidence.a)]
    case 'leaf-conflict': {
      const leaves = crypto.leafHashes(evidence.leaves).map(toHex)
      return [`${parseTlogProof(evidence.a).index}`, ...leaves.sort()]
    }
    case 'equivocation':
    case 'trust-fork':
    case 'mismatch': {
      const firsts = [evidence.leaves[0], evidence.leaves[evidence.a.length]]
      return firsts.flatMap((leaf) => (leaf === undefined ? [] : [parseEntry(crypto, leaf).id])).sort()
    }
    default:
      return [tree(evidence.a), tree(evidence.b)].sort()
  }
}

/** The same as a digest: what the state knows it by. */
export function subjectOf(crypto: Crypto, evidence: Evidence, convicted: string | null): string {
  const { kind, origin } = evidence
  return toHex(crypto.sha256(canonicalJson([kind, origin, convicted, ...aboutOf(crypto, evidence)])))
}
