/**
 * Trust policies (C2SP tlog-policy): which logs are known, which witnesses, and which sets of witnesses suffice.
 *
 *     log example.com/log+5a21eb0c+Bvd8… https://log.example.com/
 *     witness w1 witness.example.com/w1+8d6a51ca+BGno…
 *     witness w2 witness.example.net/w2+1fe3a004+BO1a…
 *     group both all w1 w2
 *     quorum both
 *
 * Items are separated by spaces and tabs, lines end in a newline, lines starting with `#` are comments. Names are
 * compared as they are, without any normalisation: the specification's opaque octets are here the UTF-8 of the text.
 */
import { parseDecimal } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import {
  formatVkey,
  parseVkey,
  samePublicKey,
  TYPE_COSIGNATURE_ED25519,
  TYPE_COSIGNATURE_ML_DSA_44,
  type VerifierKey,
} from './vkey.ts'

/** Longest policy in UTF-16 units, and most definitions of one kind; the specification asks for at least 32 of each. */
const MAX_POLICY_LENGTH = 1 << 20
const MAX_DEFINITIONS = 128

/** The name that is predefined: no cosignatures are required. */
export const NO_QUORUM = 'none'

/** A log: its key's name is the origin of its checkpoints. */
export interface PolicyLog {
  readonly key: VerifierKey
  readonly url?: string
}

/** A witness. `name` is the policy's own name for it, `key.name` the one on its signature lines. */
export interface PolicyWitness {
  readonly name: string
  readonly key: VerifierKey
  readonly url?: string
}

/** Witnesses a checkpoint when at least `threshold` of its members do; 1 ≤ threshold ≤ number of members. */
export interface PolicyGroup {
  readonly name: string
  readonly threshold: number
  /** Names of witnesses and groups, each a member of nothing else. */
  readonly members: readonly string[]
}

/** A parsed policy. Every name that a group or the quorum uses is defined, and used once. */
export interface Policy {
  /** The text it was read from, verbatim. */
  readonly text: string
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  /** The name of a witness or group, or `NO_QUORUM`. */
  readonly quorum: string
}

/**
 * Reads a policy.
 *
 * Stricter than the letter of the specification in two points: numbers are canonical decimals, and the quorum's name
 * may not be a group's member besides (it would contribute in two ways). A witness key must be of a cosignature type
 * (0x04, 0x06); a log key of a type that cannot be verified here is kept, and its checkpoints are never accepted.
 * @throws FormatError `policy`, `vkey`
 */
export function parsePolicy(hasher: Hasher, text: string): Policy {
  checkOctets(text)
  const reader = new PolicyReader(hasher)
  text
    .slice(0, -1)
    .split('\n')
    .forEach((line, index) => {
      try {
        reader.readLine(line)
      } catch (cause) {
        if (!(cause instanceof FormatError)) throw cause
        throw new FormatError('policy', `line ${index + 1}: ${cause.detail}`, { cause })
      }
    })
  return reader.finish(text)
}

/**
 * A policy as text, in the order logs, witnesses, groups, quorum; `parsePolicy` of it gives the same definitions.
 * @throws FormatError `policy` if it does not
 */
export function formatPolicy(hasher: Hasher, policy: Omit<Policy, 'text'>): string {
  const lines = [
    ...policy.logs.map(({ key, url }) => ['log', formatVkey(key), ...(url === undefined ? [] : [url])]),
    ...policy.witnesses.map(({ name, key, url }) => [
      'witness',
      name,
      formatVkey(key),
      ...(url === undefined ? [] : [url]),
    ]),
    ...policy.groups.map(({ name, threshold, members }) => ['group', name, String(threshold), ...members]),
    ['quorum', policy.quorum],
  ]
  const text = lines.map((items) => `${items.join(' ')}\n`).join('')
  parsePolicy(hasher, text)
  return text
}

/** The definitions read so far; each method reads one kind of line. */
class PolicyReader {
  private readonly hasher: Hasher
  private readonly logs: PolicyLog[] = []
  private readonly witnesses: PolicyWitness[] = []
  private readonly groups: PolicyGroup[] = []
  private readonly names = new Set<string>()
  private readonly used = new Set<string>()
  private quorum: string | null = null

  constructor(hasher: Hasher) {
    this.hasher = hasher
  }

  readLine(line: string): void {
    const [keyword, ...items] = line.split(/[ \t]/).filter((item) => item !== '')
    if (keyword === undefined || keyword.startsWith('#')) return
    switch (keyword) {
      case 'log':
        this.readLog(items)
        break
      case 'witness':
        this.readWitness(items)
        break
      case 'group':
        this.readGroup(items)
        break
      case 'quorum':
        this.readQuorum(items)
        break
      default:
        throw new FormatError('policy', 'unknown keyword')
    }
  }

  finish(text: string): Policy {
    if (this.quorum === null) throw new FormatError('policy', 'no quorum line')
    const { logs, witnesses, groups, quorum } = this
    return { text, logs, witnesses, groups, quorum }
  }

  private readLog(items: readonly string[]): void {
    const [vkey, url] = items
    if (vkey === undefined || items.length > 2) throw new FormatError('policy', 'not of the form: log <vkey> [<url>]')
    const key = parseVkey(this.hasher, vkey)
    demandNew(this.logs, key)
    this.logs.push({ key, ...(url === undefined ? {} : { url }) })
  }

  private readWitness(items: readonly string[]): void {
    const [name, vkey, url] = items
    if (name === undefined || vkey === undefined || items.length > 3) {
      throw new FormatError('policy', 'not of the form: witness <name> <vkey> [<url>]')
    }
    const key = parseVkey(this.hasher, vkey)
    if (key.type !== TYPE_COSIGNATURE_ED25519 && key.type !== TYPE_COSIGNATURE_ML_DSA_44) {
      throw new FormatError('policy', `a key of type ${key.type} makes no cosignatures`)
    }
    demandNew(this.witnesses, key)
    this.define(name)
    this.witnesses.push({ name, key, ...(url === undefined ? {} : { url }) })
  }

  private readGroup(items: readonly string[]): void {
    const [name, k, ...members] = items
    if (name === undefined || k === undefined || members.length === 0) {
      throw new FormatError('policy', 'not of the form: group <name> <k> <name>...')
    }
    const threshold = readThreshold(k, members.length)
    for (const member of members) this.use(member)
    this.define(name)
    demandRoom(this.groups)
    this.groups.push({ name, threshold, members })
  }

  private readQuorum(items: readonly string[]): void {
    const [name] = items
    if (name === undefined || items.length > 1) throw new FormatError('policy', 'not of the form: quorum <name>')
    if (this.quorum !== null) throw new FormatError('policy', 'a second quorum line')
    if (name !== NO_QUORUM) this.use(name)
    this.quorum = name
  }

  private define(name: string): void {
    if (name === NO_QUORUM) throw new FormatError('policy', 'the name "none" is predefined')
    if (this.names.has(name)) throw new FormatError('policy', 'the name is defined twice')
    this.names.add(name)
  }

  private use(name: string): void {
    if (!this.names.has(name)) throw new FormatError('policy', 'a name that no line before this one defines')
    if (this.used.has(name)) throw new FormatError('policy', 'a name that is used twice')
    this.used.add(name)
  }
}

function readThreshold(k: string, members: number): number {
  if (k === 'any') return 1
  if (k === 'all') return members
  const threshold = parseDecimal(k)
  if (threshold < 1 || threshold > members) throw new FormatError('policy', `threshold ${threshold} of ${members}`)
  return threshold
}

/** Refuses a key that wraps the same public key as one before it, whatever its name and ID. */
function demandNew(definitions: readonly { readonly key: VerifierKey }[], key: VerifierKey): void {
  demandRoom(definitions)
  if (definitions.some((other) => samePublicKey(other.key, key))) {
    throw new FormatError('policy', 'the same public key twice')
  }
}

function demandRoom(definitions: readonly unknown[]): void {
  if (definitions.length >= MAX_DEFINITIONS) {
    throw new FormatError('policy', `more than ${MAX_DEFINITIONS} lines of one kind`)
  }
}

/** Allowed octets are tab, newline, 0x20-0x7E and 0x80-0xFF (C2SP tlog-policy, "Character set"). */
function checkOctets(text: string): void {
  if (text.length > MAX_POLICY_LENGTH) throw new FormatError('policy', 'longer than any policy may be')
  if (!text.endsWith('\n')) throw new FormatError('policy', 'the last line has no newline')
  if (!text.isWellFormed()) throw new FormatError('policy', 'not valid Unicode')
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if ((unit < 0x20 && unit !== 0x09 && unit !== 0x0a) || unit === 0x7f) {
      throw new FormatError('policy', 'a control character')
    }
  }
}
