/**
 * A mirror over HTTP (C2SP tlog-mirror), with node's own server. One prefix is both prefixes of that text:
 *
 *     POST <prefix>/add-checkpoint    as a witness's, without lines in its 200
 *     POST <prefix>/add-entries       `add-entries-http.ts`
 *     GET  <prefix>/<origin hash>/…   `tiles-http.ts`
 *
 * A copy has the last one only.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddCheckpointParts, answerAddCheckpoint } from './add-checkpoint-http.ts'
import { type AddEntriesParts, answerAddEntries } from './add-entries-http.ts'
import { handleTiles } from './tiles-http.ts'

export interface MirrorHttpParts
  extends Omit<AddEntriesParts, 'onAnswer'>,
    Omit<AddCheckpointParts, 'add' | 'onAnswer'> {
  /** As `/mirror`, without a slash at its end. */
  readonly prefix: string
  readonly takesUploads: boolean
  readonly onAnswer: (path: 'add-checkpoint' | 'add-entries', status: number) => void
}

/** Answers a request under the prefix; false where the path is not the mirror's. */
export function handleMirror(parts: MirrorHttpParts, req: IncomingMessage, res: ServerResponse): boolean {
  const { mirror, prefix, takesUploads, onAnswer, store, onDefect } = parts
  const path = (req.url ?? '').split('?', 1)[0] ?? ''
  if (takesUploads && path === `${prefix}/add-checkpoint`) {
    const add: AddCheckpointParts['add'] = (request) => mirror.addCheckpoint(request)
    void answerAddCheckpoint({ ...parts, add, onAnswer: (status) => onAnswer('add-checkpoint', status) }, req, res)
    return true
  }
  if (takesUploads && path === `${prefix}/add-entries`) {
    void answerAddEntries({ ...parts, onAnswer: (status) => onAnswer('add-entries', status) }, req, res)
    return true
  }
  return handleTiles({ store, prefix, onDefect, originOf: (hash) => mirror.originOf(hash) }, req, res)
}
