/** Getting a kept vote into the log, and reading it back from the verified tree. */
import { ProgramError } from '@samebits/host'
import { lacksQuorum } from '../follow.ts'
import { submitEntry } from '../submit.ts'
import type { FollowedProduct } from './product.ts'
import type { KeptVote, VoteStore } from './vote-store.ts'

/**
 * Gets a kept vote into the log. The same bytes whenever it is called, so that the log counts them once.
 *
 * @returns its index
 * @throws ProgramError TRANSPORT, WITNESS_QUORUM (exit 20): call again later; LOG_REFUSED, PROOF_INVALID
 */
export async function logVote(
  { log, now }: Pick<FollowedProduct, 'log' | 'now'>,
  votes: Pick<VoteStore, 'markLogged'>,
  vote: KeptVote,
): Promise<number> {
  const submitted = await submitEntry(log, vote.entry, vote.bodies)
  if (submitted.kind === 'conflict')
    throw new ProgramError({
      code: 'LOG_REFUSED',
      detail: `the log answered 409 ${submitted.code}: ${submitted.detail}`,
      remedy: "Ask the log's operator: it does not take this vote.",
      exitCode: 10,
    })
  const { index } = submitted
  const { history } = await now((tree) =>
    tree.size > index ? lacksQuorum(tree) : `entry ${index} is not in the published tree yet`,
  )
  if (!history.entries.some((each) => each.index === index && each.entry.id === vote.id))
    throw new ProgramError({
      code: 'PROOF_INVALID',
      detail: `the log answered that entry ${index} is this vote, but its tree holds another one there`,
      remedy: 'Ask the operator of the log.',
      exitCode: 10,
    })
  await votes.markLogged(vote.id, index)
  return index
}
