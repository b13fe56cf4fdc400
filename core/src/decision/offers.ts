/** The bundles at hand: the one under judgement, those asked for because of trust steps, and the trust files in them. */

import { toHex, utf8 } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { parseEntry } from '../release/entry.ts'
import { FileError, type FileFault } from '../release/file-error.ts'
import { StatementError } from '../release/statement.ts'
import { type BundleView, parseUpdateBundle, type UpdateBundle } from '../release/update-bundle.ts'
import { attempt } from './attempt.ts'
import { Halt } from './halt.ts'
import type { Rule } from './known.ts'
import { type Material, type Need, needKey, type TrustBundleNeed } from './material.ts'
import { type Refusal, type RefusalCode, refuse, usage } from './refusal.ts'
import type { Run } from './run.ts'
import type { State } from './state.ts'

/** What a run looks at for this product, besides the log itself. */
export interface Offers {
  /** The bundle under judgement; null where none was found. */
  readonly offer: UpdateBundle | null
  /** Bundles of trust steps, oldest version first. */
  readonly steps: readonly UpdateBundle[]
  /** The trust files of all bundles, by SHA-256. */
  readonly bodies: ReadonlyMap<string, Uint8Array>
}

/** Where the log of a trust file is asked: its own URL, then the mirrors. */
export function sourcesOf({ trust }: Rule): readonly string[] {
  return [...(trust.log.url === undefined ? [] : [trust.log.url]), ...trust.mirrors]
}

/** The bundles at hand; where the feeds were not asked yet, that need. */
export function openOffers(run: Run, state: State, rule: Rule, material: Material): Offers | Halt {
  const given = bundlesGiven(run, state, material)
  if (given instanceof Halt) return given
  const { crypto } = run.checker
  const opened = given.map((bytes) => openBundle(bytes))
  const bundles = opened.flatMap((found) => ('views' in found ? [found] : []))
  const [refusal] = opened.flatMap((found) => ('views' in found ? [] : [found]))
  if (bundles.length === 0 && refusal !== undefined) return Halt.refusing(refusal)
  const offer = highest(crypto, bundles)
  const steps = stepBundles(run, rule, material)
  return { offer, steps, bodies: bodiesOf(crypto, offer === null ? steps : [offer, ...steps]) }
}

function bundlesGiven({ want, anchor }: Run, state: State, material: Material): readonly Uint8Array[] | Halt {
  if (want.action === 'apply') {
    if (state.staged === null) return Halt.refusing(usage('25', 'nothing is staged'))
    return [utf8(state.staged.bundle)]
  }
  if (material.offers !== null) return material.offers
  const feeds = anchor?.feeds ?? []
  if (!want.online || want.action === 'verify' || feeds.length === 0) return []
  const need: Need = { kind: 'offers', channel: want.channel, feeds }
  const answer = material.answers.get(needKey(need))
  if (answer === undefined) return Halt.needing(need)
  return answer.kind === 'offers' ? answer.bundles : []
}

const bundleFaults: Readonly<Record<FileFault, RefusalCode>> = {
  malformed: 'STATEMENT_INVALID',
  'unknown-type': 'STATEMENT_INVALID',
  'unsafe-name': 'PATH_REFUSED',
  'too-large': 'SIZE_EXCEEDED',
  proof: 'PROOF_INVALID',
}

/** docs/decision.md step 5: a bundle's caps and media type come first. */
function openBundle(bytes: Uint8Array): UpdateBundle | Refusal {
  return attempt(
    [FileError],
    () => parseUpdateBundle(bytes),
    ({ fault, message }) => refuse(bundleFaults[fault], '5', message),
  )
}

/** docs/formats.md §3, *feed*: the parsable one with the highest sequence; the first of equals. */
function highest(hasher: Hasher, bundles: readonly UpdateBundle[]): UpdateBundle | null {
  const [first = null, ...others] = bundles
  if (first === null || others.length === 0) return first
  let best = { bundle: first, sequence: peekSequence(hasher, first) }
  for (const bundle of others) {
    const sequence = peekSequence(hasher, bundle)
    if (sequence > best.sequence) best = { bundle, sequence }
  }
  return best.bundle
}

/** The sequence that a bundle claims to offer; 0 for none. It only picks a bundle, nothing is believed by it. */
function peekSequence(hasher: Hasher, bundle: UpdateBundle): number {
  const sequences = bundle.views
    .slice(-1)
    .flatMap(({ entries }) => entries)
    .map(({ leaf }) => {
      const statement = attempt(
        [StatementError],
        () => parseEntry(hasher, leaf).statement,
        () => null,
      )
      return statement?.kind === 'release' ? statement.sequence : 0
    })
  return Math.max(0, ...sequences)
}

/** The need for the bundle of the next trust version. */
export function nextStepNeed(run: Run, rule: Rule): TrustBundleNeed {
  const { product, version } = rule.trust
  const sources = [...sourcesOf(rule), ...(run.anchor?.feeds ?? [])]
  return { kind: 'trust-bundle', product, version: version + 1, sources }
}

/** What was answered to such needs since the run began. What does not parse is as if it were not there. */
function stepBundles(run: Run, rule: Rule, material: Material): UpdateBundle[] {
  const bundles: UpdateBundle[] = []
  for (let version = run.firstVersion + 1; version <= rule.trust.version + 1; version++) {
    const answer = material.answers.get(needKey({ ...nextStepNeed(run, rule), version }))
    if (answer?.kind !== 'trust-bundle') continue
    for (const bytes of answer.bundles) {
      const bundle = openBundle(bytes)
      if ('views' in bundle) bundles.push(bundle)
    }
  }
  return bundles
}

function bodiesOf(hasher: Hasher, bundles: readonly UpdateBundle[]): ReadonlyMap<string, Uint8Array> {
  return new Map(bundles.flatMap(({ trust }) => trust.map((bytes) => [toHex(hasher.sha256(bytes)), bytes] as const)))
}

/** All views of the bundles at hand: those of trust steps, then those of the offer. */
export function viewsOf({ offer, steps }: Offers): { readonly source: 'offer' | 'step'; readonly view: BundleView }[] {
  return [
    ...steps.flatMap(({ views }) => views.map((view) => ({ source: 'step' as const, view }))),
    ...(offer?.views ?? []).map((view) => ({ source: 'offer' as const, view })),
  ]
}
