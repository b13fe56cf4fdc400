/** `samebits state reset DIR --yes` */
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeCrypto } from '@samebits/core/node'
import { isCode, ProgramError } from '@samebits/host'
import { createStateStore } from '@samebits/updater'
import type { Run } from '../command.ts'
import { writeJson } from '../report.ts'
import { findState, stateFolderOf } from '../state-folder.ts'

export const run: Run = async (given, world) => {
  const asked = given.positionals[0] ?? ''
  const { folder, installFolder } = await findState(asked).catch((error: unknown) => {
    if (error instanceof ProgramError) return { folder: stateFolderOf(asked), installFolder: asked }
    throw error
  })
  if (!given.has('yes'))
    throw new ProgramError({
      code: 'USAGE',
      detail: `this forgets everything that ${folder} remembers, also a log that was convicted`,
      remedy: 'Say --yes if that is meant.',
    })
  await createStateStore({ directory: folder, hasher: nodeCrypto, identity: { uid: world.uid } }).reset()
  const aside = installFolder === null ? null : await moveRecordAside(installFolder)
  if (world.json) writeJson(world, { result: 'reset', state: folder, installRecord: aside })
  else world.stdout.write(`${folder} is empty; the next run starts from the anchor\n`)
  return 0
}

/** An install record without state is refused (STATE_INVALID): what is installed is then unknown, and said to be. */
async function moveRecordAside(folder: string): Promise<string | null> {
  const aside = join(folder, 'installed.json.before-reset')
  try {
    await rename(join(folder, 'installed.json'), aside)
    return aside
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw error
  }
}
