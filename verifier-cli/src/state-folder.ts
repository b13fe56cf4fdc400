/** The state folder that a person means: itself, or the one in an install folder. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { stateFileName } from '@samebits/core'
import { ProgramError } from '@samebits/host'

/** Where `samebits update` keeps the state of an install folder. */
export function stateFolderOf(installFolder: string): string {
  return join(installFolder, '.samebits', 'state')
}

export interface FoundState {
  readonly folder: string
  /** The install folder that it lies in, if it does. */
  readonly installFolder: string | null
}

/** @throws ProgramError STATE_MISSING */
export async function findState(folder: string): Promise<FoundState> {
  const inside = stateFolderOf(folder)
  if (await holdsState(inside)) return { folder: inside, installFolder: folder }
  if (await holdsState(folder)) return { folder, installFolder: null }
  throw stateMissing(folder)
}

export function stateMissing(folder: string): ProgramError {
  return new ProgramError({
    code: 'STATE_MISSING',
    detail: `there is no state in ${folder}`,
    remedy: 'Name the folder given to update --into or --state.',
  })
}

async function holdsState(folder: string): Promise<boolean> {
  for (const generation of [0, 1]) {
    const found = await stat(join(folder, stateFileName(generation))).catch(() => null)
    if (found !== null) return true
  }
  return false
}
