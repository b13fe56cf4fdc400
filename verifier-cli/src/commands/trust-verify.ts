/** `samebits trust verify FILE [--digest SHA256] [--product NAME]` */
import { forkCostText, isDigest } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Run } from '../command.ts'
import { readTrustFile, trustInvalid } from '../read-trust.ts'
import { writeJson } from '../report.ts'
import { checklist } from '../screen.ts'

export const run: Run = async (given, world) => {
  const digest = given.text('digest')
  const product = given.text('product')
  if (digest !== undefined && !isDigest(digest))
    throw new ProgramError({
      code: 'USAGE',
      detail: '--digest is not 64 lower-case hex digits',
      remedy: 'Give the whole SHA-256.',
    })
  const path = given.positionals[0] ?? ''
  const trust = readTrustFile(path)
  if (digest !== undefined && trust.sha256 !== digest)
    throw trustInvalid(`${path} has SHA-256 ${trust.sha256}, and ${digest} was asked for`)
  if (product !== undefined && trust.product !== product)
    throw trustInvalid(`${path} is of ${trust.product}, and ${product} was asked for`)
  if (world.json) {
    writeJson(world, {
      result: 'verified',
      product: trust.product,
      version: trust.version,
      sha256: trust.sha256,
      forkCost: trust.forkCost,
    })
    return 0
  }
  world.stdout.write(
    checklist(world, [
      { mark: 'ok', label: 'form', text: `${trust.product}, version ${trust.version}` },
      digest === undefined
        ? { mark: 'none', label: 'digest', text: `${trust.sha256}: compare it with what the publisher says` }
        : { mark: 'ok', label: 'digest', text: `${trust.sha256}, as asked` },
      { mark: trust.forkCost > 0 ? 'ok' : 'warn', label: 'fork', text: `costs ${forkCostText(trust)}` },
    ]),
  )
  return 0
}
