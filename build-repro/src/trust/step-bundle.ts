/**
 * The bundle of one trust step: the view that the policy before it accepts, the statement in it, the new trust file; and,
 * before anything is kept, what a client of the version before makes of it (docs/decision.md steps 5a and 10).
 */
import {
  type BundleView,
  type ConsistencyProof,
  equalBytes,
  formatUpdateBundle,
  type LoggedEntry,
  type Trust,
  type UpdateBundle,
  verifyOffline,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { Now } from '../follow.ts'
import type { ProductEntry } from '../history.ts'
import type { Tree } from '../log-access.ts'
import { logsBefore, type Session } from '../session.ts'
import { identities } from '../signers.ts'
import { readSizes } from '../sizes.ts'
import { readBefore } from './kept-steps.ts'

/** Of what a view is made. */
export interface ViewParts {
  readonly tree: Tree
  readonly entries: readonly ProductEntry[]
  /** Smaller sizes that the view proves consistency from. */
  readonly from: readonly number[]
}

export async function viewOfTree({ tree, entries, from }: ViewParts): Promise<BundleView> {
  const logged: LoggedEntry[] = []
  for (const { index, entry } of [...entries].sort((a, b) => a.index - b.index))
    logged.push({ index, inclusion: await tree.reader.proveInclusion(index), leaf: entry.leaf })
  const consistency: ConsistencyProof[] = []
  for (const size of new Set(from))
    if (size > 0 && size < tree.size) consistency.push({ from: size, proof: await tree.reader.proveConsistency(size) })
  return { checkpoint: tree.signed.text, consistency, entries: logged }
}

/** The step to `next`, whose statement is in `now` with these entries. @throws ProgramError STEP_REFUSED */
export async function makeStep(
  session: Session,
  now: Now,
  next: Trust,
  statement: readonly ProductEntry[],
): Promise<UpdateBundle> {
  const { workspace, log, trust } = session
  const moves = next.origin !== trust.origin
  const { anchors, seen } = await readSizes(workspace.at(workspace.recipe.publish.sizes), log.origin, logsBefore(trust))
  const sizes = [...anchors, ...seen].map(({ size }) => size)
  const from = moves && log.origin === trust.origin ? [next.replaces?.size ?? 0, ...sizes] : sizes
  const heads = moves ? headEntries(now, next) : []
  const view = await viewOfTree({ tree: now.tree, entries: [...heads, ...statement], from })
  const before = moves ? ((await readBefore(workspace, next.version))?.views ?? []) : []
  const older = log.origin === trust.origin ? [] : before
  const bundle = { views: [...older, view], trust: [next.bytes] }
  demandFollowed(session, next, bundle)
  return bundle
}

/** The releases that the next trust file names as heads: its own log must have them before it can offer them. */
export function headEntries({ view }: Now, next: Trust): readonly ProductEntry[] {
  const ids = new Set([...next.heads.values()].map(({ id }) => id))
  return view.releases.filter(({ id }) => ids.has(id)).flatMap(({ entries }) => entries)
}

/** `replaces` must be a tree of this log, and what was met since counts for nothing: that must not be lost unnoticed. */
export async function checkReplaces({ tree, view }: Now, { replaces, version }: Trust): Promise<void> {
  const refuse = (detail: string) =>
    new ProgramError({
      code: 'TRUST_INVALID',
      detail: `version ${version} ${detail}`,
      remedy: 'Propose it again from the tree that the log shows now.',
      exitCode: 10,
    })
  if (replaces === null) throw refuse('continues no tree of the log before it')
  if (replaces.size > tree.size || !equalBytes(await tree.reader.rootAt(replaces.size), replaces.root))
    throw refuse(`continues a tree of size ${replaces.size} that this log never had`)
  const late = view.releases.find(({ metAt }) => metAt !== null && metAt >= replaces.size)
  if (late !== undefined)
    throw refuse(
      `continues the tree of size ${replaces.size}, and ${late.statement.version} was published after it: it would count for nothing`,
    )
}

/** A client of the version before must arrive at `next` with nothing but this bundle. */
function demandFollowed({ trust, machine }: Session, next: Trust, bundle: UpdateBundle): void {
  const result = verifyOffline({
    crypto: nodeCrypto,
    identities,
    now: machine.now(),
    want: {
      channel: trust.channels[0] ?? '',
      platform: 'linux-x64',
      artifact: null,
      mediaType: null,
      maxAge: null,
    },
    trust: trust.bytes,
    anchor: null,
    bundle: formatUpdateBundle(bundle),
    file: null,
  })
  if (result.state?.trust.sha256 === next.sha256) return
  const why =
    result.kind === 'stopped' ? `${result.refusal.code}: ${result.refusal.detail}` : 'they stay with the old one'
  throw new ProgramError({
    code: 'STEP_REFUSED',
    detail: `clients of version ${trust.version} would not follow to version ${next.version}: ${why}`,
    remedy: 'Nothing was changed here; the statement is in the log. docs/trust.md says what each kind of step needs.',
    exitCode: 10,
  })
}
