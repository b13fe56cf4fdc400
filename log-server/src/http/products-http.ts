/**
 * The product index over HTTP (docs/formats.md §4, "Convenience"). Clients verify what they read here against the log.
 *
 *     GET /v1/products[?after=<product>]                products, 256 at a time
 *     GET /v1/products/<product>                        heads, open proposals, what waits for co-signatures
 *     GET /v1/products/<product>/statements/<id>        one statement, with its entries in base64
 *     GET /v1/lookup?sha256=<digest>                    statements that name a digest, or an id
 *     GET /v1/trust/<product>/<version>                 update bundle of one trust step
 *     GET /v1/feed/<product>/<channel>[?from=N]         update bundle of the newest release that may be offered
 *
 * A product is one percent-encoded segment. The feed also answers under `<channel>.samebits.json`, so that
 * `…/v1/feed/<product>` is the base URL of a feed.
 */
import {
  type Crypto,
  type IdentityVerifier,
  isDigest,
  isProduct,
  mediaTypes,
  parseDecimal,
  toBase64,
} from '@samebits/core'
import type { Request, Response, Router } from 'express'
import type { TrustLibrary } from '../admission/trust-library.ts'
import type { LogView } from '../log-view.ts'
import { Feeds, feedBundle } from '../products/feed.ts'
import { productPage, statementPage, statementPages } from '../products/pages.ts'
import { MAX_ROWS, type ProductReader } from '../products/product-reader.ts'
import { sendJson } from './api-http.ts'
import { notFound, type Problem, ProblemError } from './problem.ts'

export interface ProductsParts {
  readonly log: LogView
  readonly reader: ProductReader
  readonly library: TrustLibrary
  readonly crypto: Crypto
  readonly identities?: IdentityVerifier | undefined
}

/** Sizes that one request for a feed may name. */
const MAX_FROM = 16
const bundleSuffix = '.samebits.json'

const parameter = (detail: string): Problem => ({ status: 400, code: 'parameter', detail })

export function mountProducts(router: Router, parts: ProductsParts): void {
  const { log, reader } = parts
  const feeds = new Feeds(parts)
  router.get('/products', async (req, res) => {
    const after = textOf(req, 'after') ?? ''
    const rows = await reader.products(after)
    const more = rows.length === MAX_ROWS ? { after: rows.at(-1)?.product } : {}
    const products = rows.map(({ product, version, sha256 }) => ({ product, trust: { version, sha256 } }))
    sendJson(res, { products, ...more })
  })
  router.get('/products/:product', async (req, res) => {
    const row = await reader.product(productOf(req))
    if (row === null) throw new ProblemError(notFound)
    sendJson(res, await productPage(reader, row, log.published()))
  })
  router.get('/products/:product/statements/:id', async (req, res) => {
    sendJson(res, await statementWithEntries(parts, productOf(req), digestOf(req.params.id, 'id')))
  })
  router.get('/lookup', async (req, res) => {
    const sha256 = digestOf(textOf(req, 'sha256'), 'sha256')
    const rows = await reader.naming(sha256, MAX_ROWS)
    sendJson(res, { sha256, statements: statementPages(rows, log.published()), limit: MAX_ROWS })
  })
  router.get('/trust/:product/:version', async (req, res) => {
    const version = decimalOf(req.params.version, 'version')
    sendBundle(res, await reader.trustBundle(productOf(req), version), 'public, max-age=31536000, immutable')
  })
  router.get('/feed/:product/:channel', async (req, res) => {
    const { channel } = req.params
    const name = channel.endsWith(bundleSuffix) ? channel.slice(0, -bundleSuffix.length) : channel
    const product = productOf(req)
    const sizes = sizesOf(req)
    const bundle = sizes.length === 0 ? feeds.bundle(product, name) : feedBundle(parts, product, name, sizes)
    sendBundle(res, await bundle, 'public, max-age=2')
  })
}

async function statementWithEntries({ log, reader }: ProductsParts, product: string, id: string): Promise<object> {
  const row = await reader.statement(id)
  if (row === null || row.product !== product) throw new ProblemError(notFound)
  const page = statementPage(row, log.published())
  if (page.entries.length === 0) throw new ProblemError(notFound)
  const entries = await Promise.all(
    page.entries.map(async (entry) => ({ ...entry, entry: toBase64(await log.entry(entry.index)) })),
  )
  return { ...page, entries, files: await reader.files(id) }
}

function sendBundle(res: Response, bundle: Uint8Array | null, cacheControl: string): void {
  if (bundle === null) throw new ProblemError(notFound)
  res.setHeader('Content-Type', mediaTypes.updateBundle)
  res.setHeader('Cache-Control', cacheControl)
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.end(bundle)
}

function productOf(req: Request<{ product: string }>): string {
  const { product } = req.params
  if (!isProduct(product)) throw new ProblemError(parameter('the product is a product name, percent-encoded'))
  return product
}

function textOf(req: { readonly query: Request['query'] }, name: string): string | undefined {
  const value = req.query[name]
  if (value === undefined || typeof value === 'string') return value
  throw new ProblemError(parameter(`${name} occurs twice`))
}

function digestOf(value: string | undefined, name: string): string {
  if (value === undefined || !isDigest(value)) throw new ProblemError(parameter(`${name} is 64 lower-case hex digits`))
  return value
}

function decimalOf(value: unknown, name: string): number {
  try {
    if (typeof value === 'string') return parseDecimal(value)
  } catch {
    // answered below: the parser's error says no more
  }
  throw new ProblemError(parameter(`${name} is a decimal number`))
}

/** `?from=N`, once or more often. */
function sizesOf(req: { readonly query: Request['query'] }): readonly number[] {
  const { from = [] } = req.query
  const values = Array.isArray(from) ? from : [from]
  if (values.length > MAX_FROM) throw new ProblemError(parameter(`from occurs more than ${MAX_FROM} times`))
  return values.map((value) => decimalOf(value, 'from'))
}
