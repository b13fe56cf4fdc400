/** The data folder of a log: what lies in it, and who may write there. */
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { acquireLock, type Lock, ProgramError } from '@samebits/host'

export interface DataDir {
  readonly database: string
  readonly marker: string
  readonly lock: string
  /** There once the log was frozen. */
  readonly frozen: string
}

export function dataDir(path: string): DataDir {
  const at = (name: string) => join(path, name)
  return { database: at('log.db'), marker: at('marker'), lock: at('lock'), frozen: at('frozen') }
}

/** Takes the folder for writing. @throws ProgramError LOG_BUSY where another process has it */
export async function lockDataDir(path: string): Promise<Lock> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const lock = acquireLock(dataDir(path).lock)
  if (lock !== null) return lock
  throw new ProgramError({
    code: 'LOG_BUSY',
    detail: `another samebits-log process writes in ${path}`,
    remedy: 'One process sequences at a time: stop the other one, or name another folder.',
  })
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
