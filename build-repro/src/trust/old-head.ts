/**
 * The last tree of a log that another one takes the place of: from the log itself where it still answers, or out of a file
 * that was kept (an update bundle, an anchor, a checkpoint) where it is lost.
 */
import {
  type BundleView,
  evaluateQuorum,
  FormatError,
  fromUtf8,
  NoteError,
  parseAnchor,
  parseSignedCheckpoint,
  parseUpdateBundle,
  type SignedCheckpoint,
  type Trust,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { Now } from '../follow.ts'
import { logsBefore, type Session } from '../session.ts'
import { readSizes } from '../sizes.ts'
import { headEntries, viewOfTree } from './step-bundle.ts'

/** The view with proofs from every size that clients may be at. */
export async function viewOfLog(session: Session, now: Now): Promise<BundleView> {
  const { workspace, log, trust } = session
  const { anchors, seen } = await readSizes(workspace.at(workspace.recipe.publish.sizes), log.origin, logsBefore(trust))
  const from = [...anchors, ...seen].map(({ size }) => size)
  return viewOfTree({ tree: now.tree, entries: headEntries(now, { ...trust, heads: now.view.heads }), from })
}

/** The largest view in a file that `trust` accepts. @throws ProgramError REPLACES_INVALID */
export function viewInFile(trust: Trust, path: string, bytes: Uint8Array): BundleView {
  const accepted = viewsIn(bytes).flatMap((view) => {
    const signed = signedOf(view)
    if (signed === null) return []
    const { logOk, satisfied } = evaluateQuorum(nodeCrypto, trust.policy, signed)
    return logOk && satisfied ? [{ view, size: signed.checkpoint.size }] : []
  })
  const [largest] = accepted.sort((a, b) => b.size - a.size)
  if (largest !== undefined) return largest.view
  throw new ProgramError({
    code: 'REPLACES_INVALID',
    detail: `${path} holds no tree of ${trust.origin} that its witnesses cosigned`,
    remedy: 'Name the newest update bundle, anchor or checkpoint that was kept of that log.',
    exitCode: 10,
  })
}

function viewsIn(bytes: Uint8Array): readonly BundleView[] {
  const readers = [
    () => parseUpdateBundle(bytes).views,
    () => [{ checkpoint: parseAnchor(bytes).checkpoint, consistency: [], entries: [] }],
    () => [{ checkpoint: fromUtf8(bytes), consistency: [], entries: [] }],
  ]
  for (const read of readers) {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
  }
  return []
}

function signedOf({ checkpoint }: BundleView): SignedCheckpoint | null {
  try {
    return parseSignedCheckpoint(checkpoint)
  } catch (error) {
    if (error instanceof FormatError || error instanceof NoteError) return null
    throw error
  }
}
