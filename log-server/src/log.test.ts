/** The log's rules (docs/log.md) on a real database and marker, with a clock, places and witnesses that the test holds. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { equalBytes, rangeRoot, type SignedCheckpoint } from '@samebits/core'
import { generateSigningKey, nodeCrypto, type SigningKey } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NoTables } from './admission.ts'
import { createLog } from './create-log.ts'
import { dataDir } from './data-dir.ts'
import { readEdge } from './edge.ts'
import { alone } from './election.ts'
import { Ending } from './frozen/ending.ts'
import { type GateState, NotWritingError } from './gate.ts'
import type { Issued } from './issuer.ts'
import { Log, type LogParts } from './log.ts'
import { type Marker, openMarker } from './marker.ts'
import { openRawAdmission } from './raw-admission.ts'
import { headSigner } from './signer.ts'
import { noExtension } from './sql.ts'
import { openSqliteStore } from './sqlite-store.ts'
import { CommitUnknownError, type LogStore, type OpenStore, StorageError } from './store.ts'
import { type Place, PlaceError } from './takeover.ts'
import { realTiming, signHead, testOrigin } from './testing.ts'
import { noWitnesses, type Witnessing, WitnessQuorumError } from './witnessing.ts'

const keys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
const signer = headSigner(nodeCrypto, testOrigin, keys)
let folder: string
let store: OpenStore<NoTables>
let marker: Marker
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-rules-'))
  const copies = await noWitnesses.copies()
  await createLog({ dataDir: folder, signer, publishedUrl: '', copies, fetch, now: () => 1000 })
  store = openSqliteStore({ path: dataDir(folder).database, extension: noExtension })
  marker = await openMarker(dataDir(folder).marker)
})
afterEach(async () => {
  await store.close()
  await marker.close()
  rmSync(folder, { recursive: true, force: true })
})

type Parts = LogParts<null, NoTables>

interface Watched {
  readonly log: Log<null, NoTables>
  readonly issued: Issued[]
  readonly gates: GateState[]
  /** Timers that were set and not cancelled, by milliseconds. */
  readonly timers: Map<number, () => void>
  add(text: string): ReturnType<Log<null, NoTables>['add']>
}

/** Takes the lead with the given parts replaced. */
async function lead(given: Partial<Parts> = {}): Promise<Watched> {
  const issued: Issued[] = []
  const gates: GateState[] = []
  const timers = new Map<number, () => void>()
  const after = (milliseconds: number, work: () => void) => {
    timers.set(milliseconds, work)
    return () => void timers.delete(milliseconds)
  }
  const used: LogStore<NoTables> = given.store ?? store
  const log = await Log.open<null, NoTables>({
    ...{
      store: used,
      crypto: nodeCrypto,
      signer,
      marker,
      witnessing: noWitnesses,
      places: [],
      election: alone,
      ending: new Ending({ store: used, path: dataDir(folder).frozen, origin: testOrigin }),
      exporter: null,
      tracing: null,
    },
    openAdmission: () => openRawAdmission(used, { maxLeafBytes: 100, windowEntries: 1000 }),
    timing: { ...realTiming, after },
    options: {
      limits: { maxPendingEntries: 100, maxPendingBytes: 10_000, maxBatchEntries: 50, maxWaitMs: 10_000 },
      resignSeconds: 300,
      retrySeconds: 5,
    },
    events: { committed: () => undefined, issued: (one) => issued.push(one), gate: (state) => gates.push(state) },
    ...given,
  })
  await log.lead()
  return { log, issued, gates, timers, add: (text) => log.add(Buffer.from(text)) }
}

/** The store with some methods replaced. */
function storeWith(changes: Partial<LogStore<NoTables>>): LogStore<NoTables> {
  return new Proxy<LogStore<NoTables>>(store, {
    get(target, name) {
      const value = Reflect.get(changes, name) ?? Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

describe('signing', () => {
  it('signs only trees that storage gives back', async () => {
    const { add, log } = await lead()
    for (const leaf of ['a', 'b', 'c']) await add(leaf)
    const { size, root } = signer.open(log.published().checkpoint).checkpoint
    expect(equalBytes(rangeRoot(nodeCrypto, (await readEdge(nodeCrypto, store, size)).range), root)).toBe(true)
    await log.stop()
  })

  it('writes the marker before anything is published, with the epoch of the lease', async () => {
    const seen: string[] = []
    const publish: LogStore<NoTables>['publish'] = (publication, epoch) => {
      seen.push(marker.last.checkpoint)
      expect(marker.last.epoch).toBe(1)
      return store.publish(publication, epoch)
    }
    const { add, log, issued } = await lead({ store: storeWith({ publish }) })
    await add('a')
    expect(seen).toEqual(issued.map(({ checkpoint }) => checkpoint))
    await log.stop()
  })

  it.each<[string, Partial<LogStore<NoTables>>]>([
    [
      'other entries',
      {
        range: async (from, to) => ({
          entries: new Array(to - from).fill(Buffer.from('x')),
          leafHashes: new Uint8Array(32 * (to - from)),
        }),
      },
    ],
    ['fewer entries', { range: async () => null }],
    [
      'a root that is not theirs',
      {
        head: async () => {
          const head = await store.head()
          return head === null || head.size === 0 ? head : { ...head, root: new Uint8Array(32) }
        },
      },
    ],
    [
      'a smaller head',
      {
        head: async () => {
          const head = await store.head()
          return head === null ? null : { ...head, size: Math.min(1, head.size) }
        },
      },
    ],
  ])('signs nothing when storage gives back %s', async (_what, changes) => {
    const first = await lead()
    await first.add('signed before')
    await first.add('and this')
    await first.log.stop()
    const before = marker.last
    const lying = await lead({ store: storeWith(changes) })
    if (lying.log.gate.state === 'writing') await expect(lying.add('new')).rejects.toThrow(NotWritingError)
    expect(lying.log.gate).toMatchObject({ state: 'read-only', retrySeconds: null })
    expect(signer.open(marker.last.checkpoint).checkpoint.size).toBe(signer.open(before.checkpoint).checkpoint.size)
    await lying.log.stop()
  })

  it('publishes nothing when the marker cannot be written, and never tries again', async () => {
    const failing: Marker = {
      last: marker.last,
      write: () => Promise.reject(Object.assign(new Error('i/o'), { code: 'EIO' })),
      close: async () => undefined,
    }
    const { log, add, gates } = await lead({ marker: failing })
    await expect(add('a')).rejects.toThrow(NotWritingError)
    expect(log.gate).toMatchObject({ state: 'read-only', code: 'EIO', retrySeconds: null })
    expect((await store.published())?.size).toBe(0)
    expect(gates.at(-1)).toBe(log.gate)
  })

  it('states a time that never goes back, whatever the clock does', async () => {
    const times = [2000, 1500, 3000, 10]
    let now = 0
    const { log, add } = await lead({ timing: { ...realTiming, now: () => now, after: () => () => undefined } })
    const stated: number[] = []
    for (const [at, time] of times.entries()) {
      now = time
      await add(`entry ${at}`)
      stated.push(...signer.open(log.published().checkpoint).verified.flatMap(({ timestamp }) => timestamp ?? []))
    }
    expect(stated).toEqual([2000, 2000, 3000, 3000])
    await log.stop()
    const again = await lead({ timing: { ...realTiming, now: () => 1, after: () => () => undefined } })
    await again.add('after a restart')
    expect(signer.open(marker.last.checkpoint).verified.map(({ timestamp }) => timestamp)).toEqual([null, 3000])
    await again.log.stop()
  })
})

describe('taking over', () => {
  const placeOf = (text: string | null): Place => ({ name: 'https://example.com', read: async () => text })
  const signedBy = (by: readonly SigningKey[], size: number, origin = testOrigin) =>
    signHead(by, { size, root: nodeCrypto.sha256(Uint8Array.of(size)) }, 1, origin).text

  it('raises the epoch, so that the leader before cannot commit any more', async () => {
    const old = await lead()
    await old.add('a')
    const young = await lead()
    await expect(old.add('b')).rejects.toThrow(NotWritingError)
    expect(old.log.gate).toMatchObject({ state: 'read-only', code: 'HEAD_MOVED' })
    expect(await young.add('b')).toMatchObject({ index: 1 })
    await Promise.all([old.log.stop(), young.log.stop()])
  })

  it.each([
    ['a larger tree under our own signature', () => placeOf(signedBy(keys, 7)), 'STORAGE_BEHIND'],
    ['another tree under our own signature', () => placeOf(signedBy(keys, 1)), 'TREE_MISMATCH'],
  ])('is refused for good by %s at the published place', async (_what, place, code) => {
    const first = await lead()
    await first.add('a')
    await first.log.stop()
    const { log, timers } = await lead({ places: [place()] })
    expect(log.gate).toMatchObject({ state: 'read-only', code, retrySeconds: null })
    expect(timers.size).toBe(0)
    expect((await store.head())?.epoch).toBe(1)
  })

  it('waits, and tries again, while the published place does not answer', async () => {
    let reachable = false
    const read = async () => {
      if (!reachable) throw new PlaceError('no answer')
      return null
    }
    const { log, timers, add } = await lead({ places: [{ name: 'x', read }] })
    expect(log.gate).toMatchObject({ state: 'read-only', code: 'PLACE_UNREACHABLE', retrySeconds: 5 })
    await expect(add('a')).rejects.toThrow(NotWritingError)
    reachable = true
    timers.get(5000)?.()
    await expect.poll(() => log.gate).toEqual({ state: 'writing' })
    expect(await add('a')).toMatchObject({ index: 0 })
    await log.stop()
  })

  it.each([
    ['somebody else signed', signedBy([generateSigningKey('ed25519')], 9)],
    ['our keys signed for another log', signedBy(keys, 9, 'example.com/other')],
    ['has one bad line of ours', signedBy(keys, 9).replace(/9\n/, '8\n')],
    ['is no checkpoint', '<html>hello</html>'],
  ])('ignores what %s: it proves nothing', async (_what, text) => {
    const { log } = await lead({ places: [placeOf(text)] })
    expect(log.gate).toEqual({ state: 'writing' })
    await log.stop()
  })

  it('is refused when the marker is of a newer lease than the storage', async () => {
    await marker.write({ ...marker.last, epoch: 5 })
    const { log } = await lead()
    expect(log.gate).toMatchObject({ state: 'read-only', code: 'STORAGE_BEHIND' })
  })

  it('is refused when the marker holds a checkpoint that is not ours', async () => {
    const other = [generateSigningKey('ed25519')]
    await marker.write({ checkpoint: signedBy(other, 0), epoch: 0 })
    const { log } = await lead()
    expect(log.gate).toMatchObject({ state: 'read-only', code: 'MARKER_DAMAGED' })
  })
})

describe('failures of storage', () => {
  it.each([
    ['no room', new StorageError('STORAGE_FULL', 'full'), 'STORAGE_FULL', 5],
    ['a lost answer to COMMIT', new CommitUnknownError('lost'), 'COMMIT_UNKNOWN', 5],
    [
      'a failed sync',
      new CommitUnknownError('lost', { cause: new StorageError('STORAGE_FAILED', 'fsync') }),
      'STORAGE_FAILED',
      null,
    ],
    ['a failed read', new StorageError('STORAGE_FAILED', 'read'), 'STORAGE_FAILED', null],
    ['a damaged file', new StorageError('STORAGE_DAMAGED', 'bad'), 'STORAGE_DAMAGED', null],
  ])('%s ends writing, not reading', async (_what, error, code, retrySeconds) => {
    let failing = false
    const commit: LogStore<NoTables>['commit'] = (...given) =>
      failing ? Promise.reject(error) : store.commit(...given)
    const { log, add, timers } = await lead({ store: storeWith({ commit }) })
    await add('a')
    failing = true
    await expect(add('b')).rejects.toThrow(NotWritingError)
    expect(log.gate).toMatchObject({ state: 'read-only', code, retrySeconds })
    expect(Buffer.from(await log.entry(0)).toString()).toBe('a')
    expect(await log.proveInclusion(0, 1)).toEqual([])
    failing = false
    timers.get(5000)?.()
    if (retrySeconds === null) expect(log.gate.state).toBe('read-only')
    else {
      await expect.poll(() => log.gate).toEqual({ state: 'writing' })
      expect(await add('b')).toMatchObject({ index: 1 })
    }
    await log.stop()
  })

  it('keeps its word when COMMIT happened and its answer was lost', async () => {
    let lose = false
    const commit: LogStore<NoTables>['commit'] = async (...given) => {
      const done = await store.commit(...given)
      if (lose) throw new CommitUnknownError('the connection broke')
      return done
    }
    const { log, add, timers } = await lead({ store: storeWith({ commit }) })
    lose = true
    await expect(add('a')).rejects.toThrow(NotWritingError)
    lose = false
    timers.get(5000)?.()
    await expect.poll(() => log.gate).toEqual({ state: 'writing' })
    expect(await add('a')).toEqual({ kind: 'sequenced', index: 0, duplicate: true })
    expect(await add('b')).toMatchObject({ index: 1, duplicate: false })
    await log.stop()
  })
})

describe('witnesses', () => {
  /** Cosigns when it is let through. */
  class Held implements Witnessing {
    readonly asked: SignedCheckpoint[] = []
    #letThrough: (() => void)[] = []
    fail = false
    readonly ready = noWitnesses.ready
    readonly more = noWitnesses.more
    readonly copies = noWitnesses.copies

    async cosign(signed: SignedCheckpoint): Promise<string> {
      this.asked.push(signed)
      await new Promise<void>((resolve) => this.#letThrough.push(resolve))
      if (this.fail) throw new WitnessQuorumError('one of two')
      return signed.text
    }

    next(): void {
      this.#letThrough.shift()?.()
    }
  }

  it('have one head at a time; what is committed meanwhile goes out together', async () => {
    const witnessing = new Held()
    const { log, add } = await lead({ witnessing })
    await expect.poll(() => witnessing.asked.length).toBe(1)
    const outcomes = ['a', 'b', 'c'].map(async (leaf) => {
      await new Promise(setImmediate)
      return add(leaf)
    })
    await expect.poll(async () => (await store.head())?.size).toBe(3)
    expect(witnessing.asked).toHaveLength(1)
    expect(log.published().size).toBe(0)
    witnessing.next()
    await expect.poll(() => witnessing.asked.length).toBe(2)
    expect(witnessing.asked[1]?.checkpoint.size).toBe(3)
    expect(log.signedSize).toBe(3)
    expect(log.published().size).toBe(0)
    witnessing.next()
    expect(await Promise.all(outcomes)).toHaveLength(3)
    expect(log.published().size).toBe(3)
    await log.stop()
  })

  it('that do not answer keep an entry from being acknowledged; it is published when they do', async () => {
    const witnessing = new Held()
    const { log, add, timers } = await lead({ witnessing })
    await expect.poll(() => witnessing.asked.length).toBe(1)
    witnessing.fail = true
    const refused = expect(add('a')).rejects.toThrow(NotWritingError)
    witnessing.next()
    await refused
    expect(log.gate).toMatchObject({ state: 'read-only', code: 'WITNESS_QUORUM', retrySeconds: 5 })
    witnessing.fail = false
    timers.get(5000)?.()
    await expect.poll(() => witnessing.asked.length).toBe(2)
    witnessing.next()
    await expect.poll(() => log.published().size).toBeGreaterThanOrEqual(0)
    const added = add('a')
    const letThrough = setInterval(() => witnessing.next(), 1)
    expect(await added).toMatchObject({ index: 0 })
    clearInterval(letThrough)
    await log.stop()
  })

  it('that go on not answering are asked ever less often, until a head is published', async () => {
    const witnessing = new Held()
    const { log, timers, gates } = await lead({ witnessing })
    for (let asked = 1; asked <= 6; asked++) {
      await expect.poll(() => witnessing.asked.length).toBe(asked)
      witnessing.fail = asked !== 5
      witnessing.next()
      if (asked === 5) {
        await expect.poll(() => timers.has(300_000)).toBe(true)
        timers.get(300_000)?.()
        continue
      }
      await expect.poll(() => log.gate.state).toBe('read-only')
      const [retry] = [...timers.keys()].filter((milliseconds) => milliseconds < 300_000).slice(-1)
      timers.get(retry ?? 0)?.()
      timers.delete(retry ?? 0)
      if (asked < 6) await expect.poll(() => log.gate.state).toBe('writing')
    }
    const seconds = gates.flatMap((gate) => (gate.state === 'read-only' ? [gate.retrySeconds] : []))
    expect(seconds).toEqual([5, 10, 20, 40, 5])
    await expect.poll(() => witnessing.asked.length).toBe(7)
    witnessing.fail = false
    witnessing.next()
    await log.stop()
  })

  it('that show what the storage lacks end writing before anything is signed; too few keep it waiting', async () => {
    const larger = signHead(keys, { size: 3, root: new Uint8Array(32) }, 1000).text
    const found = [{ name: 'w', checkpoint: larger }]
    const behind = await lead({ witnessing: { ...noWitnesses, copies: async () => ({ found, missing: 'w2: away' }) } })
    expect(behind.log.gate).toMatchObject({ code: 'STORAGE_BEHIND', retrySeconds: null })
    const waiting = await lead({
      witnessing: { ...noWitnesses, copies: async () => ({ found: [], missing: 'w2: away' }) },
    })
    expect(waiting.log.gate).toMatchObject({ code: 'PLACE_UNREACHABLE', retrySeconds: 5 })
    expect([...behind.issued, ...waiting.issued]).toEqual([])
  })
})
