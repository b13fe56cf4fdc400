/** What kind of file this is, by its first bytes and its media type; nothing is verified. */
import { FormatError, fromUtf8, mediaTypes, parseJson, STATE_MEDIA_TYPE } from '@samebits/core'

export type FileKind =
  | 'update bundle'
  | 'log entry'
  | 'trust file'
  | 'anchor'
  | 'evidence'
  | 'state'
  | 'tlog-proof'
  | 'checkpoint'

/** @throws FormatError for a file that is none of these */
export function recognise(bytes: Uint8Array): FileKind {
  const start = new TextDecoder().decode(bytes.subarray(0, 66))
  if (start.startsWith('c2sp.org/tlog-proof@')) return 'tlog-proof'
  if (/^[0-9a-f]{64}\n\{/.test(start)) return 'state'
  if (!start.trimStart().startsWith('{')) return checkpointOrNothing(bytes)
  const value = parseJson('file', bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError('file', 'no kind of file that is known')
  const kind =
    'mediaType' in value && typeof value['mediaType'] === 'string' ? byMediaType.get(value['mediaType']) : undefined
  if (kind !== undefined) return kind
  if ('tlogPolicy' in value) return 'trust file'
  if ('checkpoint' in value && 'feeds' in value) return 'anchor'
  throw new FormatError('file', 'no kind of file that is known')
}

const byMediaType: ReadonlyMap<string, FileKind> = new Map([
  [mediaTypes.updateBundle, 'update bundle'],
  [mediaTypes.entry, 'log entry'],
  [mediaTypes.evidence, 'evidence'],
  [STATE_MEDIA_TYPE, 'state'],
])

function checkpointOrNothing(bytes: Uint8Array): FileKind {
  if (fromUtf8(bytes).includes('\n\n\u2014 ')) return 'checkpoint'
  throw new FormatError('file', 'no kind of file that is known')
}
