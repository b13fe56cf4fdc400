/** The modes `product` and `open`: the product index in the log's database, admission by it, and its pages. */
import { readFile } from 'node:fs/promises'
import { nodeCrypto, verifyInPool } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { sigstoreIdentities } from '@samebits/identity'
import { AdmissionFileError } from '../admission/admission-file.ts'
import { AdmissionSource } from '../admission/admission-source.ts'
import type { Claim } from '../admission/claim.ts'
import { folderNotices } from '../admission/folder-notices.ts'
import { adoptConfig } from '../admission/in-force.ts'
import { openAdmission } from '../admission/open-admission.ts'
import { productAdmission } from '../admission/product-admission.ts'
import { productExtension } from '../admission/product-extension.ts'
import type { ProductTables } from '../admission/tables.ts'
import { TrustLibrary } from '../admission/trust-library.ts'
import type { Timing } from '../log.ts'
import type { LogView } from '../log-view.ts'
import { leftBehind } from '../products/left-behind.ts'
import { productMoves } from '../products/moves.ts'
import { keepTrustBundles } from '../products/trust-bundles.ts'
import { mountBlobs } from './blobs-http.ts'
import type { EntryBodies, Mode, ModeContext, RunningMode } from './modes-http.ts'
import { mountProducts } from './products-http.ts'

/** Releases of the products that the admission file names. */
export function productMode(timing: Pick<Timing, 'now' | 'after'>): Mode<Claim, ProductTables> {
  return { extension: productExtension, start: (context) => startProductMode(context, timing) }
}

async function startProductMode(
  context: ModeContext<ProductTables>,
  timing: Pick<Timing, 'now' | 'after'>,
): Promise<RunningMode<Claim, ProductTables>> {
  const { origin, options, store, warn } = context
  const library = new TrustLibrary(nodeCrypto, origin)
  const identities = sigstoreIdentities()
  const source = await openSource(context, timing)
  const adopt = (config = source.current) => store.update((tables) => adoptConfig(tables, library, config))
  await adopt().catch(asProgramError)
  source.follow({
    changed: (config) => adopt(config),
    broken: (error) => warn('the admission file was not followed; the one before it stays in force', error.message),
  })
  const inForceParts = { config: () => source.current, reader: store.tables.committed, library, origin }
  const bundles = keptInTurn(context, library)
  return {
    indexed: true,
    bodies: storedBodies(context, timing),
    openAdmission: async () =>
      productAdmission({
        crypto: nodeCrypto,
        verify: verifyInPool,
        origin,
        maxLeafBytes: options.maxLeafBytes,
        config: () => source.current,
        committed: store.tables.committed,
        library,
        identities,
      }),
    mount: (v1, log) => {
      const { committed: reader } = store.tables
      mountProducts(v1, { log, reader, library, crypto: nodeCrypto, identities })
      mountBlobs(v1, { reader, store, hasher: nodeCrypto, now: timing.now })
    },
    leftBehind: (policy) => leftBehind(inForceParts, policy),
    moves: () => productMoves(inForceParts),
    issued: bundles,
    stop: () => source.stop(),
  }
}

function storedBodies({ store }: ModeContext<ProductTables>, { now }: Pick<Timing, 'now'>): EntryBodies<Claim> {
  return {
    async missing(claims) {
      const digests = [...new Set(claims.flatMap(({ bodies }) => bodies))]
      const sizes = await Promise.all(digests.map((digest) => store.tables.committed.blobSize(digest)))
      return digests.filter((_, at) => sizes[at] === null)
    },
    keep: (sha256, body) => store.update((tables) => tables.putBlob(sha256, body, now())),
  }
}

async function openSource(
  { origin, options }: ModeContext<ProductTables>,
  timing: Pick<Timing, 'after'>,
): Promise<AdmissionSource> {
  const path = options.admissionFile
  if (path === '')
    throw new ProgramError({
      code: 'CONFIG_INVALID',
      detail: 'mode product needs an admission file',
      remedy: 'Name one with --admission-file, or choose --mode open or raw.',
    })
  const notices = folderNotices(timing)
  const source = await AdmissionSource.open({ path, origin, hasher: nodeCrypto, readFile, notices }).catch(
    asProgramError,
  )
  if (source.current.mode !== 'product')
    asProgramError(
      new AdmissionFileError(path, `says mode "${source.current.mode}", the server was started for "product"`),
    )
  return source
}

function asProgramError(error: unknown): never {
  if (!(error instanceof AdmissionFileError)) throw error
  const remedy = 'Correct the file; docs/formats.md §1 shows it.'
  throw new ProgramError({ code: error.code, detail: error.message, remedy, cause: error })
}

/** Keeps trust bundles after each published checkpoint: one run at a time, and one more for what came meanwhile. */
function keptInTurn({ store, warn }: ModeContext<ProductTables>, library: TrustLibrary): (log: LogView) => void {
  const keep = (product: string, version: number, bundle: Uint8Array) =>
    store.update((tables) => tables.putTrustBundle(product, version, bundle))
  const parts = { crypto: nodeCrypto, reader: store.tables.committed, library, keep }
  let running = false
  let again = false
  const run = async (log: LogView): Promise<void> => {
    do {
      again = false
      await keepTrustBundles(parts, log)
    } while (again)
  }
  return (log) => {
    again = true
    if (running) return
    running = true
    run(log)
      .catch((error: unknown) => warn('a trust bundle was not kept; the next checkpoint tries again', error))
      .finally(() => {
        running = false
      })
  }
}

/** Any well-formed statement; the index serves lookups alone. */
export const openMode: Mode<Claim, ProductTables> = {
  extension: productExtension,
  start: async ({ origin, options, store }) => ({
    indexed: true,
    openAdmission: async () => openAdmission({ crypto: nodeCrypto, maxLeafBytes: options.maxLeafBytes }),
    mount: (v1, log) => {
      const library = new TrustLibrary(nodeCrypto, origin)
      mountProducts(v1, { log, reader: store.tables.committed, library, crypto: nodeCrypto })
    },
    stop: () => undefined,
  }),
}
