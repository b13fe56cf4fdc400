/**
 * The folders of builds, kept for people to look into:
 *
 *     builds/<job>/<n>/1/log, fetch.log    what the steps said; 2/ where it was built once more
 *                      1/outputs/<name>    what came out, unless it was what the release says
 *
 * The newest few attempts of each job stay.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface Attempt {
  /** 1, 2, 3 … in decimal. */
  readonly name: string
  /** Absolute; empty. */
  readonly folder: string
}

const attemptsKept = 5

/** @param parent of one job's attempts */
export async function newAttempt(parent: string): Promise<Attempt> {
  await mkdir(parent, { recursive: true })
  const before = (await readdir(parent))
    .map(Number)
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b)
  for (const old of before.slice(0, Math.max(0, before.length - attemptsKept + 1)))
    await rm(join(parent, String(old)), { recursive: true, force: true })
  const name = String((before.at(-1) ?? 0) + 1)
  const folder = join(parent, name)
  await mkdir(folder)
  return { name, folder }
}

/** Removes what is in the log's and the release's own words already: outputs that are the release's artifacts. */
export async function dropOutputs({ folder }: Attempt): Promise<void> {
  for (const build of ['1', '2']) await rm(join(folder, build, 'outputs'), { recursive: true, force: true })
}
