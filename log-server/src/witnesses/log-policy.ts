/**
 * The policy that a log publishes under: a C2SP tlog-policy file with exactly one log line, which is this log's, and with the
 * submission prefixes of its witnesses as their URLs.
 *
 *     log example.com/log+5a21eb0c+Bvd8…
 *     witness w1 witness.example.com/w1+8d6a51ca+BGno… https://witness.example.com/
 *     witness w2 witness.example.net/w2+1fe3a004+BO1a… https://witness.example.net/prefix
 *     group both all w1 w2
 *     quorum both
 */
import {
  checkTrustPolicy,
  FormatError,
  type Hasher,
  MAX_SIGNATURES,
  type Policy,
  type PolicyWitness,
  parsePolicy,
  samePublicKey,
  satisfiesQuorum,
  type VerifierKey,
} from '@samebits/core'

/** What is asked with one request: a submission prefix, and the witnesses whose keys sign behind it. */
export interface WitnessService {
  /** The policy's names, joined. */
  readonly name: string
  readonly witnesses: readonly PolicyWitness[]
  /** `<submission prefix>`, without a slash at its end. */
  readonly submission: string
  /** `<monitoring prefix>`, likewise. */
  readonly monitoring: string
}

export interface LogPolicy {
  readonly policy: Policy
  readonly services: readonly WitnessService[]
  /** How many witnesses must be dishonest for two histories to be cosigned (docs/formats.md §2). */
  readonly forkCost: number
}

export interface LogPolicyInput {
  readonly text: string
  /** Keys of the log. */
  readonly keys: readonly VerifierKey[]
  /** Monitoring prefixes that are not the submission prefix, as `w1=https://… w2=https://…`. */
  readonly monitoring: string
  /** Monitoring prefixes of witnesses that this file does not know are overlooked. */
  readonly strangers?: boolean
}

/**
 * Reads and checks. Besides what a trust file demands of its policy, the log must be this one, and enough witnesses for a
 * quorum must have a URL. A policy that honest witnesses alone could satisfy twice is accepted: its `forkCost` is 0.
 * @throws FormatError `policy`, `vkey`
 */
export function readLogPolicy(
  hasher: Hasher,
  { text, keys, monitoring, strangers = false }: LogPolicyInput,
): LogPolicy {
  const policy = parsePolicy(hasher, text)
  const { log, forkCost } = checkTrustPolicy(policy, { forkable: true, unwitnessed: true })
  if (!keys.some((key) => isSameKey(key, log.key))) throw fault('the log line is not a key of this log')
  const services = servicesOf(policy, readMonitoring(monitoring, policy, strangers))
  const asked = services.flatMap(({ witnesses }) => witnesses)
  if (keys.length + asked.length > MAX_SIGNATURES) throw fault('more witnesses than a checkpoint has room for')
  if (!satisfiesQuorum(policy, new Set(asked.map(({ name }) => name))))
    throw fault('the witnesses that have a URL make no quorum')
  return { policy, services, forkCost }
}

function isSameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.name === b.name && a.keyId === b.keyId && a.type === b.type && samePublicKey(a, b)
}

function servicesOf(policy: Policy, monitoring: ReadonlyMap<string, string>): WitnessService[] {
  const bySubmission = new Map<string, PolicyWitness[]>()
  for (const witness of policy.witnesses) {
    if (witness.url === undefined) continue
    const submission = readPrefix(witness.url)
    bySubmission.set(submission, [...(bySubmission.get(submission) ?? []), witness])
  }
  return [...bySubmission].map(([submission, witnesses]) => {
    const [first = submission, ...others] = new Set(witnesses.map(({ name }) => monitoring.get(name) ?? submission))
    if (others.length > 0) throw fault(`the witnesses behind ${submission} have several monitoring prefixes`)
    return { name: witnesses.map(({ name }) => name).join(','), witnesses, submission, monitoring: first }
  })
}

function readMonitoring(text: string, { witnesses }: Policy, strangers: boolean): Map<string, string> {
  const prefixes = new Map<string, string>()
  for (const item of text.split(/[ \t]+/).filter((item) => item !== '')) {
    const [, name = '', url = ''] = /^([^=]+)=(.+)$/.exec(item) ?? []
    const known = witnesses.some((witness) => witness.name === name && witness.url !== undefined)
    if (!known && strangers && url !== '') continue
    if (!known) throw fault(`a monitoring prefix for ${JSON.stringify(name)}, which is no witness with a URL`)
    if (prefixes.has(name)) throw fault(`two monitoring prefixes for ${name}`)
    prefixes.set(name, readPrefix(url))
  }
  return prefixes
}

/** An https URL (http to this machine, for tests) without credentials, query and fragment; no slash at its end. */
function readPrefix(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const local =
    url !== null && (url.hostname === 'localhost' || url.hostname === '[::1]' || url.hostname === '127.0.0.1')
  const scheme = url?.protocol === 'https:' || (url?.protocol === 'http:' && local)
  if (url === null || !scheme || url.username !== '' || url.password !== '' || /[?#]/.test(text))
    throw fault(`${JSON.stringify(text)} is not an https URL without credentials, query and fragment`)
  return url.href.replace(/\/+$/, '')
}

function fault(detail: string): FormatError {
  return new FormatError('policy', detail)
}
