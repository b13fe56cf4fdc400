import { canonicalJson, toBase64 } from '@samebits/core'
import { generateSigningKey } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AdmissionConfig } from './admission-file.ts'
import { MAX_OPEN_BLOBS, MAX_UNMET } from './refusals.ts'
import {
  artifactDigest,
  configOf,
  hintOf,
  member,
  origin,
  payloadOf,
  product,
  release,
  revocation,
  sha256,
  sign,
  TestLog,
  type TestTrust,
  trustFile,
  trustStatement,
  vote,
  waiver,
} from './testing.ts'

const [alice, bob, carol] = [member('alice'), member('bob'), member('carol')]
const [root, spare] = [member('root'), member('spare')]
const [rita, ron] = [member('rita'), member('ron')]
const ecdsa = member('ecdsa', { key: generateSigningKey('ecdsa-p256') })
const stranger = member('stranger')

/** One publisher is enough, one authority, one rebuilder. */
const single: TestTrust = {
  authority: [root],
  publishers: [alice, ecdsa],
  rebuilders: [rita, ron],
  thresholds: [1, 1, 1],
}
/** Two of three publishers and two authorities must agree. */
const double: TestTrust = {
  ...single,
  authority: [root, spare],
  publishers: [alice, bob, carol],
  thresholds: [2, 2, 1],
}

const open: TestLog[] = []
async function logOf(config: AdmissionConfig): Promise<TestLog> {
  const log = await TestLog.open(config)
  open.push(log)
  return log
}
afterEach(async () => {
  for (const log of open.splice(0)) {
    expect(log.faults).toEqual([])
    await log.close()
  }
})

const dependencies = Buffer.from('[]')
const deps = sha256(dependencies)

describe('one publisher is enough', () => {
  let log: TestLog
  const first = release(1, null)
  const second = release(2, first.id)
  beforeEach(async () => {
    log = await logOf(configOf(trustFile(single)))
  })

  test('a chain is admitted in order, and the head follows', async () => {
    expect(await log.tell(sign(first, alice.key))).toBe(0)
    expect(await log.head()).toEqual({ sequence: 1, id: first.id })
    expect(await log.tell(sign(second, alice.key))).toBe(1)
    expect(await log.head()).toEqual({ sequence: 2, id: second.id })
  })

  test('the same bytes again get the same index, old or new', async () => {
    const leaf = sign(first, alice.key)
    await log.tell(leaf)
    await log.tell(sign(second, alice.key))
    expect(await log.add(leaf)).toEqual({ kind: 'sequenced', index: 0, duplicate: true })
  })

  test('repeats at the same moment are one entry', async () => {
    const leaf = sign(first, alice.key)
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => log.tell(leaf)))
    expect(new Set(outcomes)).toEqual(new Set([0]))
    expect((await log.store.head())?.size).toBe(1)
  })

  test('the same statement and signer in other bytes is refused with the index', async () => {
    expect(await log.tell(sign(first, ecdsa.key))).toBe(0)
    const again = await log.add(sign(first, ecdsa.key))
    expect(again).toMatchObject({ kind: 'refuse', status: 409, code: 'already-logged', extra: { index: 0 } })
  })

  test('other bytes at the same moment: one is logged, the others get its index', async () => {
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => log.add(sign(first, ecdsa.key))))
    expect(outcomes.filter(({ kind }) => kind === 'sequenced')).toHaveLength(1)
    for (const outcome of outcomes.filter(({ kind }) => kind === 'refuse'))
      expect(outcome).toMatchObject({ code: 'already-logged', extra: { index: 0 } })
  })

  test('the head may be signed by others too, a loser may not', async () => {
    const rival = release(1, null, { build: 'rival' })
    await log.tell(sign(first, alice.key))
    expect(await log.tell(sign(first, ecdsa.key))).toBe(1)
    expect(await log.tell(sign(rival, ecdsa.key))).toBe('not-on-head')
  })

  test('of rivals that come at the same moment one is admitted', async () => {
    const rivals = Array.from({ length: 8 }, (_, at) => release(1, null, { build: `r${at}` }))
    const outcomes = await Promise.all(rivals.map((rival) => log.tell(sign(rival, alice.key))))
    expect(outcomes.filter((outcome) => outcome === 0)).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'not-on-head')).toHaveLength(7)
  })

  test.each([
    ['a skipped sequence', () => release(3, first.id)],
    ['the largest sequence', () => release(Number.MAX_SAFE_INTEGER, first.id)],
    ['another previous', () => release(2, 'ab'.repeat(32))],
    ['no previous', () => release(2, null)],
    ['a second beginning', () => release(1, null, { build: 'x' })],
    ['a beginning with a previous', () => release(1, first.id)],
    ['another channel that does not begin at 1', () => release(2, first.id, { channel: 'beta' })],
  ])('%s is refused with the head', async (_what, statement) => {
    await log.tell(sign(first, alice.key))
    const channel = 'channel' in statement().statement ? statement().statement : null
    const head = channel && 'channel' in channel && channel.channel === 'beta' ? null : { sequence: 1, id: first.id }
    expect(await log.add(sign(statement(), alice.key))).toMatchObject({
      kind: 'refuse',
      status: 409,
      code: 'not-on-head',
      extra: { head },
    })
    expect((await log.store.head())?.size).toBe(1)
  })

  test.each<[string, () => Uint8Array, number, string]>([
    ['a stranger', () => sign(first, stranger.key), 403, 'key-not-admitted'],
    ['an authority', () => sign(first, root.key), 403, 'key-not-admitted'],
    ['a rebuilder', () => sign(first, rita.key), 403, 'key-not-admitted'],
    [
      'a product that is not taken',
      () => sign(release(1, null, { product: 'example.com/other' }), alice.key),
      403,
      'product-not-admitted',
    ],
    [
      'a channel that is not listed',
      () => sign(release(1, null, { channel: 'nightly' }), alice.key),
      403,
      'channel-not-admitted',
    ],
    ['a waiver by a publisher', () => sign(waiver(first.id), alice.key), 403, 'key-not-admitted'],
    ['a waiver for nothing', () => sign(waiver(first.id), root.key), 409, 'names-nothing-logged'],
    ['a revocation before its release', () => sign(revocation([first.id]), alice.key), 409, 'names-nothing-logged'],
    ['a revocation by a rebuilder', () => sign(revocation([first.id]), rita.key), 403, 'key-not-admitted'],
    ['a vote by a publisher', () => sign(vote(artifactDigest(1), deps), alice.key), 403, 'key-not-admitted'],
    ['a vote for nothing', () => sign(vote(artifactDigest(1), deps), rita.key), 409, 'names-nothing-logged'],
    [
      'a vote about a release that is not logged',
      () => sign(vote('ab'.repeat(32), deps, { release: first.id }), rita.key),
      409,
      'names-nothing-logged',
    ],
    ['a flipped bit', () => flipped(sign(first, alice.key)), 403, 'signature-invalid'],
    ['a signature of another payload', () => grafted(), 403, 'signature-invalid'],
    ['white space', () => Buffer.concat([sign(first, alice.key), Buffer.from('\n')]), 400, 'entry-malformed'],
    ['an empty body', () => Buffer.from(''), 400, 'entry-malformed'],
    ['HTML', () => Buffer.from('<html>'), 400, 'entry-malformed'],
    ['JSON that is no bundle', () => Buffer.from('{}'), 400, 'entry-malformed'],
    ['an unknown member', () => edited(sign(first, alice.key), { extra: 1 }), 400, 'entry-malformed'],
    ['invalid UTF-8', () => Buffer.from([0x7b, 0xff, 0x7d]), 400, 'entry-malformed'],
    ['too many bytes', () => Buffer.alloc(65_536, 0x20), 413, 'entry-too-large'],
  ])('%s is refused', async (_what, leaf, status, code) => {
    await log.put(dependencies)
    expect(await log.add(leaf())).toMatchObject({ kind: 'refuse', status, code })
    expect((await log.store.head())?.size).toBe(0)
  })

  function flipped(leaf: Uint8Array): Uint8Array {
    const value = JSON.parse(Buffer.from(leaf).toString())
    const sig = Buffer.from(value.dsseEnvelope.signatures[0].sig, 'base64')
    sig[10] = (sig[10] ?? 0) ^ 1
    value.dsseEnvelope.signatures[0].sig = toBase64(sig)
    return canonicalJson(value)
  }

  function grafted(): Uint8Array {
    const value = JSON.parse(Buffer.from(sign(first, alice.key)).toString())
    value.dsseEnvelope.payload = toBase64(second.payload)
    return canonicalJson(value)
  }

  function edited(leaf: Uint8Array, more: object): Uint8Array {
    return canonicalJson({ ...JSON.parse(Buffer.from(leaf).toString()), ...more })
  }

  test('everything else is about what is logged', async () => {
    await log.put(dependencies)
    await log.tell(sign(first, alice.key))
    expect(await log.tell(sign(vote(artifactDigest(1), deps), rita.key))).toBe(1)
    expect(await log.tell(sign(vote('ab'.repeat(32), deps, { release: first.id }), ron.key))).toBe(2)
    expect(await log.tell(sign(waiver(first.id), root.key))).toBe(3)
    expect(await log.tell(sign(revocation([first.id]), alice.key))).toBe(4)
    expect(await log.tell(sign(revocation([first.id], 'again'), root.key))).toBe(5)
  })

  test('a vote may name what was logged in the same batch', async () => {
    await log.put(dependencies)
    const outcomes = await log.tellTogether([
      sign(first, alice.key),
      sign(vote(artifactDigest(1), deps), rita.key),
      sign(vote('ab'.repeat(32), deps, { release: first.id }), ron.key),
    ])
    expect(outcomes).toEqual([0, 1, 2])
  })

  test.each([
    ['another file name', () => vote('ab'.repeat(32), deps, { release: first.id, name: 'other.tar.gz' })],
    ['a digest of another product alone', () => vote('ab'.repeat(32), deps)],
    ['an id that is a vote', () => vote('ab'.repeat(32), deps, { release: vote(artifactDigest(1), deps).id })],
  ])('a vote about %s is refused', async (_what, statement) => {
    await log.put(dependencies)
    await log.tell(sign(first, alice.key))
    await log.tell(sign(vote(artifactDigest(1), deps), rita.key))
    expect(await log.tell(sign(statement(), ron.key))).toBe('names-nothing-logged')
  })

  test('a vote waits for its dependency list, whose upload it opens for an hour', async () => {
    await log.tell(sign(first, alice.key))
    const leaf = sign(vote(artifactDigest(1), deps), rita.key)
    expect(await log.add(leaf)).toMatchObject({ status: 409, code: 'blob-missing', extra: { sha256: [deps] } })
    const { committed } = log.store.tables
    expect(await committed.isOpen(deps, log.now + 3599)).toBe(true)
    expect(await committed.isOpen(deps, log.now + 3600)).toBe(false)
    await log.put(dependencies)
    expect(await log.tell(leaf)).toBe(1)
    expect(await committed.isOpen(deps, log.now)).toBe(false)
  })

  test.each([
    ['by another key', () => sign(vote(artifactDigest(1), deps), alice.key), 'key-not-admitted'],
    ['about nothing', () => sign(vote(artifactDigest(2), deps), rita.key), 'names-nothing-logged'],
  ])('an entry %s opens no upload', async (_what, leaf, code) => {
    await log.tell(sign(first, alice.key))
    expect(await log.tell(leaf())).toBe(code)
    expect(await log.store.tables.committed.isOpen(deps, log.now)).toBe(false)
  })

  test('a key opens only so many uploads', async () => {
    await log.tell(sign(first, alice.key))
    const missing = (at: number) => sign(vote(artifactDigest(1), sha256(Buffer.from(`${at}`))), rita.key)
    for (let at = 0; at < MAX_OPEN_BLOBS; at++) expect(await log.tell(missing(at))).toBe('blob-missing')
    expect(await log.tell(missing(MAX_OPEN_BLOBS))).toBe('too-many-open-blobs')
    expect(await log.tell(missing(3))).toBe('blob-missing')
    log.now += 3600
    expect(await log.tell(missing(MAX_OPEN_BLOBS))).toBe('blob-missing')
  })

  test('uploads that no entry names are forgotten, others kept', async () => {
    await log.put(dependencies)
    await log.put(Buffer.from('junk'))
    await log.tell(sign(first, alice.key))
    await log.tell(sign(vote(artifactDigest(1), deps), rita.key))
    await log.store.update((tables) => tables.sweepBlobs(log.now + 1))
    expect(await log.store.tables.committed.blobSize(deps)).toBe(2)
    expect(await log.store.tables.committed.blobSize(sha256(Buffer.from('junk')))).toBeNull()
  })
})

describe('two publishers must agree', () => {
  let log: TestLog
  const first = release(1, null)
  const rival = release(1, null, { build: 'rival' })
  beforeEach(async () => {
    log = await logOf(configOf(trustFile(double)))
  })

  test('rivals stand side by side, the first to be met is the head, the loser is closed', async () => {
    expect(await log.tell(sign(rival, alice.key))).toBe(0)
    expect(await log.tell(sign(first, bob.key))).toBe(1)
    expect(await log.head()).toBeNull()
    expect(await log.tell(sign(first, alice.key))).toBe(2)
    expect(await log.head()).toEqual({ sequence: 1, id: first.id })
    expect(await log.tell(sign(rival, bob.key))).toBe('not-on-head')
    expect(await log.tell(sign(first, carol.key))).toBe(3)
  })

  test('one stolen key below the threshold squats no sequence', async () => {
    for (let at = 0; at < 5; at++) await log.tell(sign(release(1, null, { build: `squat${at}` }), carol.key))
    expect(await log.tell(sign(first, alice.key))).toBe(5)
    expect(await log.tell(sign(first, bob.key))).toBe(6)
    expect(await log.tell(sign(release(2, first.id), carol.key))).toBe(7)
  })

  test('nobody continues an open proposal', async () => {
    await log.tell(sign(first, alice.key))
    expect(await log.add(sign(release(2, first.id), alice.key))).toMatchObject({
      code: 'not-on-head',
      extra: { head: null },
    })
  })

  test('one operator with two keys is one', async () => {
    const twin = member('alice-2', { operator: 'alice' })
    const twins = await logOf(configOf(trustFile({ ...double, publishers: [alice, twin, bob] })))
    await twins.tell(sign(first, alice.key))
    await twins.tell(sign(first, twin.key))
    expect(await twins.head()).toBeNull()
    await twins.tell(sign(first, bob.key))
    expect(await twins.head()).toEqual({ sequence: 1, id: first.id })
  })

  test('a key is held to its unmet statements, until one is met', async () => {
    const junk = Array.from({ length: MAX_UNMET + 1 }, (_, at) => release(1, null, { build: `flood${at}` }))
    const outcomes = await log.tellTogether(junk.map((statement) => sign(statement, carol.key)))
    expect(outcomes.slice(0, MAX_UNMET)).toEqual(junk.slice(0, MAX_UNMET).map((_, at) => at))
    expect(await log.add(sign(junk[MAX_UNMET] as (typeof junk)[0], carol.key))).toMatchObject({
      status: 429,
      code: 'too-many-unmet',
    })
    expect(await log.tell(sign(junk[0] as (typeof junk)[0], alice.key))).toBe(MAX_UNMET)
    expect(await log.tell(sign(release(2, junk[0]?.id ?? ''), carol.key))).toBe(MAX_UNMET + 1)
  })

  test('a flooding key may still meet what others proposed', async () => {
    for (let at = 0; at < MAX_UNMET; at++) await log.tell(sign(release(1, null, { build: `flood${at}` }), carol.key))
    expect(await log.tell(sign(first, alice.key))).toBe(MAX_UNMET)
    expect(await log.tell(sign(first, carol.key))).toBe(MAX_UNMET + 1)
    expect(await log.head()).toEqual({ sequence: 1, id: first.id })
  })

  test('revocations count like other statements', async () => {
    await log.tell(sign(first, alice.key))
    for (let at = 0; at < MAX_UNMET; at++)
      expect(await log.tell(sign(revocation([first.id], `r${at}`), carol.key))).toBe(at + 1)
    expect(await log.tell(sign(revocation([first.id], 'last'), carol.key))).toBe('too-many-unmet')
    expect(await log.tell(sign(revocation([first.id], 'r0'), bob.key))).toBe(MAX_UNMET + 1)
    expect((await log.store.tables.committed.statement(revocation([first.id], 'r0').id))?.metAt).toBe(MAX_UNMET + 1)
  })
})

describe('keys that are valid for a stretch of the log', () => {
  test('before `from` and from `until` on they are refused', async () => {
    const late = member('late', { from: 1 })
    const early = member('early', { until: 2 })
    const log = await logOf(configOf(trustFile({ ...single, publishers: [late, early] })))
    const [one, two, three] = [
      release(1, null),
      release(2, release(1, null).id),
      release(3, release(2, release(1, null).id).id),
    ]
    expect(await log.tell(sign(one, late.key))).toBe('key-not-admitted')
    expect(await log.tell(sign(one, early.key))).toBe(0)
    expect(await log.tell(sign(two, late.key))).toBe(1)
    expect(await log.tell(sign(three, early.key))).toBe('key-not-admitted')
    expect(await log.tell(sign(three, late.key))).toBe(2)
  })
})

describe('heads that the trust file names', () => {
  test('count as met, and the chain continues on them', async () => {
    const seventh = release(7, 'ab'.repeat(32))
    const log = await logOf(configOf(trustFile({ ...double, heads: { stable: { sequence: 7, id: seventh.id } } })))
    expect(await log.head()).toEqual({ sequence: 7, id: seventh.id })
    expect(await log.tell(sign(release(1, null), alice.key))).toBe('not-on-head')
    expect(await log.tell(sign(revocation([seventh.id]), alice.key))).toBe(0)
    expect(await log.tell(sign(seventh, alice.key))).toBe(1)
    const eighth = release(8, seventh.id)
    await log.tell(sign(eighth, alice.key))
    await log.tell(sign(eighth, bob.key))
    expect(await log.head()).toEqual({ sequence: 8, id: eighth.id })
  })
})

describe('trust statements', () => {
  const next = { ...double, version: 2, authority: [spare, member('third')], thresholds: [1, 1, 1] as const }
  const body = trustFile(next)
  const statement = trustStatement(2, body)
  let log: TestLog
  beforeEach(async () => {
    log = await logOf(configOf(trustFile(double)))
  })

  test('wait for their body', async () => {
    expect(await log.add(sign(statement, root.key))).toMatchObject({
      code: 'blob-missing',
      extra: { sha256: [sha256(body)] },
    })
    await log.put(body)
    expect(await log.tell(sign(statement, root.key))).toBe(0)
  })

  test('take effect at the entry that meets both authorities', async () => {
    await log.put(body)
    await log.tell(sign(release(1, null), alice.key))
    expect(await log.tell(sign(statement, root.key))).toBe(1)
    expect((await log.store.tables.committed.product(product))?.version).toBe(1)
    expect(await log.head()).toBeNull()
    expect(await log.tell(sign(statement, spare.key))).toBe(2)
    expect((await log.store.tables.committed.product(product))?.version).toBe(2)
    expect(await log.head()).toEqual({ sequence: 1, id: release(1, null).id })
  })

  test('take effect within a batch', async () => {
    await log.put(body)
    const first = release(1, null)
    const outcomes = await log.tellTogether([
      sign(statement, root.key),
      sign(first, alice.key),
      sign(statement, spare.key),
      sign(release(2, first.id), alice.key),
    ])
    expect(outcomes).toEqual([0, 1, 2, 3])
    expect(await log.head()).toEqual({ sequence: 2, id: release(2, first.id).id })
  })

  test('are admitted from the new authority alone, and met only with the old one', async () => {
    const fresh = member('fresh')
    const bytes = trustFile({ ...double, version: 2, authority: [fresh], thresholds: [1, 2, 1] })
    const handover = trustStatement(2, bytes)
    expect(await log.tell(sign(handover, fresh.key))).toBe('key-not-admitted')
    await log.put(bytes)
    expect(await log.tell(sign(handover, fresh.key))).toBe(0)
    expect(await log.tell(sign(handover, root.key))).toBe(1)
    expect((await log.store.tables.committed.product(product))?.version).toBe(1)
    expect(await log.tell(sign(handover, spare.key))).toBe(2)
    expect((await log.store.tables.committed.product(product))?.version).toBe(2)
    const third = trustFile({ ...double, version: 3, authority: [fresh], thresholds: [1, 2, 1] })
    await log.put(third)
    expect(await log.tell(sign(trustStatement(3, third), root.key))).toBe('key-not-admitted')
  })

  test('rivals are logged side by side; the first met wins and closes the other', async () => {
    const other = trustFile({ ...next, channels: ['stable'] })
    await log.put(body)
    await log.put(other)
    expect(await log.tell(sign(trustStatement(2, other), root.key))).toBe(0)
    expect(await log.tell(sign(statement, root.key))).toBe(1)
    expect(await log.tell(sign(statement, spare.key))).toBe(2)
    expect(await log.add(sign(trustStatement(2, other), spare.key))).toMatchObject({
      status: 409,
      code: 'not-next-trust',
      extra: { version: 2 },
    })
  })

  test('a statement in force may be co-signed', async () => {
    const third = member('third')
    const bytes = trustFile({ ...double, version: 2, authority: [root, spare, third] })
    await log.put(bytes)
    await log.tell(sign(trustStatement(2, bytes), root.key))
    await log.tell(sign(trustStatement(2, bytes), spare.key))
    expect(await log.tell(sign(trustStatement(2, bytes), third.key))).toBe(2)
  })

  test('a stolen key that ends before its releases loses them, and the head goes back', async () => {
    const lone = await logOf(configOf(trustFile(single)))
    const [one, two] = [release(1, null), release(2, release(1, null).id)]
    await lone.tell(sign(one, ecdsa.key))
    await lone.tell(sign(two, alice.key))
    const bytes = trustFile({ ...single, version: 2, publishers: [{ ...alice, until: 1 }, ecdsa] })
    await lone.put(bytes)
    expect(await lone.tell(sign(trustStatement(2, bytes), root.key))).toBe(2)
    expect(await lone.head()).toEqual({ sequence: 1, id: one.id })
    expect(await lone.tell(sign(release(2, one.id, { build: 'thief' }), alice.key))).toBe('key-not-admitted')
    const honest = release(2, one.id, { build: 'honest' })
    expect(await lone.tell(sign(honest, ecdsa.key))).toBe(3)
    expect(await lone.head()).toEqual({ sequence: 2, id: honest.id })
  })

  test('a chain that was lost comes back with the release under it', async () => {
    const lone = await logOf(configOf(trustFile(single)))
    const [one, two] = [release(1, null), release(2, release(1, null).id)]
    await lone.tell(sign(one, alice.key))
    await lone.tell(sign(two, ecdsa.key))
    const disowning = trustFile({ ...single, version: 2, publishers: [ecdsa] })
    await lone.put(disowning)
    await lone.tell(sign(trustStatement(2, disowning), root.key))
    expect(await lone.head()).toBeNull()
    await lone.tell(sign(one, ecdsa.key))
    expect(await lone.head()).toEqual({ sequence: 2, id: two.id })
  })

  test('what a new trust file disowns is not held against those who signed it', async () => {
    const first = release(1, null)
    await log.tell(sign(first, alice.key))
    await log.tell(sign(first, bob.key))
    const bytes = trustFile({
      ...double,
      version: 2,
      publishers: [alice, { ...bob, until: 1 }, carol],
      thresholds: [2, 2, 1],
    })
    const stricter = trustFile({ ...double, version: 3, publishers: [alice, bob, carol], thresholds: [2, 3, 1] })
    for (const [version, file] of [bytes, stricter].entries()) {
      await log.put(file)
      for (const { key } of [root, spare]) await log.tell(sign(trustStatement(version + 2, file), key))
      expect(await log.head()).toBeNull()
    }
    const counts = () =>
      log.store.update((tables) => tables.unmetCounts([alice, bob, carol].map(({ key }) => hintOf(key))))
    expect([...(await counts()).values()]).toEqual([0, 0, 0])
    expect(await log.tell(sign(first, carol.key))).toBe(6)
    expect(await log.head()).toEqual({ sequence: 1, id: first.id })
    expect([...(await counts()).values()]).toEqual([0, 0, 0])
  })

  test('a log that a trust file leaves takes nothing more but that statement', async () => {
    const lone = await logOf(configOf(trustFile(single)))
    const [one] = [release(1, null)]
    await lone.tell(sign(one, alice.key))
    const moved = trustFile({
      ...single,
      version: 2,
      origin: 'log2.example.com',
      heads: { stable: { sequence: 1, id: one.id }, beta: { sequence: 1, id: 'ab'.repeat(32) } },
      replaces: { origin, size: 1, root: toBase64(new Uint8Array(32)) },
    })
    await lone.put(moved)
    expect(await lone.tell(sign(trustStatement(2, moved), root.key))).toBe(1)
    expect(await lone.tell(sign(release(2, one.id), alice.key))).toBe('other-log')
    expect(await lone.tell(sign(revocation([one.id]), alice.key))).toBe('other-log')
  })

  test('an unknown format, met by the old authority, ends what is taken', async () => {
    const lone = await logOf(configOf(trustFile(single)))
    const newer = Buffer.from(JSON.stringify({ format: 2, whatever: true }))
    await lone.put(newer)
    expect(await lone.tell(sign(trustStatement(2, newer), root.key))).toBe(0)
    expect(await lone.add(sign(release(1, null), alice.key))).toMatchObject({ status: 403, code: 'trust-ended' })
    expect(await lone.add(sign(trustStatement(2, newer), root.key))).toMatchObject({ index: 0, duplicate: true })
  })

  test.each<[string, () => Uint8Array, (bytes: Uint8Array) => ReturnType<typeof trustStatement>, string]>([
    [
      'a version that skips',
      () => trustFile({ ...double, version: 3 }),
      (bytes) => trustStatement(3, bytes),
      'not-next-trust',
    ],
    [
      'the version in force with another file',
      () => trustFile({ ...double, channels: ['beta'] }),
      (bytes) => trustStatement(1, bytes),
      'not-next-trust',
    ],
    [
      'a file of another version',
      () => trustFile({ ...double, version: 3 }),
      (bytes) => trustStatement(2, bytes),
      'trust-body-invalid',
    ],
    [
      'a file of another product',
      () => trustFile({ ...double, version: 2, product: 'example.com/x' }),
      (bytes) => trustStatement(2, bytes),
      'trust-body-invalid',
    ],
    ['a file that is none', () => Buffer.from('{}'), (bytes) => trustStatement(2, bytes), 'trust-body-invalid'],
    [
      'a threshold that cannot be met',
      () => trustFile({ ...double, version: 2, thresholds: [3, 1, 1] }),
      (bytes) => trustStatement(2, bytes),
      'trust-body-invalid',
    ],
    [
      'another size',
      () => trustFile({ ...double, version: 2 }),
      (bytes) => payloadOf({ kind: 'trust', product, version: 2, sha256: sha256(bytes), size: bytes.length + 1 }),
      'trust-body-invalid',
    ],
  ])('%s is refused', async (_what, bytes, said, code) => {
    const file = bytes()
    await log.put(file)
    expect(await log.tell(sign(said(file), root.key))).toBe(code)
    expect((await log.store.head())?.size).toBe(0)
  })
})

describe('the admission file', () => {
  test('brings a newer trust file into force, which judges again', async () => {
    const log = await logOf(configOf(trustFile(double)))
    await log.tell(sign(release(1, null), alice.key))
    log.config = configOf(trustFile({ ...single, version: 2 }))
    await log.adopt()
    expect(await log.head()).toEqual({ sequence: 1, id: release(1, null).id })
  })

  test('brings it into force with the next entry, where nobody adopted it', async () => {
    const log = await logOf(configOf(trustFile(double)))
    await log.tell(sign(release(1, null), alice.key))
    log.config = configOf(trustFile({ ...single, version: 2 }))
    expect(await log.tell(sign(release(2, release(1, null).id), alice.key))).toBe(1)
    expect((await log.store.tables.committed.product(product))?.version).toBe(2)
  })

  test('does not bring an older one back', async () => {
    const log = await logOf(configOf(trustFile({ ...single, version: 3 })))
    log.config = configOf(trustFile({ ...double, version: 2 }))
    await log.adopt()
    expect((await log.store.tables.committed.product(product))?.version).toBe(3)
    expect(await log.tell(sign(release(1, null), bob.key))).toBe('key-not-admitted')
    expect(await log.tell(sign(release(1, null), alice.key))).toBe(0)
  })

  test('another file of the version in force is refused, and entries wait', async () => {
    const log = await logOf(configOf(trustFile(single)))
    log.config = configOf(trustFile(double))
    await expect(log.adopt()).rejects.toMatchObject({ code: 'ADMISSION_FILE_INVALID' })
    expect(await log.add(sign(release(1, null), alice.key))).toMatchObject({ status: 503, code: 'trust-conflict' })
  })

  test('a product that is no longer listed is not taken', async () => {
    const log = await logOf(configOf(trustFile(single)))
    await log.tell(sign(release(1, null), alice.key))
    log.config = configOf(trustFile({ ...single, product: 'example.com/other' }))
    expect(await log.tell(sign(release(2, release(1, null).id), alice.key))).toBe('product-not-admitted')
  })
})

test('keys are known by the hints that entries carry', () => {
  expect(hintOf(alice.key)).toMatch(/^[0-9a-f]{64}$/)
})
