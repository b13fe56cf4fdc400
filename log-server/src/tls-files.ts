/**
 * Certificate and key of the server, read from their files. A pair is judged before it is used: half of a renewal, or a
 * key that is open to others, never replaces one that works.
 */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { ProgramError, readPrivateFile, systemReason } from '@samebits/host'
import { FileWatch } from './file-watch.ts'

export interface TlsPaths {
  readonly cert: string
  readonly key: string
  /** As of `PrivateFile`. */
  readonly credentials: string
}

/** What node:tls is handed. TLS 1.0 and 1.1 are not spoken (RFC 8996). */
export interface TlsContext {
  readonly cert: string
  readonly key: string
  readonly minVersion: 'TLSv1.2'
}

interface TlsPair {
  readonly context: TlsContext
  readonly names: string
  /** Unix seconds. */
  readonly notAfter: number
}

export class TlsFiles {
  readonly #paths: TlsPaths
  #pair: TlsPair
  #watches: readonly FileWatch[]

  private constructor(paths: TlsPaths, watches: readonly FileWatch[], pair: TlsPair) {
    this.#paths = paths
    this.#watches = watches
    this.#pair = pair
  }

  /** @throws ProgramError KEY_FILE, TLS_FILES */
  static async open(paths: TlsPaths): Promise<TlsFiles> {
    return new TlsFiles(paths, watch(paths), await readPair(paths))
  }

  get context(): TlsContext {
    return this.#pair.context
  }

  /** Of the certificate, as it lists them. */
  get names(): string {
    return this.#pair.names
  }

  /** When the certificate expires, Unix seconds. */
  get notAfter(): number {
    return this.#pair.notAfter
  }

  /** Whether a file is another one since the pair was read. */
  get isChanged(): boolean {
    return this.#watches.some((one) => !one.isUntouched)
  }

  /** Reads both files again; the pair stays as it is where they are no better one. @throws ProgramError */
  async reload(): Promise<void> {
    const watches = watch(this.#paths) // first: what changes while it is read counts as changed
    this.#pair = await readPair(this.#paths)
    this.#watches = watches
  }
}

function watch({ cert, key }: TlsPaths): FileWatch[] {
  return [new FileWatch(cert), new FileWatch(key)]
}

async function readPair(paths: TlsPaths): Promise<TlsPair> {
  const remedy = 'Name the PEM file of the key that belongs to --tls-cert.'
  const key = await readPrivateFile(paths.key, { what: 'TLS key', remedy, credentials: paths.credentials })
  const cert = await readFile(paths.cert, 'utf8').catch((error: Error) => {
    throw fault(`cannot read the certificate ${paths.cert}: ${systemReason(error)}`)
  })
  const context: TlsContext = { cert, key, minVersion: 'TLSv1.2' }
  try {
    createSecureContext(context)
    const leaf = new X509Certificate(cert)
    const notAfter = Math.floor(leaf.validToDate.getTime() / 1000)
    return { context, names: leaf.subjectAltName ?? leaf.subject, notAfter }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw fault(`${paths.cert} and ${paths.key} are no certificate with its unencrypted key: ${reason}`, cause)
  }
}

function fault(detail: string, cause?: unknown): ProgramError {
  const remedy = 'Name a PEM file of the certificate, followed by its chain, and one of its private key.'
  return new ProgramError({ code: 'TLS_FILES', detail, remedy, cause })
}
