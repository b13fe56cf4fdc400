/** What a witness does when a part under it fails: over a store in memory, and stores that fail as real ones may. */
import type { NoteSignature, Suspicion, WitnessDecision, WitnessRecord } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listOf, makeSigners, TestLog } from '../testing.ts'
import { type Cosigner, cosignWith } from './cosigner.ts'
import { parseLogList } from './log-list.ts'
import { openMemoryWitnessStore } from './memory-witness-store.ts'
import { Witness, type WitnessHaltedError } from './witness.ts'
import { StoreUnavailableError, type WitnessStore } from './witness-store.ts'

const log = new TestLog()
const other = new TestLog('other.example')
const list = parseLogList(nodeCrypto, listOf([log, other]))
const signers = makeSigners()

interface Setup {
  readonly store?: WitnessStore
  readonly signers?: readonly Cosigner[]
  readonly now?: () => number
  readonly maxPending?: number
}

function start({
  store = openMemoryWitnessStore(),
  now = () => 1_800_000_000,
  maxPending = 1000,
  ...rest
}: Setup = {}) {
  const suspicions: Suspicion[] = []
  const halts: WitnessHaltedError[] = []
  const witness = new Witness({
    ...{
      crypto: nodeCrypto,
      // In the order of the requests, which the thread pool does not keep.
      verify: async (key, message, signature) => nodeCrypto.verify(key, message, signature),
      store,
      cosigning: cosignWith(rest.signers ?? signers),
      logs: () => list,
      now,
      maxPending,
      defer: setImmediate,
    },
    suspect: (_, suspicion) => void suspicions.push(suspicion),
    halted: (error) => void halts.push(error),
  })
  return { witness, store, suspicions, halts }
}

/** Of no key; enough where nobody verifies. */
const line: NoteSignature = { name: 'witness.example/w1', keyId: 1, signature: new Uint8Array(8) }

const ok = expect.objectContaining({ status: 200 })

/** A store whose next transactions end as `plan` says: before the commit. */
function failing(plan: (Error | null)[]) {
  const inner = openMemoryWitnessStore()
  const store: WitnessStore = {
    ...inner,
    transact: (work) =>
      inner.transact((transaction) => {
        const result = work(transaction)
        const error = plan.shift()
        if (error) throw error
        return result
      }),
  }
  return store
}

describe('a defect', () => {
  const broken: Cosigner = {
    key: (signers[0] as Cosigner).key,
    async sign(subject, time) {
      if (subject.checkpoint.size === 13) throw new RangeError('on purpose')
      return (signers[0] as Cosigner).sign(subject, time)
    },
  }

  it('that one request meets is that one’s answer; those beside it are decided and kept', async () => {
    const { witness, store, halts } = start({ signers: [broken] })
    const answers = await Promise.allSettled([
      witness.add(log.request(0, 13)),
      witness.add(other.request(0, 5)),
      witness.add(log.request(0, 4)),
    ])
    expect(answers).toEqual([
      { status: 'rejected', reason: new RangeError('on purpose') },
      { status: 'fulfilled', value: ok },
      { status: 'fulfilled', value: ok },
    ])
    expect([store.read(log.origin)?.size, store.read(other.origin)?.size, halts]).toEqual([4, 5, []])
  })

  it('of the clock is one: no cosignature without a time', async () => {
    const { witness, store } = start({ now: () => 0 })
    await expect(witness.add(log.request(0, 1))).rejects.toThrow('needs a time')
    expect([store.origins(), witness.halted]).toEqual([[], null])
  })
})

/** Signs as the first of `signers` does, when `go` resolves; `asked` once it is asked to. */
function held(go: Promise<void>, asked: () => void = () => undefined): Cosigner {
  const { key, sign } = signers[0] as Cosigner
  return {
    key,
    sign: (subject, time) => {
      asked()
      return go.then(() => sign(subject, time))
    },
  }
}

describe('a store that cannot write now', () => {
  it('costs the requests of that moment, and nothing is cosigned that was not kept', async () => {
    const { witness, store, halts } = start({ store: failing([new StoreUnavailableError('full')]) })
    await expect(witness.add(log.request(0, 5))).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' })
    expect([store.origins(), halts, witness.halted]).toEqual([[], [], null])
    expect(await witness.add(log.request(0, 6))).toEqual(ok)
    expect(store.read(log.origin)?.size).toBe(6)
  })
})

describe('a record that changes between its check and its write', () => {
  it('is left alone: that request fails, nothing is answered with a cosignature', async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>()
    const { promise: checked, resolve: asked } = Promise.withResolvers<void>()
    const { witness, store, halts } = start({ signers: [held(go, asked)] })
    const answer = witness.add(log.request(0, 5))
    const refused = expect(answer).rejects.toMatchObject({ code: 'RECORD_CHANGED' })
    const strange = { size: 9, root: log.root(9, 'other'), timestamp: 1, checkpoint: 'by somebody else' }
    await checked
    store.transact((transaction) => transaction.write(log.origin, strange))
    resolve()
    await refused
    expect([store.read(log.origin)?.checkpoint, halts]).toEqual(['by somebody else', []])
  })
})

describe('a store that fails otherwise', () => {
  it('halts the witness: those who wait and those who come are told, and copies are still read', async () => {
    const store = failing([null, new Error('SQLITE_IOERR_FSYNC')])
    const { witness, halts } = start({ store })
    expect(await witness.add(log.request(0, 5))).toEqual(ok)
    const waiting = Array.from({ length: 100 }, () => witness.add(log.request(5, 6)))
    for (const answer of await Promise.allSettled(waiting))
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'HALTED' } })
    await expect(witness.add(other.request(0, 1))).rejects.toMatchObject({ code: 'HALTED' })
    await expect(witness.repeat(log.request(5, 5))).rejects.toMatchObject({ code: 'HALTED' })
    expect(halts).toHaveLength(1)
    expect(witness.monitoringCopy(log.originHash)).toContain(`${log.origin}\n5\n`)
  })
})

describe('many requests', () => {
  it('are turned away past the limit, and taken again afterwards', async () => {
    const { witness } = start({ maxPending: 2 })
    const [first, second, third] = [0, 1, 2].map(() => witness.add(log.request(0, 5)))
    await expect(third).rejects.toMatchObject({ code: 'BUSY' })
    expect([(await first)?.status, (await second)?.status].sort()).toEqual([200, 409])
    expect((await witness.add(log.request(5, 6))).status).toBe(200)
  })

  it('are all answered, however many come at once, and those that are ready together share one sync', async () => {
    const store = openMemoryWitnessStore()
    let transactions = 0
    const counting: WitnessStore = {
      ...store,
      transact(work) {
        transactions++
        return store.transact(work)
      },
    }
    const { promise: go, resolve } = Promise.withResolvers<void>()
    const { witness } = start({ store: counting, signers: [{ ...held(go), sign: () => go.then(() => line) }] })
    const ours = Array.from({ length: 300 }, () => witness.add(log.request(0, 5)))
    const theirs = witness.add(other.request(0, 5))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect([transactions, store.origins()]).toEqual([0, []])
    resolve()
    const statuses = (await Promise.all(ours)).map(({ status }) => status)
    expect(statuses.sort()).toEqual([200, ...new Array(299).fill(409)])
    expect((await theirs).status).toBe(200)
    expect(transactions).toBeLessThanOrEqual(2)
  })
})

describe('for any requests in any order', () => {
  const salts = ['one', 'two']
  const request = fc.record({
    old: fc.nat(12),
    size: fc.nat(12),
    salt: fc.constantFrom(...salts),
    batch: fc.boolean(),
  })

  it('what is cosigned only grows, on one tree, and is what the record says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 40 }), async (requests) => {
        const committed = new Map<string, WitnessRecord>()
        const { witness } = start({ store: openMemoryWitnessStore(committed) })
        const answers: Promise<WitnessDecision>[] = []
        for (const { old, size, salt, batch } of requests) {
          const asked = old <= size ? log.request(old, size, salt) : { ...log.request(0, size, salt), oldSize: old }
          const answer = witness.add(asked)
          answers.push(answer)
          if (!batch) await answer
        }
        const decisions = await Promise.all(answers)
        const cosigned = decisions.flatMap((decision, at) => {
          const { size, salt } = requests[at] ?? { size: 0, salt: '' }
          return decision.status === 200 ? [{ size, root: log.root(size, salt) }] : []
        })
        const sizes = cosigned.map(({ size }) => size)
        expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
        expect(
          salts.some((salt) => cosigned.every(({ size, root }) => Buffer.compare(root, log.root(size, salt)) === 0)),
        ).toBe(true)
        expect(committed.get(log.origin)?.size).toBe(sizes.at(-1))
      }),
      { numRuns: 60 },
    )
  })
})
