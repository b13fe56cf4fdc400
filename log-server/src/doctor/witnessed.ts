/** Who would notice a fork, or that a backup was restored with everything in it. */
import { NO_QUORUM } from '@samebits/core'
import type { LogPolicy } from '../witnesses/log-policy.ts'
import type { WitnessCopies } from '../witnessing.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** @param policy null where none is named */
export function checkWitnesses(
  policy: LogPolicy | null,
  publishedUrl: string,
  copies: WitnessCopies | null,
): Finding[] {
  const quorum = policy !== null && policy.policy.quorum !== NO_QUORUM
  if (!quorum && publishedUrl === '')
    return [
      warn(
        'witnesses',
        'no quorum and no --published-url: where one snapshot holds database and marker, nothing can notice that it was restored',
        'Name witnesses with --policy, or a place outside this machine with --published-url; keep the marker out of snapshots.',
      ),
    ]
  if (!quorum) return [ok('witnesses', `no quorum is asked for; ${publishedUrl} is asked what was published`)]
  const findings = [forkCost(policy)]
  if (copies === null) return findings
  if (copies.missing === null)
    return [...findings, ok('witness-copies', 'a quorum of the witnesses says what it holds')]
  const detail = `no quorum of the witnesses says what it holds of this log: ${copies.missing}`
  return [...findings, fail('witness-copies', detail, 'The log only reads until they answer: check their URLs.')]
}

function forkCost({ forkCost: cost, services }: LogPolicy): Finding {
  if (cost > 0) return ok('witnesses', `${services.length} witnesses; a fork takes ${cost} that sign twice`)
  return warn(
    'witnesses',
    'honest witnesses alone could cosign two histories under this policy',
    'Raise its thresholds.',
  )
}
