/** `samebits trust show FILE` */
import type { Run } from '../command.ts'
import { readTrustFile } from '../read-trust.ts'
import { report, writeJson } from '../report.ts'
import { trustJson } from '../trust-json.ts'
import { trustSections } from '../trust-report.ts'

export const run: Run = async (given, world) => {
  const trust = readTrustFile(given.positionals[0] ?? '')
  if (world.json) writeJson(world, trustJson(trust))
  else report(world, trustSections(trust))
  return 0
}
