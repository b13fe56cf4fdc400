/** Entries signed with a certificate, made by `@sigstore/sign` with a certificate authority, a CT log and a timestamp authority of our own. */
import { type Entry, formatStatement, fromUtf8, parseEntry, StatementError, toBase64, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { sigstoreIdentities } from '@samebits/identity'
import { beforeAll, describe, expect, it } from 'vitest'
import { certifiedEntry, type SigstoreWorld, sigstoreWorld } from './support/sigstore-world.ts'

const HOUR_MS = 3_600_000
const identity = { issuer: 'https://issuer.example', san: 'https://ci.example/release' }
const waiver = (reason: string) =>
  formatStatement({ kind: 'waiver', product: 'example.com/notes', id: 'ab'.repeat(32), reason })
const payload = waiver('hotfix')

describe('an entry signed with a certificate', () => {
  let world: SigstoreWorld
  let other: SigstoreWorld
  let leaf: Uint8Array
  let entry: Entry
  beforeAll(async () => {
    ;[world, other] = [await sigstoreWorld(), await sigstoreWorld()]
    leaf = await certifiedEntry(world, payload, identity)
    entry = parseEntry(nodeCrypto, leaf)
  })
  const identify = (of: Entry, root = world.trustedRoot) => sigstoreIdentities().identify(of, root)
  const changed = (from: string, to: string) => parseEntry(nodeCrypto, utf8(fromUtf8(leaf).replace(from, to)))

  it('is a leaf as @sigstore/sign makes it', () => {
    expect(entry.signer).toMatchObject({ kind: 'certificate', timestamps: [expect.any(Uint8Array)] })
  })

  it('is by the identity of its certificate', () => {
    expect(identify(entry)).toEqual(identity)
  })

  it('is by nobody under the authorities of others', () => {
    expect(identify(entry, other.trustedRoot)).toBeNull()
  })

  it('is by nobody where only the timestamp authority is another', () => {
    const { timestampAuthorities } = other.trustedRoot
    expect(identify(entry, { ...world.trustedRoot, timestampAuthorities: timestampAuthorities ?? [] })).toBeNull()
  })

  it('is by nobody where its signature is of another payload', () => {
    expect(identify(changed(toBase64(payload), toBase64(waiver('hotfox'))))).toBeNull()
  })

  it("is by nobody with another entry's timestamp", async () => {
    const again = parseEntry(nodeCrypto, await certifiedEntry(world, payload, identity))
    if (entry.signer.kind !== 'certificate' || again.signer.kind !== 'certificate') throw new Error('not certificates')
    const [mine, theirs] = [entry.signer.timestamps[0], again.signer.timestamps[0]].map((stamp) =>
      Buffer.from(stamp ?? []).toString('base64'),
    )
    expect(identify(changed(mine ?? '', theirs ?? ''))).toBeNull()
  })

  it('is by nobody where its certificate or timestamp is no DER', () => {
    if (entry.signer.kind !== 'certificate') throw new Error('not a certificate')
    const certificate = Buffer.from(entry.signer.certificate).toString('base64')
    const stamp = Buffer.from(entry.signer.timestamps[0] ?? []).toString('base64')
    expect(identify(changed(certificate, 'AAAA'))).toBeNull()
    expect(identify(changed(stamp, 'AAAA'))).toBeNull()
  })

  it('is by nobody after its certificate has expired', async () => {
    const late = await sigstoreWorld(HOUR_MS)
    expect(identify(parseEntry(nodeCrypto, await certifiedEntry(late, payload, identity)), late.trustedRoot)).toBeNull()
  })

  it('is none without a timestamp', async () => {
    const unstamped = await certifiedEntry(world, payload, identity, null)
    expect(() => parseEntry(nodeCrypto, unstamped)).toThrow(StatementError)
  })
})
