/**
 * The update bundle of a channel, made from the log on demand (docs/formats.md §3 and §4). Clients verify every byte of it;
 * what it leaves out they see in the log.
 */
import {
  type BundleView,
  bundleCaps,
  formatUpdateBundle,
  parseSignedCheckpoint,
  parseUpdateBundle,
} from '@samebits/core'
import type { StatementRow } from '../admission/tables.ts'
import type { TrustLibrary } from '../admission/trust-library.ts'
import type { TrustRules } from '../admission/trust-rules.ts'
import { type EligibleParts, newestEligible, type Offer } from './eligible.ts'
import { consistencyFrom, type Tree, viewOf } from './logged.ts'

export interface FeedParts extends EligibleParts {
  readonly library: TrustLibrary
}

/** Trust steps that a bundle carries: as many as a client takes in one run. */
const MAX_STEPS = 32
/** Bundles kept in memory. */
const MAX_MADE = 256
/** Revocations that a bundle carries for releases that may be installed. */
const MAX_REVOCATIONS = 32

/** The bundle; null where the channel has no release that may be offered. `sizes` are trees that the asker knows. */
export async function feedBundle(
  parts: FeedParts,
  product: string,
  channel: string,
  sizes: readonly number[],
): Promise<Uint8Array | null> {
  const rules = await rulesOf(parts, product)
  if (rules === null || !rules.channels.has(channel)) return null
  const tree = parts.log.published()
  const offer = await newestEligible(parts, rules, tree, channel)
  return offer === null ? null : bundleOf(parts, rules, tree, offer, sizes)
}

/**
 * {@link feedBundle} for askers that name no sizes, made once for each published checkpoint: many clients ask for the
 * same few channels.
 */
export class Feeds {
  readonly #parts: FeedParts
  readonly #made = new Map<string, { readonly checkpoint: string; readonly bundle: Promise<Uint8Array | null> }>()

  constructor(parts: FeedParts) {
    this.#parts = parts
  }

  bundle(product: string, channel: string): Promise<Uint8Array | null> {
    const { checkpoint } = this.#parts.log.published()
    const key = `${product} ${channel}`
    const made = this.#made.get(key)
    if (made?.checkpoint === checkpoint) return made.bundle
    const bundle = feedBundle(this.#parts, product, channel, [])
    this.#keep(key, checkpoint, bundle)
    return bundle
  }

  #keep(key: string, checkpoint: string, bundle: Promise<Uint8Array | null>): void {
    this.#made.delete(key)
    this.#made.set(key, { checkpoint, bundle })
    bundle.catch(() => this.#made.delete(key))
    const [oldest] = this.#made.keys()
    if (oldest !== undefined && this.#made.size > MAX_MADE) this.#made.delete(oldest)
  }
}

async function rulesOf({ reader, library }: FeedParts, product: string): Promise<TrustRules | null> {
  const row = await reader.product(product)
  const body = row === null ? null : await library.get(row.sha256, (sha256) => reader.blob(sha256))
  return body?.kind === 'rules' ? body.rules : null
}

async function bundleOf(
  parts: FeedParts,
  rules: TrustRules,
  tree: Tree,
  offer: Offer,
  sizes: readonly number[],
): Promise<Uint8Array> {
  const steps = (await parts.reader.trustSteps(rules.product)).slice(-MAX_STEPS)
  const earlier = await policyViews(parts, steps, tree)
  const viewSizes = earlier.map(({ checkpoint }) => sizeOf(checkpoint))
  for (const [at, view] of earlier.entries()) {
    const size = viewSizes[at] ?? 0
    earlier[at] = { ...view, consistency: await consistencyFrom(parts.log, { size }, viewSizes.slice(0, at)) }
  }
  const carried = earlier.reduce((sum, { entries }) => sum + entries.length, 0)
  const indices = await indicesOf(parts, rules, offer, steps, bundleCaps.entries - carried)
  const newest = await viewOf(parts.log, tree, indices, [...viewSizes, ...sizes])
  const trust = await bodiesOf(parts, steps)
  return formatUpdateBundle({ views: [...earlier, newest], trust })
}

/** For each step that changed the log's policy, the view that the policy before it accepts (docs/formats.md §3). */
async function policyViews(parts: FeedParts, steps: readonly StatementRow[], tree: Tree): Promise<BundleView[]> {
  const views: BundleView[] = []
  for (const { product, sequence } of steps) {
    if (sequence === null || !(await changesPolicy(parts, product, sequence))) continue
    const kept = await parts.reader.trustBundle(product, sequence)
    if (kept === null) continue
    const [view] = parseUpdateBundle(kept).views
    if (view !== undefined && sizeOf(view.checkpoint) < tree.size) views.push(view)
  }
  return views
}

async function changesPolicy({ reader, library }: FeedParts, product: string, version: number): Promise<boolean> {
  const load = (sha256: string) => reader.blob(sha256)
  const before = await reader.trustBefore(product, version)
  const after = await reader.trustBefore(product, version + 1)
  if (before === null || after === null) return false
  const [old, brought] = [await library.get(before, load), await library.get(after, load)]
  return (
    old?.kind === 'rules' &&
    brought?.kind === 'rules' &&
    old.rules.trust.policy.text !== brought.rules.trust.policy.text
  )
}

function sizeOf(checkpoint: string): number {
  return parseSignedCheckpoint(checkpoint).checkpoint.size
}

/** What a client needs most comes first; what is past the cap it finds in the log. */
async function indicesOf(
  { reader }: FeedParts,
  rules: TrustRules,
  offer: Offer,
  steps: readonly StatementRow[],
  room: number,
): Promise<readonly number[]> {
  const revocations = await reader.revocations(rules.product, MAX_REVOCATIONS)
  const rows = (of: readonly StatementRow[]) => of.flatMap(({ signed }) => signed.map(({ index }) => index))
  const wanted = [...offer.own, ...rows(steps), ...offer.waivers, ...offer.votes, ...rows(revocations)]
  return [...new Set(wanted)].slice(0, room)
}

async function bodiesOf({ reader }: FeedParts, steps: readonly StatementRow[]): Promise<readonly Uint8Array[]> {
  const bodies: Uint8Array[] = []
  for (const step of steps) {
    const [file] = await reader.files(step.id)
    const body = file === undefined ? null : await reader.blob(file.sha256)
    if (body === null) throw new Error(`the trust file of ${step.product}, version ${step.sequence}, is not stored`)
    bodies.push(body)
  }
  return bodies
}
