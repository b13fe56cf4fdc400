/**
 * `installed.json` in the install folder: what is installed there, and under which trust version it was accepted. Its form
 * is core's; it is written in the same journal step as the swap (docs/decision.md, *State*).
 */
import { constants } from 'node:fs'
import { join } from 'node:path'
import { type InstallRecord, parseInstallRecord } from '@samebits/core'
import { isCode } from '@samebits/host'
import { IoFailure, reasonOf } from './failure.ts'
import { openPlainFile } from './paths.ts'

export const installRecordName = 'installed.json'
const maxBytes = 16_384

/** The record in a folder, or null where there is none. @throws IoFailure STATE_INVALID */
export async function readInstallRecord(folder: string): Promise<InstallRecord | null> {
  const path = join(folder, installRecordName)
  const handle = await openPlainFile(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw new IoFailure('STATE_INVALID', `cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  })
  if (handle === null) return null
  try {
    if ((await handle.stat()).size > maxBytes) throw new IoFailure('STATE_INVALID', 'it is too large')
    return parseInstallRecord(new Uint8Array(await handle.readFile()))
  } catch (error) {
    throw new IoFailure('STATE_INVALID', `${path}: ${reasonOf(error)}`, { cause: error })
  } finally {
    await handle.close()
  }
}
