/**
 * The admission file: which products a log takes, and under which trust file each begins (docs/formats.md §1, "Admission").
 *
 *     { "format": 1, "mode": "product", "products": { "example.com/notes": "notes/trust.json" } }
 *
 * Paths are relative to the admission file. In the modes `open` and `raw`, `products` is empty.
 */
import { dirname, resolve } from 'node:path'
import { FormatError, type Hasher, isProduct, parseJson, parseTrust, TrustError } from '@samebits/core'
import type { AdmissionMode } from '../admission.ts'
import { type TrustRules, trustRules } from './trust-rules.ts'

/** An admission file that cannot be followed. Where one is in force already, it stays in force. */
export class AdmissionFileError extends Error {
  override readonly name = 'AdmissionFileError'
  readonly code = 'ADMISSION_FILE_INVALID'
  /** The file that is wrong: the admission file, or a trust file that it names. */
  readonly path: string

  constructor(path: string, detail: string, options?: ErrorOptions) {
    super(`${path}: ${detail}`, options)
    this.path = path
  }
}

/** What the file itself says. */
export interface AdmissionFile {
  readonly mode: AdmissionMode
  /** Product to the path of its trust file, as written. */
  readonly products: ReadonlyMap<string, string>
}

/** The file with the trust files that it names. */
export interface AdmissionConfig {
  readonly mode: AdmissionMode
  readonly products: ReadonlyMap<string, TrustRules>
}

const modes: readonly AdmissionMode[] = ['product', 'open', 'raw']
const members = ['format', 'mode', 'products']

/** Throws FormatError. */
export function parseAdmissionFile(bytes: Uint8Array): AdmissionFile {
  const fail = (detail: string): never => {
    throw new FormatError('admission file', detail)
  }
  const file = objectOf(parseJson('admission file', bytes)) ?? fail('not an object')
  const stray = [...file.keys()].find((name) => !members.includes(name))
  if (stray !== undefined) fail(`unknown member ${JSON.stringify(stray.slice(0, 40))}`)
  if (file.get('format') !== 1) fail('"format" is not 1')
  const mode = modes.find((known) => known === file.get('mode')) ?? fail(`"mode" is none of ${modes.join(', ')}`)
  const products = new Map<string, string>()
  for (const [product, path] of objectOf(file.get('products')) ?? fail('"products" is not an object')) {
    if (!isProduct(product)) fail(`${JSON.stringify(product.slice(0, 40))} is not a product name`)
    if (typeof path !== 'string' || path === '' || path.includes('\0')) return fail(`${product} has no path`)
    products.set(product, path)
  }
  if (mode === 'product' && products.size === 0) fail('mode "product" without a product')
  if (mode !== 'product' && products.size > 0) fail(`mode "${mode}" takes no "products"`)
  return { mode, products }
}

function objectOf(value: unknown): ReadonlyMap<string, unknown> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return new Map(Object.entries(value))
}

export interface LoadOptions {
  readonly path: string
  readonly hasher: Hasher
  /** Name of this log. */
  readonly origin: string
  readonly readFile: (path: string) => Promise<Uint8Array>
}

/** Reads the admission file and every trust file that it names. Throws {@link AdmissionFileError}. */
export async function loadAdmission(options: LoadOptions): Promise<AdmissionConfig> {
  const { path, hasher, origin } = options
  const file = readable(path, parseAdmissionFile, await bytesOf(options, path))
  const products = new Map<string, TrustRules>()
  for (const [product, written] of file.products) {
    const trustPath = resolve(dirname(path), written)
    const trust = readable(trustPath, (text) => parseTrust(hasher, text), await bytesOf(options, trustPath))
    if (trust.product !== product) throw new AdmissionFileError(trustPath, `is for ${trust.product}, not ${product}`)
    products.set(product, trustRules(hasher, trust, origin))
  }
  return { mode: file.mode, products }
}

async function bytesOf({ readFile }: LoadOptions, path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new AdmissionFileError(path, `cannot be read (${errorCode(cause)})`, { cause })
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

function readable<T>(path: string, parse: (bytes: Uint8Array) => T, bytes: Uint8Array): T {
  try {
    return parse(bytes)
  } catch (cause) {
    if (!(cause instanceof FormatError) && !(cause instanceof TrustError)) throw cause
    throw new AdmissionFileError(path, cause.detail, { cause })
  }
}
