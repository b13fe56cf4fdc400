/**
 * Which trust file is in force for a product: the higher version of the admission file's and the one that logged trust
 * statements led to, as in docs/decision.md step 3.
 */
import { type AdmissionConfig, AdmissionFileError } from './admission-file.ts'
import { takeEffect } from './decide.ts'
import type { ProductTables } from './tables.ts'
import type { TrustLibrary } from './trust-library.ts'
import type { TrustRules } from './trust-rules.ts'
import { WorkingSet } from './working-set.ts'

/** The admission file and the log hold different trust files of one version. */
export interface TrustConflict {
  readonly conflict: number
}

/** The rules in force, after those of the admission file were put in force where they are newer. */
export async function rulesInForce(
  set: WorkingSet,
  tables: ProductTables,
  library: TrustLibrary,
  file: TrustRules,
): Promise<TrustRules | TrustConflict> {
  const row = set.product(file.product)
  if (row === null || row.version < file.version) {
    await tables.putBlob(file.sha256, file.trust.bytes, 0)
    set.keepBlobs([file.sha256])
    await takeEffect(set, file)
    return file
  }
  if (row.sha256 === file.sha256) return file
  if (row.version === file.version) return { conflict: row.version }
  const body = await library.get(row.sha256, (sha256) => tables.blob(sha256))
  if (body?.kind !== 'rules') throw new Error(`the trust file in force for ${file.product} is not stored`)
  return body.rules
}

/**
 * Puts the admission file's trust files in force where they are newer than what the log led to.
 * Throws {@link AdmissionFileError} where one contradicts the log: nothing must be committed then.
 */
export async function adoptConfig(
  tables: ProductTables,
  library: TrustLibrary,
  config: AdmissionConfig,
): Promise<void> {
  const set = await WorkingSet.load(tables, [], config.products.keys())
  for (const [product, file] of config.products) {
    const rules = await rulesInForce(set, tables, library, file)
    if ('conflict' in rules)
      throw new AdmissionFileError(product, `the log has put another trust file of version ${rules.conflict} in force`)
  }
  await tables.write(set.changes())
}
