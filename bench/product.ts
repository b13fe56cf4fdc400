/** Products of one publisher for benchmarks: their trust files, and their releases as signed leaves. */
import { createHash } from 'node:crypto'
import {
  entryMessage,
  formatEntry,
  formatSpkiDer,
  formatSpkiPem,
  formatStatement,
  type ReleaseStatement,
  statementId,
  toHex,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey } from '@samebits/core/node'

const [publisher, authority] = [generateSigningKey('ed25519'), generateSigningKey('ed25519')]
const hint = toHex(nodeCrypto.sha256(formatSpkiDer(publisher)))

export interface SignedRelease {
  readonly id: string
  readonly sequence: number
  readonly leaf: Uint8Array
}

/** The first `releases` releases of a product. */
export function chain(product: string, releases: number): SignedRelease[] {
  const signed: SignedRelease[] = []
  for (let sequence = 1; sequence <= releases; sequence++)
    signed.push(next(product, sequence, signed.at(-1)?.id ?? null))
  return signed
}

function next(product: string, sequence: number, previous: string | null): SignedRelease {
  const sha256 = createHash('sha256').update(`${product} ${sequence}`).digest('hex')
  const statement: ReleaseStatement = {
    ...{ kind: 'release', product, channel: 'stable', version: `1.0.${sequence}`, sequence, previous },
    artifacts: [{ name: 'app', platform: 'any', size: 1_000_000, mediaType: 'application/octet-stream', sha256 }],
    builds: [],
  }
  const payload = formatStatement(statement)
  const signature = publisher.sign(entryMessage(payload))
  const leaf = formatEntry(nodeCrypto, { payload, signer: { kind: 'key', hint }, signature })
  return { id: statementId(nodeCrypto, payload), sequence, leaf }
}

/** A trust file that asks for no witnesses and no rebuilders. */
export function trustFile(product: string, vkey: string, url: string, history: object = { mode: 'complete' }): string {
  const member = (id: string, key: SigningKey) => ({ threshold: 1, members: [{ id, publicKey: formatSpkiPem(key) }] })
  return JSON.stringify({
    ...{ format: 1, version: 1, product, channels: ['stable'], unwitnessed: true },
    tlogPolicy: `log ${vkey} ${url}\nquorum none\n`,
    authority: member('authority', authority),
    publishers: member('publisher', publisher),
    rebuilders: { threshold: 0, members: [], onMismatch: 'refuse' },
    freshness: { clockSkew: '5m' },
    history,
    heads: {},
  })
}
