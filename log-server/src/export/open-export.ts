/** The place that the options name. */
import type { LogServerOptions } from '../options.ts'
import { directoryPlace } from './directory-place.ts'
import { s3Place } from './s3-place.ts'
import type { StaticPlace } from './static-place.ts'

const timeoutMs = 30_000

/** Null where none is named. @throws ProgramError CONFIG_INVALID, S3_MISSING */
export async function openExport({
  exportTo,
  checkpointMaxAgeSeconds,
}: Pick<LogServerOptions, 'exportTo' | 'checkpointMaxAgeSeconds'>): Promise<StaticPlace | null> {
  if (exportTo === '') return null
  if (exportTo.startsWith('s3:')) return s3Place({ url: exportTo, checkpointMaxAgeSeconds, timeoutMs })
  return directoryPlace(exportTo)
}
