/**
 * The views that later bundles carry for clients from before a trust step: for each step that changed the log's policy, the
 * checkpoint that the policy before it accepts (docs/formats.md §3). They are kept here, or taken from the log, which keeps
 * them for ever, and then checked and kept.
 */
import {
  type BundleView,
  equalBytes,
  FileError,
  FormatError,
  openLoggedEntry,
  ProofError,
  parseSignedCheckpoint,
  parseTrust,
  parseUpdateBundle,
  toHex,
  type UpdateBundle,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { Now } from '../follow.ts'
import { openTree } from '../log-access.ts'
import type { Session } from '../session.ts'
import { keepStep, readStep, readTrustBefore } from './kept-steps.ts'

/** Trust files and views of every step up to the trust file in force, as bundles carry them. */
export interface Steps {
  readonly views: readonly BundleView[]
  /** Bodies that the log of this trust file does not hold: those of steps in a log before it. */
  readonly bodies: readonly Uint8Array[]
}

export async function stepsOf(session: Session, now: Now): Promise<Steps> {
  const views: BundleView[] = []
  const bodies: Uint8Array[] = []
  for (let version = 2; version <= session.trust.version; version++) {
    if (!(await changesPolicy(session, version))) continue
    const step = (await readStep(session.workspace, version)) ?? (await fetchStep(session, now, version))
    if (step === null) {
      session.machine.say(
        `the view of trust version ${version} is neither here nor in the log: clients of before it must be online`,
      )
      continue
    }
    for (const view of step.views) views.push(placed(view, session.log.origin))
    bodies.push(...step.trust)
  }
  return { views, bodies }
}

/** A view of this log gets its proofs anew with each bundle; one of a log before it keeps those that it has. */
function placed(view: BundleView, origin: string): BundleView {
  return parseSignedCheckpoint(view.checkpoint).checkpoint.origin === origin ? { ...view, consistency: [] } : view
}

/** Whether the step to `version` changed the policy; true also where one of the two trust files is not at hand. */
async function changesPolicy({ workspace, trust }: Session, version: number): Promise<boolean> {
  const old = await readTrustBefore(workspace, version - 1)
  const next = version === trust.version ? trust : await readTrustBefore(workspace, version)
  return old === null || next === null || old.policy.text !== next.policy.text
}

/** The bundle that the log keeps of a step, once it is shown to be one of this log's history. Null where there is none. */
async function fetchStep(session: Session, now: Now, version: number): Promise<UpdateBundle | null> {
  const { log, trust, workspace } = session
  const bytes = await log.patiently(() => log.client.getTrustBundle(trust.product, version))
  if (bytes === null) return null
  const bundle = await checked(session, now, version, bytes)
  if (bundle !== null) await keepStep(workspace, version, bundle)
  return bundle
}

async function checked(
  { log, trust }: Session,
  now: Now,
  version: number,
  bytes: Uint8Array,
): Promise<UpdateBundle | null> {
  try {
    const bundle = parseUpdateBundle(bytes)
    const [body] = bundle.trust
    if (body === undefined || !isLogged(now, version, body)) return null
    if (parseTrust(nodeCrypto, body).product !== trust.product) return null
    for (const view of bundle.views) {
      const { size, signed } = openTree(log, view.checkpoint)
      if (size > now.tree.size || !equalBytes(await now.tree.reader.rootAt(size), signed.checkpoint.root)) return null
      for (const entry of view.entries) openLoggedEntry(nodeCrypto, entry, signed.checkpoint)
    }
    return bundle
  } catch (error) {
    if (error instanceof FileError || error instanceof FormatError || error instanceof ProofError) return null
    throw error
  }
}

function isLogged({ view }: Now, version: number, body: Uint8Array): boolean {
  const sha256 = toHex(nodeCrypto.sha256(body))
  return view.trustSteps.some(({ statement }) => statement.version === version && statement.sha256 === sha256)
}
