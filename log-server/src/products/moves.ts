/** Where the clients of each product are led: to this log still, or by a trust step to the one that takes its place. */
import { inForce, type LeftBehindParts, withUnkeptSteps } from './left-behind.ts'

export interface ProductMove {
  readonly product: string
  /** Of the trust file in force. */
  readonly version: number
  /** The log that it names. */
  readonly origin: string
  /** Whether clients of before can be shown the way: the bundle of every step is kept (docs/formats.md §2). */
  readonly kept: boolean
}

/** Of every product of the admission file. */
export async function productMoves(parts: LeftBehindParts): Promise<readonly ProductMove[]> {
  const unkept = await withUnkeptSteps(parts)
  const moves: ProductMove[] = []
  for (const [product, file] of parts.config().products) {
    const { version, origin } = await inForce(parts, product, file)
    moves.push({ product, version, origin, kept: !unkept.has(product) })
  }
  return moves
}
