/** What `verify` and `update` read before they begin. */
import { basename, dirname, join } from 'node:path'
import { anchorFileName, parseTrust, TrustError } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
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
  const { product, channels } = parseOrRefuse(path, bytes)
  const named = given.text('anchor')
  const anchor =
    named === undefined
      ? readOptional('anchor', join(dirname(path), anchorFileName(product)), maxAnchorBytes)
      : readInput('anchor', named, maxAnchorBytes)
  return { trust: bytes, anchor, channel: given.text('channel') ?? onlyChannel(basename(path), channels) }
}

function parseOrRefuse(
  path: string,
  bytes: Uint8Array,
): { readonly product: string; readonly channels: readonly string[] } {
  try {
    return parseTrust(nodeCrypto, bytes)
  } catch (error) {
    if (error instanceof TrustError) throw trustInvalid(`${path}: ${error.detail}`)
    throw error
  }
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
