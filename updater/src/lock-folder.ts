/** The lock of a folder that one run at a time may write to. */
import { join } from 'node:path'
import { acquireLock, type Lock } from '@samebits/host'
import { reasonOf } from './failure.ts'
import { InstallFailure } from './install-job.ts'

/**
 * @returns null where another run holds it
 * @throws InstallFailure where nothing can be written there: a read-only or full disk, missing rights
 */
export function lockFolder(folder: string): Lock | null {
  try {
    return acquireLock(join(folder, 'lock'))
  } catch (error) {
    throw new InstallFailure(`cannot write to ${folder}: ${reasonOf(error)}`, { swapBegan: false, cause: error })
  }
}
