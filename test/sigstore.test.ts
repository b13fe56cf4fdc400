/**
 * Entries are Sigstore bundles: what `@sigstore/sign` makes is what core reads, and `@sigstore/verify` holds core's signature checks
 * to account, on good bundles and broken ones (docs/formats.md §1).
 */
import { createPublicKey, sign as nodeSign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  canonicalJson,
  type Entry,
  formatSpkiPem,
  formatStatement,
  fromUtf8,
  type KeyAlgorithm,
  keyHint,
  mediaTypes,
  parseEntry,
  parseSpkiPem,
  type ReleaseStatement,
  StatementError,
  utf8,
  type VerificationKey,
  verifyEntryWithKey,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey, signingKeyToPem } from '@samebits/core/node'
import { portableCrypto } from '@samebits/core/portable'
import { bundleFromJSON, bundleToJSON } from '@sigstore/bundle'
import { DSSEBundleBuilder, type Signer } from '@sigstore/sign'
import { toSignedEntity, Verifier } from '@sigstore/verify'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const digest = 'ab'.repeat(32)
const statement: ReleaseStatement = {
  kind: 'release',
  product: 'example.com/notes',
  channel: 'stable',
  version: '1.0.0',
  sequence: 1,
  previous: null,
  artifacts: [{ name: 'notes.tar.gz', platform: 'any', size: 5, mediaType: 'application/gzip', sha256: digest }],
  builds: [],
}
const payload = formatStatement(statement)

async function sigstoreLeaf(key: SigningKey, sign: SigningKey['sign'] = key.sign): Promise<Uint8Array> {
  const hint = keyHint(nodeCrypto, key)
  const signer: Signer = {
    sign: async (message) => ({
      signature: Buffer.from(sign(message)),
      key: { $case: 'publicKey', publicKey: formatSpkiPem(key), hint },
    }),
  }
  const builder = new DSSEBundleBuilder({ signer, witnesses: [] })
  const bundle = await builder.create({ data: Buffer.from(payload), type: mediaTypes.statement })
  return canonicalJson(bundleToJSON(bundle))
}

/** Whether `@sigstore/verify` accepts a leaf under a key that it knows by its hint. */
function sigstoreAccepts(leaf: Uint8Array, key: VerificationKey): boolean {
  const hint = keyHint(nodeCrypto, key)
  const verifier = new Verifier(
    {
      certificateAuthorities: [],
      timestampAuthorities: [],
      tlogs: [],
      ctlogs: [],
      publicKey: (asked) => {
        if (asked !== hint) throw new Error('unknown key')
        return { publicKey: createPublicKey(formatSpkiPem(key)), validFor: () => true }
      },
    },
    { tlogThreshold: 0, timestampThreshold: 0, ctlogThreshold: 0 },
  )
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(fromUtf8(leaf)))))
    return true
  } catch {
    return false
  }
}

/** `@sigstore/verify` 4.1 checks every ECDSA signature over SHA-256; core, as Sigstore's registry of algorithms says, P-384 over SHA-384. */
const agreed: readonly KeyAlgorithm[] = ['ed25519', 'ecdsa-p256']

describe.each([...agreed, 'ecdsa-p384'] as const)('a bundle that @sigstore/sign made with %s', (algorithm) => {
  const key = generateSigningKey(algorithm)

  it('is a leaf, as it is', async () => {
    const entry = parseEntry(nodeCrypto, await sigstoreLeaf(key))
    expect(entry.statement).toEqual(statement)
    expect(entry.signer).toEqual({ kind: 'key', hint: keyHint(nodeCrypto, key) })
    expect(verifyEntryWithKey(nodeCrypto, entry, key)).toBe(true)
    expect(verifyEntryWithKey(portableCrypto, entry, key)).toBe(true)
  })
})

/** A signature for a key, and what both must say of it. */
const variants: readonly (readonly [
  desc: string,
  holds: boolean,
  sign: (key: SigningKey, message: Uint8Array) => Uint8Array,
])[] = [
  ['a good signature', true, (key, message) => key.sign(message)],
  [
    'a bit flipped in the middle',
    false,
    (key, message) => key.sign(message).map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
  ],
  [
    'the last bit flipped',
    false,
    (key, message) => key.sign(message).map((byte, at, all) => (at === all.length - 1 ? byte ^ 1 : byte)),
  ],
  ['a byte cut off', false, (key, message) => key.sign(message).subarray(0, -1)],
  ['a byte appended', false, (key, message) => Uint8Array.from([...key.sign(message), 0])],
  ['zeros', false, () => new Uint8Array(64)],
  ['an empty DER sequence', false, () => Uint8Array.of(0x30, 0)],
  ['DER of r = 0, s = 0', false, () => Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0)],
  ['another key of the same kind', false, (key, message) => generateSigningKey(key.algorithm).sign(message)],
  ['the payload without its envelope', false, (key) => key.sign(payload)],
  ['another payload', false, (key) => key.sign(utf8('DSSEv1 28 application/vnd.in-toto+json 2 {}'))],
]

describe.each(agreed)('@sigstore/verify and core agree on %s', (algorithm) => {
  const key = generateSigningKey(algorithm)

  it.each(variants)('%s', async (_, holds, sign) => {
    const leaf = await sigstoreLeaf(key, (message) => sign(key, message))
    const entry = parseEntry(nodeCrypto, leaf)
    expect({
      sigstore: sigstoreAccepts(leaf, key),
      node: verifyEntryWithKey(nodeCrypto, entry, key),
      portable: verifyEntryWithKey(portableCrypto, entry, key),
    }).toEqual({ sigstore: holds, node: holds, portable: holds })
  })

  it('wherever one bit of the leaf is flipped: never accepted by core and refused by sigstore', async () => {
    const leaf = await sigstoreLeaf(key)
    fc.assert(
      fc.property(fc.nat(leaf.length - 1), fc.nat(7), (at, bit) => {
        const flipped = leaf.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte))
        const entry = readable(flipped)
        if (entry === null) return
        expect(verifyEntryWithKey(nodeCrypto, entry, key)).toBe(sigstoreAccepts(flipped, key))
      }),
      { numRuns: 300 },
    )
  })
})

function readable(leaf: Uint8Array): Entry | null {
  try {
    return parseEntry(nodeCrypto, leaf)
  } catch (error) {
    if (error instanceof StatementError) return null
    throw error
  }
}

describe('P-384, where they differ', () => {
  const key = generateSigningKey('ecdsa-p384')
  const overSha256 = (message: Uint8Array) => Uint8Array.from(nodeSign('sha256', message, signingKeyToPem(key)))

  it('core takes SHA-384 and @sigstore/verify does not', async () => {
    const leaf = await sigstoreLeaf(key)
    expect(verifyEntryWithKey(nodeCrypto, parseEntry(nodeCrypto, leaf), key)).toBe(true)
    expect(sigstoreAccepts(leaf, key)).toBe(false)
  })

  it('@sigstore/verify takes SHA-256 and core does not', async () => {
    const leaf = await sigstoreLeaf(key, overSha256)
    expect(sigstoreAccepts(leaf, key)).toBe(true)
    expect(verifyEntryWithKey(nodeCrypto, parseEntry(nodeCrypto, leaf), key)).toBe(false)
    expect(verifyEntryWithKey(portableCrypto, parseEntry(nodeCrypto, leaf), key)).toBe(false)
  })

  it.each(variants.slice(1))('%s is refused by both', async (_, __, sign) => {
    const leaf = await sigstoreLeaf(key, (message) => sign(key, message))
    expect(sigstoreAccepts(leaf, key)).toBe(false)
    expect(verifyEntryWithKey(nodeCrypto, parseEntry(nodeCrypto, leaf), key)).toBe(false)
  })
})

describe('on the vectors', () => {
  const { cases, keys } = JSON.parse(readFileSync(new URL('vectors/entry.json', import.meta.url), 'utf8')) as {
    cases: readonly { desc: string; leaf: string; error?: string; signer?: { kind: string } }[]
    keys: Readonly<Record<string, string>>
  }
  const pairs = Object.entries(keys).map(([name, pem]) => ({ name, key: parseSpkiPem(pem).key }))
  const judged = pairs.filter(({ key }) => agreed.includes(key.algorithm))

  it.each(cases.filter(({ error, signer }) => error === undefined && signer?.kind === 'key'))('$desc', ({ leaf }) => {
    const entry = parseEntry(nodeCrypto, utf8(leaf))
    for (const { name, key } of judged) {
      expect({ name, accepts: sigstoreAccepts(entry.leaf, key) }).toEqual({
        name,
        accepts: verifyEntryWithKey(nodeCrypto, entry, key),
      })
    }
  })
})
