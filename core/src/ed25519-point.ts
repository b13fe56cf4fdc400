/**
 * Encodings of curve points that no honest Ed25519 signer produces, neither as a public key A nor as a signature's R.
 * Implementations disagree on them, so both verifiers here refuse them before anything else.
 */
import { compareBytes, fromHex } from './bytes.ts'

/** 2^255-19, big-endian. */
const fieldPrime = fromHex(`7f${'ff'.repeat(30)}ed`)

/**
 * The y coordinates of the eight points whose order divides 8, big-endian: 0 and the two of order 8, 1 (the neutral
 * element) and -1 (order 2). With such a key A, S = 0 and an R of small order satisfy the equation for one message in
 * eight or more, without any secret.
 */
const smallOrderY: readonly Uint8Array[] = [
  '00'.repeat(32),
  `${'00'.repeat(31)}01`,
  `7f${'ff'.repeat(30)}ec`,
  '7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7',
  '05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826',
].map(fromHex)

/**
 * True for 32 bytes whose y is canonical (below 2^255-19, RFC 8032 §5.1.3) and whose point is not of small order.
 * It does not say that the bytes are on the curve: decoding does.
 */
export function isSoundEd25519Point(encoded: Uint8Array): boolean {
  if (encoded.length !== 32) return false
  const y = encoded.toReversed()
  y[0] = (y[0] ?? 0) & 0x7f // the highest bit is the sign of x
  return compareBytes(y, fieldPrime) < 0 && smallOrderY.every((weak) => compareBytes(y, weak) !== 0)
}
