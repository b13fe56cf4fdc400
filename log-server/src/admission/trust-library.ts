/** Trust files by their digest, parsed once: what a digest stands for never changes. */
import { type Hasher, parseTrust, TrustError } from '@samebits/core'
import { type TrustRules, trustRules } from './trust-rules.ts'

/** What the bytes of a trust file turned out to be. */
export type TrustBody =
  | { readonly kind: 'rules'; readonly rules: TrustRules }
  /** A file for newer programs: it ends the reach of the version before it. */
  | { readonly kind: 'unknown-format' }
  | { readonly kind: 'invalid'; readonly detail: string }

/** More than one step in force for each of a thousand products; the oldest goes first. */
const MAX_KEPT = 2_048

export class TrustLibrary {
  readonly #hasher: Hasher
  readonly #origin: string
  readonly #bodies = new Map<string, TrustBody>()

  /** `origin` is the name of this log. */
  constructor(hasher: Hasher, origin: string) {
    this.#hasher = hasher
    this.#origin = origin
  }

  /** The trust file with this digest, read with `load` where it is not known; null where it is not stored. */
  async get(sha256: string, load: (sha256: string) => Promise<Uint8Array | null>): Promise<TrustBody | null> {
    const known = this.#bodies.get(sha256)
    if (known !== undefined) return known
    const bytes = await load(sha256)
    if (bytes === null) return null
    const body = this.#parse(bytes)
    const [oldest] = this.#bodies.keys()
    if (oldest !== undefined && this.#bodies.size >= MAX_KEPT) this.#bodies.delete(oldest)
    this.#bodies.set(sha256, body)
    return body
  }

  #parse(bytes: Uint8Array): TrustBody {
    try {
      return { kind: 'rules', rules: trustRules(this.#hasher, parseTrust(this.#hasher, bytes), this.#origin) }
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      return error.fault === 'unknown-format' ? { kind: 'unknown-format' } : { kind: 'invalid', detail: error.detail }
    }
  }
}
