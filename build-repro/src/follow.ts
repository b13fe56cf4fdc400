/** A product's log as somebody follows it: the newest tree, consistent with all that was seen before, and what it says. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes, type Trust } from '@samebits/core'
import { ProgramError, writeFileDurably } from '@samebits/host'
import { forkEvidence, type History, readHistory } from './history.ts'
import { checkExtends, ForkFound, type Log, newestTree, type SignedTree, type Tree } from './log-access.ts'
import { type ProductView, productView } from './product-view.ts'
import { Retryable } from './retry.ts'

export interface Now {
  readonly tree: Tree
  readonly history: History
  readonly view: ProductView
}

export interface FollowOptions {
  readonly trust: Trust
  readonly log: Log
  /** Where the product's entries are kept. */
  readonly historyPath: string
  /** Where what convicts a log is kept. */
  readonly evidenceFolder: string
  /** Every tree that was known before, besides the one under the kept entries. */
  readonly known: () => Promise<readonly SignedTree[]>
  /** Called as entries are read. */
  readonly onProgress: (done: number, total: number) => void
  /** A trust version that may be in the log already: this run brings it. Default: that of `trust`. */
  readonly bringing?: number
  /** Whether the step to `trust` is kept here: one to another log may be in the log before it. Default: it is not. */
  readonly isStepKept?: () => Promise<boolean>
}

export interface Follower {
  /**
   * The newest tree of the log and what it says about the product, once it extends everything known here and `wait` finds
   * nothing more to wait for.
   *
   * @param wait what is still missing from a tree, or null
   * @throws ProgramError FORK (exit 11), CHECKPOINT_INVALID, TRUST_INVALID; TRANSPORT, WITNESS_QUORUM (exit 20) when time is up
   */
  now(wait: (tree: Tree) => string | null): Promise<Now>
}

export function follow(options: FollowOptions): Follower {
  /** The tree that was looked at last, found consistent; its tiles are at hand. */
  let seen: Tree | null = null
  return {
    async now(wait) {
      const { trust, log, known, historyPath: path, onProgress } = options
      const trees = await known()
      const { tree, history } = await log.patiently(async () => {
        const tree = sameTree(await newestTree(log), seen)
        try {
          if (tree.reader !== seen?.reader) await checkExtends(tree, trees)
          seen = tree
          const history = await readHistory(tree, { log, trust, path, onProgress })
          refuseWait(tree, wait(tree))
          return { tree, history }
        } catch (error) {
          if (error instanceof ForkFound) throw await convicted(options, error, tree)
          throw error
        }
      })
      const view = productView(trust, history)
      await checkTrustInForce(options, view)
      return { tree, history, view }
    },
  }
}

/** The new checkpoint, with the reader of the old one where both are of one tree. */
function sameTree(tree: Tree, seen: Tree | null): Tree {
  const same = seen !== null && tree.size === seen.size && equalBytes(tree.reader.root, seen.reader.root)
  return same ? { ...tree, reader: seen.reader } : tree
}

function refuseWait(tree: Tree, missing: string | null): void {
  if (missing === null) return
  throw new Retryable(missing, { code: tree.quorum.satisfied ? 'TRANSPORT' : 'WITNESS_QUORUM' })
}

/** What is missing from a tree that clients would not accept; null where nothing is. */
export function lacksQuorum({ quorum, size }: Tree): string | null {
  if (quorum.satisfied) return null
  const names = quorum.cosigners.map(({ witness }) => witness.name).join(', ') || 'none'
  return `the checkpoint of size ${size} is not cosigned by enough witnesses yet (so far: ${names})`
}

async function convicted({ evidenceFolder, log }: FollowOptions, fork: ForkFound, tree: Tree): Promise<ProgramError> {
  const evidence = await forkEvidence(fork, tree)
  const path = join(evidenceFolder, `fork-${fork.known.size}-${tree.size}.json`)
  if (evidence !== null) {
    await mkdir(evidenceFolder, { recursive: true })
    await writeFileDurably(path, evidence)
  }
  return new ProgramError({
    code: 'FORK',
    detail: `${fork.message}: ${log.origin} has shown two histories${evidence === null ? '' : `; evidence in ${path}`}`,
    remedy: 'Sign nothing for it; show this to the operator and to the witnesses.',
    exitCode: 11,
    cause: fork,
  })
}

/** Statements are made under the newest trust file that the log holds, and under no other (docs/formats.md §2). */
async function checkTrustInForce(
  { trust, bringing = trust.version, isStepKept }: FollowOptions,
  view: ProductView,
): Promise<void> {
  const refuse = (detail: string, remedy: string) =>
    new ProgramError({ code: 'TRUST_INVALID', detail, remedy, exitCode: 10 })
  const newest = Math.max(bringing, trust.version)
  const newer = view.trustSteps.find(({ metAt, statement }) => metAt !== null && statement.version > newest)
  if (newer !== undefined)
    throw refuse(
      `the log holds version ${newer.statement.version} of the trust file, here is version ${trust.version}`,
      'Put the newer file in its place.',
    )
  if (trust.version === 1) return
  const { version, sha256 } = trust
  const isLogged = view.trustSteps.some(
    (step) => step.metAt !== null && step.statement.version === version && step.statement.sha256 === sha256,
  )
  if (isLogged || (trust.replaces !== null && (await isStepKept?.()) === true)) return
  throw refuse(
    `version ${version} of the trust file is not in the log yet`,
    'Log it first: samebits-build trust publish.',
  )
}
