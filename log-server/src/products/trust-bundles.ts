/**
 * The bundle of each trust step, kept for ever at `/v1/trust/<product>/<version>` (docs/formats.md §2, "Changing
 * witnesses"): the statement's entries and the new trust file under a checkpoint that the *old* policy accepts. Once the
 * witnesses have changed no such checkpoint can be made any more, so that it is kept as soon as one is published.
 */
import {
  type Crypto,
  evaluateQuorum,
  formatUpdateBundle,
  type Policy,
  parseSignedCheckpoint,
  type Trust,
} from '@samebits/core'
import type { StatementRow } from '../admission/tables.ts'
import type { TrustBody, TrustLibrary } from '../admission/trust-library.ts'
import type { LogView } from '../log-view.ts'
import { type Tree, viewOf } from './logged.ts'
import type { ProductReader } from './product-reader.ts'

export interface TrustBundleParts {
  readonly crypto: Crypto
  readonly reader: ProductReader
  readonly library: TrustLibrary
  /** Keeps a bundle; one that is kept already stays. */
  readonly keep: (product: string, version: number, bundle: Uint8Array) => Promise<void>
}

/** Keeps the bundles that the checkpoint published now makes possible. */
export async function keepTrustBundles(parts: TrustBundleParts, log: LogView): Promise<void> {
  const tree = log.published()
  for (const step of await parts.reader.stepsWithoutBundle()) {
    const bundle = await trustBundle(parts, log, tree, step)
    if (bundle !== null && step.sequence !== null) await parts.keep(step.product, step.sequence, bundle)
  }
}

/** Null where the step is not in this tree yet, or the old policy does not accept its checkpoint. */
async function trustBundle(
  { crypto, reader, library }: TrustBundleParts,
  log: LogView,
  tree: Tree,
  step: StatementRow,
): Promise<Uint8Array | null> {
  if (step.metAt === null || step.metAt >= tree.size || step.sequence === null) return null
  const before = await reader.trustBefore(step.product, step.sequence)
  const old = before === null ? null : await library.get(before, (sha256) => reader.blob(sha256))
  if (old?.kind !== 'rules') return null
  const [file] = await reader.files(step.id)
  const body = file === undefined ? null : await reader.blob(file.sha256)
  if (file === undefined || body === null)
    throw new Error(`the trust file of ${step.product}, version ${step.sequence}, is not stored`)
  const brought = await library.get(file.sha256, async () => body)
  if (!accepts(crypto, policyOf(old.rules.trust, brought, log.origin), tree)) return null
  const view = await viewOf(
    log,
    tree,
    step.signed.map(({ index }) => index),
    [],
  )
  return formatUpdateBundle({ views: [view], trust: [body] })
}

/** Whose word the step needs: where it leads here from another log, the witnesses of before under the key of this one. */
function policyOf({ policy, origin }: Trust, brought: TrustBody | null, here: string): Policy {
  if (origin === here || brought?.kind !== 'rules') return policy
  return { ...policy, logs: brought.rules.trust.policy.logs }
}

function accepts(crypto: Crypto, policy: Policy, tree: Tree): boolean {
  const { logOk, satisfied } = evaluateQuorum(crypto, policy, parseSignedCheckpoint(tree.checkpoint))
  return logOk && satisfied
}
