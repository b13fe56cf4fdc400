/** A client in memory: drives the decision, and answers what it needs from logs in memory. */
import {
  type Answer,
  type Installed,
  judge,
  type Material,
  type Need,
  type Notice,
  needKey,
  type Outcome,
  prepareRun,
  type Refusal,
  type Run,
  type State,
  toHex,
  utf8,
  type Verdict,
  type Want,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { MemoryLog } from './world.ts'

export const NOW = 1_795_000_000

export const updateWant: Want = {
  action: 'update',
  channel: 'stable',
  platform: 'linux-x64',
  artifact: null,
  mediaType: null,
  online: true,
  acceptStale: null,
  maxAge: null,
  downgradeTo: null,
}

/** What answers needs. Any part may be left out: it is then missing. */
export interface Network {
  /** Logs by origin, for proofs and entries. */
  readonly logs?: readonly MemoryLog[]
  /** Texts of the heads, by origin. */
  readonly heads?: Readonly<Record<string, readonly string[]>>
  /** Trust files by SHA-256. */
  readonly bodies?: readonly Uint8Array[]
  /** Update bundles of trust versions. */
  readonly steps?: ReadonlyMap<number, Uint8Array>
  /** Entries handed over at a time. */
  readonly chunk?: number
  /** Entries that one run may read. */
  readonly budget?: number
  /** Answers that come before all others. */
  readonly override?: (need: Need) => Answer | null
}

const missing: Answer = { kind: 'failed', reason: 'missing', detail: 'there is none' }

function answerNeed(network: Network, need: Need): Answer {
  const given = network.override?.(need) ?? null
  if (given !== null) return given
  if (need.kind === 'heads') {
    const texts = network.heads?.[need.origin]
    if (texts === undefined) return { kind: 'failed', reason: 'transport', detail: 'no route' }
    return {
      kind: 'heads',
      heads: texts.map((text, at) => ({ source: at === 0 ? 'log' : 'mirror', bytes: utf8(text) })),
    }
  }
  if (need.kind === 'trust-body') {
    const bytes = network.bodies?.find((body) => toHex(nodeCrypto.sha256(body)) === need.sha256)
    return bytes === undefined ? missing : { kind: 'trust-body', bytes }
  }
  if (need.kind === 'trust-bundle') {
    const bytes = network.steps?.get(need.version)
    return bytes === undefined ? missing : { kind: 'trust-bundle', bundles: [bytes] }
  }
  return need.kind === 'offers' ? missing : answerFromLog(network, need)
}

function answerFromLog(
  network: Network,
  need: Extract<Need, { kind: 'consistency' | 'entries' | 'inclusion' }>,
): Answer {
  const holds = (log: MemoryLog, size: number): boolean =>
    log.origin === need.origin && log.size >= size && toHex(log.root(size)) === toHex(need.root)
  const size = need.kind === 'consistency' ? need.to : need.size
  const log = network.logs?.find((candidate) => holds(candidate, size))
  if (log === undefined) return missing
  switch (need.kind) {
    case 'consistency':
      return { kind: 'consistency', proof: log.consistency(need.from, need.to), oldRoot: log.root(need.from) }
    case 'entries':
      return {
        kind: 'entries',
        entries: log.leaves.slice(need.from, Math.min(need.to, need.from + (network.chunk ?? 1000))),
      }
    case 'inclusion':
      return {
        kind: 'inclusion',
        entries: need.indices.map((index) => ({
          index,
          entry: log.leaves[index] ?? new Uint8Array(),
          inclusion: log.inclusion(index, size),
        })),
      }
  }
}

export interface Driven<V> {
  readonly outcome: Exclude<Outcome<V>, { kind: 'needs' }>
  /** Every state that was to be persisted, the last one last. */
  readonly states: readonly State[]
  readonly asked: readonly Need[]
  readonly material: Material
}

/** Calls a step until it needs nothing more. Fails where it asks twice for what was answered. */
export function drive<V>(
  step: (state: State, material: Material) => Outcome<V>,
  state: State,
  offers: readonly Uint8Array[] | null,
  network: Network,
  known: ReadonlyMap<string, Answer> = new Map(),
): Driven<V> {
  const answers = new Map(known)
  const states: State[] = []
  const asked: Need[] = []
  for (let turn = 0; turn < 2000; turn++) {
    const outcome = step(states.at(-1) ?? state, { offers, answers })
    states.push(outcome.state)
    if (outcome.kind !== 'needs') return { outcome, states, asked, material: { offers, answers } }
    if (outcome.needs.length === 0) throw new Error('needs without a need')
    if (outcome.needs.some(({ kind }) => kind === 'entries')) forgetEntries(answers)
    for (const need of outcome.needs) {
      if (answers.has(needKey(need))) throw new Error(`asked twice: ${needKey(need)}`)
      asked.push(need)
      answers.set(needKey(need), answerNeed(network, need))
    }
  }
  throw new Error('no end')
}

/** As the real driver does: what was read is in the state. */
function forgetEntries(answers: Map<string, Answer>): void {
  for (const [key, { kind }] of answers) if (kind === 'entries') answers.delete(key)
}

export interface ClientOptions {
  readonly trust: Uint8Array | null
  readonly anchor?: Uint8Array | null
  readonly state?: State | null
  readonly now?: number
  readonly want?: Partial<Want>
  readonly installed?: Installed | null
  readonly offers?: readonly Uint8Array[] | null
  readonly network?: Network
}

export interface Ran extends Driven<Verdict> {
  readonly run: Run
  readonly state: State
  readonly notices: readonly Notice[]
  /** The code, `accepted`, `current`, or `usage`. */
  readonly code: string
  readonly refusal: Refusal | null
  readonly verdict: Verdict | null
}

export type RunResult = Ran | { readonly code: string; readonly refusal: Refusal; readonly run: null }

/** One run of the library's decision. */
export function runClient(options: ClientOptions): RunResult {
  const { trust, anchor = null, state = null, now = NOW, installed = null, offers = null, network = {} } = options
  const want = { ...updateWant, ...options.want }
  const prepared = prepareRun({ crypto: nodeCrypto, now, want, installed, trust, anchor, state })
  if (prepared.kind === 'stopped')
    return { code: prepared.refusal.code ?? 'usage', refusal: prepared.refusal, run: null }
  const { run } = prepared
  const driven = drive((given, material) => judge(run, given, material), prepared.state, offers, network)
  const { outcome } = driven
  const refusal = outcome.kind === 'stopped' ? outcome.refusal : null
  const verdict = outcome.kind === 'done' ? outcome.value : null
  const code = verdict?.kind ?? refusal?.code ?? 'usage'
  const notices = [...prepared.notices, ...outcome.notices]
  return { ...driven, run, state: outcome.state, notices, code, refusal, verdict }
}

/** A run that must have got as far as the decision. */
export function ran(result: RunResult): Ran {
  if (result.run === null) throw new Error(`stopped at the inputs: ${result.refusal.detail}`)
  return result
}
