/** What `verify` and `update` read before they begin. */
import { basename, dirname, join } from 'node:path'
import { anchorFileName, FormatError, fromUtf8, isProduct } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Arguments } from './command.ts'
import { readInput, readOptional } from './input-file.ts'
import { maxTrustBytes, trustInvalid } from './read-trust.ts'

/** docs/formats.md §3: an anchor is bounded as a bundle is. */
const maxAnchorBytes = 4 * 1024 * 1024

export interface TrustInputs {
  readonly trust: Uint8Array
  readonly anchor: Uint8Array | null
  readonly channel: string
}

/** The trust file, the anchor beside it, and the channel. @throws ProgramError */
export function readTrustInputs(given: Arguments): TrustInputs {
  const path = given.text('trust') ?? ''
  const bytes = readInput('trust file', path, maxTrustBytes)
  const { product, channels } = peek(path, bytes)
  const named = given.text('anchor')
  const anchor =
    named === undefined
      ? readOptional('anchor', join(dirname(path), anchorFileName(product)), maxAnchorBytes)
      : readInput('anchor', named, maxAnchorBytes)
  return { trust: bytes, anchor, channel: given.text('channel') ?? onlyChannel(basename(path), channels) }
}

/**
 * What the trust file says of itself, to find the anchor and the channel by. Reading it as a trust file is the decision's, and
 * reading it twice would cost a first `verify` a tenth of its time.
 * @throws ProgramError TRUST_INVALID
 */
function peek(path: string, bytes: Uint8Array): { readonly product: string; readonly channels: readonly string[] } {
  const value = parsedOrRefused(path, bytes)
  const { product, channels } = value
  if (typeof product !== 'string' || !isProduct(product)) throw trustInvalid(`${path}: it names no product`)
  const names = Array.isArray(channels) ? channels.filter((name) => typeof name === 'string') : []
  if (names.length === 0) throw trustInvalid(`${path}: it lists no channels`)
  return { product, channels: names }
}

function parsedOrRefused(path: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes))
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof FormatError)) throw error
  }
  throw trustInvalid(`${path}: it is no JSON object`)
}

function onlyChannel(file: string, channels: readonly string[]): string {
  const [first, second] = channels
  if (first !== undefined && second === undefined) return first
  throw new ProgramError({
    code: 'USAGE',
    detail: `${file} lists the channels ${channels.join(', ')}`,
    remedy: 'Choose one with --channel.',
  })
}
