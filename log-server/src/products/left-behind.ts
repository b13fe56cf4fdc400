/** Products whose clients still need other witnesses than those of a policy (docs/formats.md §2, *Changing witnesses*). */
import { type Policy, samePublicKey, satisfiesQuorum } from '@samebits/core'
import type { AdmissionConfig } from '../admission/admission-file.ts'
import type { TrustLibrary } from '../admission/trust-library.ts'
import type { TrustRules } from '../admission/trust-rules.ts'
import type { ProductReader } from './product-reader.ts'

export interface LeftBehindParts {
  readonly config: () => AdmissionConfig
  readonly reader: Pick<ProductReader, 'product' | 'blob' | 'stepsWithoutBundle' | 'trustBefore'>
  readonly library: TrustLibrary
  /** Name of this log. */
  readonly origin: string
}

/** Products whose trust file in force, or a step to it, needs more than `policy` asks for. */
export async function leftBehind(parts: LeftBehindParts, policy: Policy): Promise<readonly string[]> {
  const products = new Set<string>()
  for (const [product, file] of parts.config().products)
    if (!accepts(parts.origin, await inForce(parts, product, file), policy)) products.add(product)
  // Read last: a step that took effect meanwhile was committed before, and has no bundle yet.
  for (const product of await withUnkeptSteps(parts)) products.add(product)
  return [...products]
}

/** Products with a step whose bundle is not kept yet: clients of before cannot be shown it. */
export async function withUnkeptSteps({ reader }: Pick<LeftBehindParts, 'reader'>): Promise<ReadonlySet<string>> {
  const products = new Set<string>()
  for (const { product, sequence } of await reader.stepsWithoutBundle())
    if (sequence !== null && (await reader.trustBefore(product, sequence)) !== null) products.add(product)
  return products
}

/** The trust file that clients of a product are told to believe. */
export async function inForce(
  { reader, library }: Pick<LeftBehindParts, 'reader' | 'library'>,
  product: string,
  file: TrustRules,
): Promise<TrustRules> {
  const row = await reader.product(product)
  const body = row === null ? null : await library.get(row.sha256, (sha256) => reader.blob(sha256))
  return body?.kind === 'rules' ? body.rules : file
}

/** A trust file of another log waits for the step to this one, unless it is the one that led away from here. */
function accepts(origin: string, { trust }: TrustRules, { witnesses }: Policy): boolean {
  if (trust.origin !== origin) return trust.replaces?.origin === origin
  const asked = trust.policy.witnesses.filter(({ key }) =>
    witnesses.some((witness) => witness.key.name === key.name && samePublicKey(witness.key, key)),
  )
  return satisfiesQuorum(trust.policy, new Set(asked.map(({ name }) => name)))
}
