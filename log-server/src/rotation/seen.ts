/** What the two logs of a rotation say of themselves over HTTP: as everybody else sees them, and beside the servers that run. */
import {
  evaluateQuorum,
  FormatError,
  fromUtf8,
  httpGet,
  isProduct,
  MAX_BODY_BYTES,
  NoteError,
  openCheckpoint,
  parseJson,
  parsePolicy,
  parseTrust,
  parseVkey,
  productInUrl,
  SourceError,
  type Trust,
  TrustError,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'

export interface Eyes {
  readonly fetch: typeof globalThis.fetch
  readonly timeoutMs: number
}

/** What cannot be seen, for people. */
export class UnseenError extends Error {
  override readonly name = 'UnseenError'
}

/** A product of the log that ends, with the trust file that its clients are told to believe. */
export interface SeenProduct {
  readonly trust: Trust
  /** Whether clients of before can be shown the step to it; false too for a first version, to which no step leads. */
  readonly kept: boolean
  /** A next version that was signed, by too few yet. */
  readonly proposed: boolean
}

const pageBytes = 1 << 20

/** @throws UnseenError */
export async function seeProducts(eyes: Eyes, url: string): Promise<readonly SeenProduct[]> {
  const seen: SeenProduct[] = []
  for (let after = ''; ; ) {
    const page = await readJson(eyes, `${at(url)}/v1/products?after=${productInUrl(after)}`)
    const { products } = page as { products?: readonly { product?: unknown }[] }
    if (!Array.isArray(products)) throw new UnseenError(`${url} lists no products`)
    for (const { product } of products) {
      if (typeof product !== 'string' || !isProduct(product)) throw new UnseenError(`${url} lists what is no product`)
      seen.push(await seeProduct(eyes, url, product))
    }
    if (!('after' in page) || typeof page.after !== 'string') return seen
    after = page.after
  }
}

/** @throws UnseenError */
export async function seeProduct(eyes: Eyes, url: string, product: string): Promise<SeenProduct> {
  const page = (await readJson(eyes, `${at(url)}/v1/products/${productInUrl(product)}`)) as ProductPage
  const digest = page.trust?.sha256
  const bytes = await read(eyes, `${at(url)}/v1/blob/${digest}`, MAX_BODY_BYTES)
  const trust = asked(`the trust file of ${product}`, () => parseTrust(nodeCrypto, bytes))
  if (trust.sha256 !== digest || trust.product !== product)
    throw new UnseenError(`${url} shows another trust file of ${product} than it names`)
  const step = await readOrNone(eyes, `${at(url)}/v1/trust/${productInUrl(product)}/${trust.version}`, MAX_BODY_BYTES)
  const proposed = (page.unmet ?? []).some(({ kind, version }) => kind === 'trust' && version === trust.version + 1)
  return { trust, kept: step !== null, proposed }
}

interface ProductPage {
  readonly trust?: { readonly sha256?: string }
  readonly unmet?: readonly { readonly kind?: unknown; readonly version?: unknown }[]
}

/** The published checkpoint, once it is under these keys and a quorum of the policy. @throws UnseenError */
export async function seeCheckpoint(
  eyes: Eyes,
  { origin, url, vkeys }: { readonly origin: string; readonly url: string; readonly vkeys: readonly string[] },
  policyText: string | null,
): Promise<{ readonly size: number }> {
  const text = fromUtf8(await read(eyes, `${at(url)}/checkpoint`, pageBytes))
  const keys = vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
  const opened = asked(`the checkpoint at ${url}`, () => openCheckpoint(nodeCrypto, text, keys, origin))
  const { satisfied } =
    policyText === null ? { satisfied: true } : evaluateQuorum(nodeCrypto, parsePolicy(nodeCrypto, policyText), opened)
  if (!satisfied) throw new UnseenError(`the checkpoint at ${url} is not cosigned by a quorum of its witnesses`)
  return opened.checkpoint
}

/** Whether a server says of itself that its log is frozen. @throws UnseenError */
export async function seeFrozen(eyes: Eyes, url: string, origin: string): Promise<boolean> {
  const status = await readJson(eyes, `${at(url)}/v1/status`)
  if (!('origin' in status) || status.origin !== origin) throw new UnseenError(`${url} is not ${origin}`)
  return 'frozen' in status
}

function asked<R>(what: string, parse: () => R): R {
  try {
    return parse()
  } catch (cause) {
    const ours = cause instanceof FormatError || cause instanceof NoteError || cause instanceof TrustError
    if (!ours) throw cause
    throw new UnseenError(`${what} is not what it should be: ${cause.message}`, { cause })
  }
}

const at = (url: string) => url.replace(/\/+$/, '')

async function readJson(eyes: Eyes, url: string): Promise<object> {
  const bytes = await read(eyes, url, pageBytes)
  const value = asked(url, () => parseJson('answer', bytes))
  if (typeof value !== 'object' || value === null) throw new UnseenError(`${url} is no object`)
  return value
}

async function read(eyes: Eyes, url: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readOrNone(eyes, url, maxBytes)
  if (bytes === null) throw new UnseenError(`there is nothing at ${url}`)
  return bytes
}

async function readOrNone({ fetch, timeoutMs }: Eyes, url: string, maxBytes: number): Promise<Uint8Array | null> {
  try {
    const signal = () => AbortSignal.timeout(timeoutMs)
    return Uint8Array.from(await httpGet({ fetch, signal, allowHttpLoopback: true }, url, maxBytes))
  } catch (cause) {
    if (cause instanceof SourceError && cause.kind === 'missing') return null
    if (!(cause instanceof SourceError)) throw cause
    throw new UnseenError(`${url} cannot be read: ${cause.detail}`, { cause })
  }
}
