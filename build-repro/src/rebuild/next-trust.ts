/**
 * The trust file that comes after the one in force, from the log: version n+1 of this product, in this log, met by the authority of
 * both, with the body that was signed (docs/formats.md §2; docs/decision.md step 10 has it for clients). A rebuilder follows its products'
 * trust files as clients do; a new log is for its operator to decide.
 */
import { parseTrust, type Trust, TrustError, toHex } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { Now } from '../follow.ts'
import type { Log } from '../log-access.ts'
import type { Logged } from '../product-view.ts'
import { authorityAgreement } from '../trust/authority.ts'

/** @returns null where the one in force is the newest. @throws ProgramError TRUST_INVALID, BODY_MISSING; TRANSPORT (exit 20) */
export async function nextTrust(log: Log, trust: Trust, { view }: Pick<Now, 'view'>): Promise<Trust | null> {
  const steps = view.trustSteps.filter(({ statement, entries }) => {
    return statement.version === trust.version + 1 && authorityAgreement(trust, entries, log.origin).met
  })
  const met: Trust[] = []
  for (const step of steps) {
    const next = await bodyOf(log, trust, step)
    if (authorityAgreement(next, step.entries, log.origin).met) met.push(next)
  }
  const [next = null, rival] = met
  if (rival !== undefined) throw invalid(`the log holds two files of version ${rival.version}, both met`)
  if (next !== null && next.origin !== trust.origin)
    throw invalid(`version ${next.version} of the trust file names another log, ${next.origin}`)
  return next
}

async function bodyOf(
  log: Log,
  trust: Trust,
  { statement }: Logged<{ sha256: string; size: number; version: number }>,
) {
  const { sha256, size, version } = statement
  const body = await log.patiently(() => log.client.getBlob(sha256))
  if (body === null || body.length !== size || toHex(nodeCrypto.sha256(body)) !== sha256)
    throw new ProgramError({
      code: 'BODY_MISSING',
      detail: `the log does not give the trust file ${sha256} that it names as version ${version}`,
      remedy: "Ask the log's operator for it.",
      exitCode: 10,
    })
  const next = parsed(body)
  if (next.product === trust.product && next.version === version) return next
  throw invalid(`the file that is logged as version ${version} is version ${next.version} of ${next.product}`)
}

function parsed(body: Uint8Array): Trust {
  try {
    return parseTrust(nodeCrypto, Uint8Array.from(body))
  } catch (error) {
    if (error instanceof TrustError) throw invalid(`the next trust file cannot be used: ${error.detail}`)
    throw error
  }
}

function invalid(detail: string): ProgramError {
  return new ProgramError({
    code: 'TRUST_INVALID',
    detail,
    remedy: 'Ask the owner of the product, and put the right file in the place of the one here.',
    exitCode: 10,
  })
}
