/**
 * What became of each job, one small file each, so that a rebuilder that was killed goes on where it stood:
 *
 *     jobs/<job>.json   { "format": 1, "attempts": 2, "retryAt": 1795000000, "trouble": { "whose", "code", "detail", "at" } | null }
 *
 * Whether a job has its vote is not written here: that is what the log says (job.ts), and what was signed is in `votes/`.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import { z } from 'zod'
import type { Trouble } from '../trouble.ts'

export interface JobTrouble extends Pick<Trouble, 'whose' | 'code' | 'detail'> {
  /** Unix seconds. */
  readonly at: number
}

export interface JobRecord {
  /** Builds that were begun and ended in trouble. */
  readonly attempts: number
  /** Unix seconds: not tried again before. */
  readonly retryAt: number
  readonly trouble: JobTrouble | null
}

export interface JobStore {
  /** What is known about a job; a new one where nothing is. @throws ProgramError STATE_INVALID */
  read(job: string): Promise<JobRecord>
  write(job: string, record: JobRecord): Promise<void>
}

const schema = z.strictObject({
  format: z.literal(1),
  attempts: z.int().min(0),
  retryAt: z.int().min(0),
  trouble: z
    .strictObject({ whose: z.enum(['ours', 'theirs']), code: z.string(), detail: z.string(), at: z.int().min(0) })
    .nullable(),
})

const fresh: JobRecord = { attempts: 0, retryAt: 0, trouble: null }

export function jobStore(folder: string): JobStore {
  const pathOf = (job: string) => join(folder, `${job}.json`)
  return {
    async read(job) {
      const text = await readFile(pathOf(job), 'utf8').catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) return null
        throw error
      })
      if (text === null) return fresh
      try {
        const { format: _, ...record } = schema.parse(JSON.parse(text))
        return record
      } catch (error) {
        throw new ProgramError({
          code: 'STATE_INVALID',
          detail: `${pathOf(job)} is not what was written there`,
          remedy: 'Delete it: the job is then tried anew.',
          exitCode: 10,
          cause: error,
        })
      }
    },
    async write(job, record) {
      await mkdir(folder, { recursive: true })
      await writeFileDurably(pathOf(job), `${JSON.stringify({ format: 1, ...record })}\n`)
    },
  }
}

/** Seconds until a job is tried again: what is ours may pass soon, what is theirs needs somebody to change something. */
const waits = { ours: { first: 60, most: 6 * 3600 }, theirs: { first: 3600, most: 24 * 3600 } } as const

/**
 * A record with one more failure. The wait doubles with every attempt, and is spread over its second half so that rebuilders that
 * failed together do not come back together.
 *
 * @param random in [0, 1)
 */
export function afterTrouble(before: JobRecord, trouble: Trouble, now: number, random: number): JobRecord {
  const { whose, code, detail } = trouble
  const { first, most } = waits[whose]
  const ceiling = Math.min(most, first * 2 ** Math.min(before.attempts, 20))
  return {
    attempts: before.attempts + 1,
    retryAt: now + Math.ceil(ceiling * (0.5 + random / 2)),
    trouble: { whose, code, detail: detail.slice(0, 2000), at: now },
  }
}
