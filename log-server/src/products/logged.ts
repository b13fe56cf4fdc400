/** Entries of the log as bundles carry them, under the checkpoint that is published now. */
import type { BundleView, ConsistencyProof, LoggedEntry } from '@samebits/core'
import type { LogView } from '../log-view.ts'

/** A published tree: everything that a page says about the log is under one of these. */
export type Tree = ReturnType<LogView['published']>

/** Entries with their inclusion in `tree`, in log order, each index once. */
async function loggedEntries(log: LogView, tree: Tree, indices: Iterable<number>): Promise<LoggedEntry[]> {
  const sorted = [...new Set(indices)].filter((index) => index < tree.size).sort((a, b) => a - b)
  return Promise.all(
    sorted.map(async (index) => ({
      index,
      inclusion: await log.proveInclusion(index, tree.size),
      leaf: await log.entry(index),
    })),
  )
}

/** Proofs that `tree` extends the trees of these sizes; sizes that need none, or are no smaller, are left out. */
export async function consistencyFrom(
  log: LogView,
  tree: Pick<Tree, 'size'>,
  sizes: Iterable<number>,
): Promise<ConsistencyProof[]> {
  const sorted = [...new Set(sizes)].filter((from) => from >= 1 && from < tree.size).sort((a, b) => b - a)
  return Promise.all(sorted.map(async (from) => ({ from, proof: await log.proveConsistency(from, tree.size) })))
}

/** One view: a checkpoint, what leads to it, and entries under it. */
export async function viewOf(
  log: LogView,
  tree: Tree,
  indices: Iterable<number>,
  sizes: Iterable<number>,
): Promise<BundleView> {
  return {
    checkpoint: tree.checkpoint,
    consistency: await consistencyFrom(log, tree, sizes),
    entries: await loggedEntries(log, tree, indices),
  }
}
