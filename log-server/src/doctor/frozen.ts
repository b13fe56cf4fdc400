/** Whether the log was ended, and whether everything that says so says the same. */
import { ProgramError } from '@samebits/host'
import { readFrozenFile } from '../frozen/ending.ts'
import { type Frozen, parseFrozen } from '../frozen/frozen.ts'
import type { LogReader } from '../store.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const check = 'frozen'

/** Nothing of a log that goes on. */
export async function checkFrozen(
  store: Pick<LogReader, 'frozen' | 'head'>,
  path: string,
  origin: string,
): Promise<Finding[]> {
  try {
    const inFile = await readFrozenFile({ path, origin })
    const text = await store.frozen()
    const stored = text === null ? null : parseFrozen(text)
    const frozen = stored ?? inFile
    if (frozen === null) return []
    const size = (await store.head())?.size ?? 0
    if (size !== frozen.size)
      return [
        fail(
          check,
          `the log ended at size ${frozen.size}, and ${size} entries are stored`,
          'Restore what is missing. Where there is more, entries were taken in a copy from before the end: keep everything, and tell who sent them.',
        ),
      ]
    return [judge(frozen, stored !== null, inFile !== null)]
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error
    return [fail(check, error.detail, error.remedy ?? '')]
  }
}

function judge({ size, successor }: Frozen, isStored: boolean, isInFile: boolean): Finding {
  const said = `the log ended at size ${size}, and ${successor.origin} goes on at ${successor.url}`
  if (!isStored)
    return warn(check, `${said}; the database is from before`, 'Run samebits-log serve: it freezes the database again.')
  if (!isInFile)
    return warn(check, `${said}; this folder does not hold that yet`, 'Run samebits-log serve: it writes it down.')
  return ok(check, said)
}
