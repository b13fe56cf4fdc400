/** The trust files that logged trust steps name: clients of older versions need their exact bytes (docs/formats.md §3). */
import { type Trust, toHex } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import type { Log } from './log-access.ts'
import type { ProductView } from './product-view.ts'

/** The bodies of all steps up to this version, oldest first, each checked against the digest that was logged. */
export async function trustBodies(log: Log, trust: Trust, view: ProductView): Promise<readonly Uint8Array[]> {
  const steps = view.trustSteps
    .map(({ statement }) => statement)
    .filter(({ version, sha256 }) => version < trust.version || sha256 === trust.sha256)
    .sort((a, b) => a.version - b.version)
  const bodies: Uint8Array[] = []
  for (const { sha256 } of steps) bodies.push(sha256 === trust.sha256 ? trust.bytes : await fetchBody(log, sha256))
  return bodies
}

async function fetchBody(log: Log, sha256: string): Promise<Uint8Array> {
  const body = await log.patiently(() => log.client.getBlob(sha256))
  if (body !== null && toHex(nodeCrypto.sha256(body)) === sha256) return body
  throw new ProgramError({
    code: 'BODY_MISSING',
    detail: `the log does not hold the trust file ${sha256} that one of its entries names`,
    remedy: "Ask the log's operator: clients of older versions need it.",
    exitCode: 10,
  })
}
