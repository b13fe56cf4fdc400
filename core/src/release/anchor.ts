/**
 * The anchor: what the publisher had seen when the application was built, shipped beside the trust file
 * (docs/formats.md §2). A client starts from it and not from nothing. RFC 8785 canonical JSON:
 *
 *     { "checkpoint": "<checkpoint text, signed by the log>",
 *       "entries": [ { "entry": "<base64 leaf>", "inclusion": [ … ], "index": 12 }, … ],
 *       "feeds": [ "https://updates.example.com/notes" ],
 *       "heads": { "stable": { "id": "…", "sequence": 7 } },
 *       "product": "example.com/notes" }
 *
 * The entries are those of the met heads and open proposals, the revocations and the standing negative votes.
 */
import { asFileError, FileError } from './file-error.ts'
import { checkpointText, type LoggedEntry, loggedEntry, writeLoggedEntry } from './logged-entry.ts'
import { channel, digest, product, productInFileName } from './names.ts'
import { integer, list, object, record, unique } from './shape.ts'
import { canonicalJson, parseCanonicalJson } from './strict-json.ts'
import type { ChannelHead } from './trust.ts'
import { httpsUrl } from './url.ts'

export interface Anchor {
  readonly product: string
  /** Verbatim; the log's signature suffices. */
  readonly checkpoint: string
  /** The met head of each channel, by channel. */
  readonly heads: ReadonlyMap<string, ChannelHead>
  /** Each index once. */
  readonly entries: readonly LoggedEntry[]
  /** https base URLs to ask for updates, in order. */
  readonly feeds: readonly string[]
}

const FORMAT = 'anchor'
const MAX_BYTES = 4 * 1024 * 1024
const MAX_ENTRIES = 4096
const MAX_CHANNELS = 64
const MAX_FEEDS = 16

const anchorShape = object<Anchor>({
  product,
  checkpoint: checkpointText,
  heads: record(channel, object<ChannelHead>({ sequence: integer(1), id: digest }), MAX_CHANNELS),
  entries: list(loggedEntry, { max: MAX_ENTRIES }),
  feeds: list(httpsUrl, { max: MAX_FEEDS }),
})

/** Reads an anchor's exact bytes without verifying anything. Throws {@link FileError}. */
export function parseAnchor(bytes: Uint8Array): Anchor {
  if (bytes.length > MAX_BYTES) throw new FileError(FORMAT, `above ${MAX_BYTES} bytes`, 'too-large')
  try {
    const anchor = anchorShape(parseCanonicalJson(FORMAT, bytes), '')
    unique(anchor.entries, ({ index }) => String(index), 'entries', 'the index')
    unique(anchor.feeds, (url) => url, 'feeds', 'the feed')
    return anchor
  } catch (error) {
    throw asFileError(FORMAT, error)
  }
}

/** The bytes of an anchor. Throws {@link FileError} for what {@link parseAnchor} would refuse. */
export function formatAnchor({ heads, entries, ...rest }: Anchor): Uint8Array {
  const bytes = canonicalJson({
    ...rest,
    heads: Object.fromEntries([...heads].map(([name, { sequence, id }]) => [name, { sequence, id }])),
    entries: entries.map(writeLoggedEntry),
  })
  parseAnchor(bytes)
  return bytes
}

/** The file beside the trust file. */
export function anchorFileName(of: string): string {
  return `${productInFileName(of)}.anchor.json`
}
