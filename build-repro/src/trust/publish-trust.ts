/**
 * Publishing a step of trust: the statement's entries into the log with the new trust file as their body, a checkpoint that
 * holds them and that the witnesses of before (and, in the same log, those of after) cosigned, the bundle of the step kept for
 * ever, and only then the new file in the place of the old one. Run again after any interruption, it goes on.
 */
import { type Entry, evaluateQuorum, type Trust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, writeFileDurably } from '@samebits/host'
import { lacksQuorum, type Now } from '../follow.ts'
import type { ProductEntry } from '../history.ts'
import type { Tree } from '../log-access.ts'
import type { Session } from '../session.ts'
import { type Agreement, authorityAgreement, signerName } from './authority.ts'
import { keepStep, keepTrust } from './kept-steps.ts'
import { logEntries } from './log-entries.ts'
import { demandNext } from './sign.ts'
import { checkReplaces, makeStep } from './step-bundle.ts'

export interface TrustPublished {
  /** `open`: more of the authority must sign. */
  readonly kind: 'in-force' | 'open'
  readonly version: number
  readonly sha256: string
  readonly log: string
  /** Of the tree that holds the statement. */
  readonly size: number
  readonly old: Agreement
  readonly own: Agreement
}

/** @throws ProgramError, as the steps say */
export async function publishTrust(session: Session, next: Trust, entries: readonly Entry[]): Promise<TrustPublished> {
  const { trust, log, workspace } = session
  demandNext(trust, next)
  for (const entry of entries) demandEntry(trust, next, entry)
  await demandContinued(session, next)
  // The log knows the old authority; the new one only once the body that names it is stored.
  const oldFirst = [...entries].sort((a, b) => rank(trust, a) - rank(trust, b))
  const size = await logEntries(session, oldFirst, new Map([[next.sha256, next.bytes]]))
  const seen = await session.now((tree) => (tree.size < size ? `entry ${size - 1} is not published yet` : null))
  const statement = statementEntries(seen, next)
  const common = {
    version: next.version,
    sha256: next.sha256,
    log: log.origin,
    old: authorityAgreement(trust, statement, log.origin),
    own: authorityAgreement(next, statement, log.origin),
  }
  if (!common.old.met || !common.own.met) return { kind: 'open', ...common, size: seen.tree.size }
  const last = Math.max(...statement.map(({ index }) => index))
  const now = await session.now(
    (tree) => lacksLast(tree, last) ?? lacksQuorum(tree) ?? lacksNewQuorum(session, tree, next),
  )
  await keepStep(workspace, next.version, await makeStep(session, now, next, statementEntries(now, next)))
  await keepTrust(workspace, trust)
  session.signal.throwIfAborted()
  await writeFileDurably(workspace.at(workspace.recipe.publish.trust), next.bytes)
  return { kind: 'in-force', ...common, size: now.tree.size }
}

/** Before anything is logged: in the log that ends, nothing can be said twice. */
async function demandContinued(session: Session, next: Trust): Promise<void> {
  const { trust, log } = session
  if (next.origin === trust.origin || log.origin !== trust.origin) return
  await checkReplaces(await session.now(() => null), next)
}

function rank(trust: Trust, entry: Entry): number {
  return signerName([trust], entry) === null ? 1 : 0
}

/** @throws ProgramError ENTRY_INVALID for an entry of another statement, NOT_ADMITTED for one by a stranger */
function demandEntry(trust: Trust, next: Trust, entry: Entry): void {
  const { statement } = entry
  const refuse = (code: string, detail: string, remedy: string) =>
    new ProgramError({ code, detail, remedy, exitCode: 10 })
  if (statement.kind !== 'trust' || statement.version !== next.version || statement.sha256 !== next.sha256)
    throw refuse(
      'ENTRY_INVALID',
      `a signed statement is not about version ${next.version} with the SHA-256 ${next.sha256}`,
      'The file was changed after it was signed: sign it again, or bring back the file that was.',
    )
  if (signerName([trust, next], entry) === null)
    throw refuse(
      'NOT_ADMITTED',
      'a signed statement is by nobody whom the two trust files list, or its signature does not hold',
      'Have it signed by a member of the authority.',
    )
}

function statementEntries({ view }: Now, next: Trust): readonly ProductEntry[] {
  return view.trustSteps
    .filter(({ statement }) => statement.version === next.version && statement.sha256 === next.sha256)
    .flatMap(({ entries }) => entries)
}

function lacksLast(tree: Tree, last: number): string | null {
  return tree.size > last ? null : `entry ${last} is not under a checkpoint yet`
}

/** In the log that goes on, one checkpoint that holds the statement satisfies both policies (docs/formats.md §2). */
function lacksNewQuorum({ log }: Session, { signed, size }: Tree, next: Trust): string | null {
  if (next.origin !== log.origin) return null
  const { satisfied, cosigners } = evaluateQuorum(nodeCrypto, { ...next.policy, logs: log.policy.logs }, signed)
  if (satisfied) return null
  const names = cosigners.map(({ witness }) => witness.name).join(', ') || 'none'
  return `the checkpoint of size ${size} is not cosigned by enough of the new witnesses yet (so far: ${names})`
}
