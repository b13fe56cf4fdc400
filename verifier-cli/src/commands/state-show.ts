/** `samebits state show DIR` */
import { nodeCrypto } from '@samebits/core/node'
import { readState, statusOf } from '@samebits/updater'
import type { Run } from '../command.ts'
import { report, writeJson } from '../report.ts'
import { findState, stateMissing } from '../state-folder.ts'
import { stateSections } from '../state-report.ts'

export const run: Run = async (given, world) => {
  const { folder } = await findState(given.positionals[0] ?? '')
  const state = await readState(folder, nodeCrypto)
  if (state === null) throw stateMissing(folder)
  if (world.json) writeJson(world, statusOf(state, world.clock()))
  else report(world, stateSections(state))
  return 0
}
