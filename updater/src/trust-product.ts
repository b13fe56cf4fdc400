/** Whose trust file it is: what is remembered must be of the same product. */
import { type Hasher, parseTrust, TrustError } from '@samebits/core'

/** The product of a trust file; null where the file is refused, which docs/decision.md step 1 then says. */
export function trustProduct(hasher: Hasher, trust: Uint8Array): string | null {
  try {
    return parseTrust(hasher, trust).product
  } catch (error) {
    if (error instanceof TrustError) return null
    throw error
  }
}
