import { emptyRange } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import type { Admission, AdmissionBatch, NoTables, Place, Prepared, Verdict } from './admission.ts'
import { NotWritingError } from './gate.ts'
import { Sequencer, type SequencerLimits } from './sequencer.ts'
import { type Append, type Head, type LogStore, StorageError } from './store.ts'

/** Commits into an array; each commit waits until it is let through. */
class HeldStore implements Pick<LogStore<NoTables>, 'commit'> {
  readonly batches: Uint8Array[][] = []
  readonly #held: (() => void)[] = []
  hold = false
  failure: Error | null = null

  async commit<R>(
    expected: Head,
    work: (tx: { tables: NoTables; append(change: Append): Promise<void> }) => Promise<R>,
  ) {
    if (this.hold) await new Promise<void>((resolve) => this.#held.push(resolve))
    if (this.failure !== null) throw this.failure
    let head = expected
    let batch: readonly Uint8Array[] = []
    const result = await work({
      tables: {},
      append: async ({ entries, root }) => {
        batch = entries
        head = { ...expected, size: expected.size + entries.length, root }
      },
    })
    if (batch.length > 0) this.batches.push([...batch])
    return { head, result }
  }

  letThrough(): void {
    this.hold = false
    for (const resolve of this.#held.splice(0)) resolve()
  }
}

/** Decides by the first byte: 0 is refused, 1 is a duplicate of entry 0, 2 throws, everything else is admitted. */
class ByFirstByte implements AdmissionBatch<null>, Admission<null, NoTables> {
  readonly mode = 'raw'
  readonly maxLeafBytes = 100
  committedBatches = 0
  prepare = async (leaf: Uint8Array): Promise<Prepared<null>> => ({ kind: 'prepared', leaf, item: null })
  begin = async (): Promise<AdmissionBatch<null>> => this
  decide = async (_item: null, { leaf }: Place): Promise<Verdict> => {
    if (leaf[0] === 0) return { kind: 'refuse', status: 400, code: 'zero', detail: 'begins with zero' }
    if (leaf[0] === 1) return { kind: 'duplicate', index: 0 }
    if (leaf[0] === 2) throw new TypeError('a defect')
    return { kind: 'admit' }
  }
  flush = async (): Promise<void> => {}
  committed(): void {
    this.committedBatches++
  }
}

const limits: SequencerLimits = { maxPendingEntries: 100, maxPendingBytes: 1000, maxBatchEntries: 10, maxWaitMs: 1000 }

function setUp(given: Partial<SequencerLimits> = {}, clock = () => 0) {
  const store = new HeldStore()
  const admission = new ByFirstByte()
  const failures: unknown[] = []
  const sequencer: Sequencer<null, NoTables> = new Sequencer(
    {
      store,
      admission,
      hasher: nodeCrypto,
      limits: { ...limits, ...given },
      now: () => 1,
      defer: setImmediate,
      clock,
    },
    {
      committed: (head) => setImmediate(() => sequencer.published(head.size)),
      failed: (error) => failures.push(error),
    },
    {
      head: { size: 0, root: nodeCrypto.sha256(new Uint8Array(0)), epoch: 1 },
      edge: { range: emptyRange(), filling: [] },
      published: 0,
    },
  )
  const submit = (...bytes: number[]) =>
    sequencer.submit({ kind: 'prepared', leaf: Uint8Array.of(...bytes), item: null })
  return { store, admission, failures, sequencer, submit }
}

describe('sequencer', () => {
  it('gives indices in the order of submission, and commits together what came together', async () => {
    const { store, submit } = setUp()
    const outcomes = await Promise.all(Array.from({ length: 25 }, (_, at) => submit(10, at)))
    expect(outcomes).toEqual(Array.from({ length: 25 }, (_, index) => ({ kind: 'sequenced', index, duplicate: false })))
    expect(store.batches.map(({ length }) => length)).toEqual([10, 10, 5])
  })

  it('sends new ones away while an entry waits too long, and takes them again afterwards', async () => {
    let time = 0
    const { store, submit } = setUp({ maxWaitMs: 500 }, () => time)
    store.hold = true
    const first = submit(10)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    const second = submit(11)
    time = 500
    const third = submit(12)
    time = 501
    expect(await submit(13)).toMatchObject({ status: 503, code: 'busy', retryAfterSeconds: 1 })
    store.letThrough()
    expect(await Promise.all([first, second, third])).toMatchObject([{ index: 0 }, { index: 1 }, { index: 2 }])
    expect(await submit(14)).toMatchObject({ index: 3 })
  })

  it('collects the next batch while one is being committed', async () => {
    const { store, submit } = setUp()
    store.hold = true
    const first = submit(10)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    const rest = [submit(11), submit(12), submit(13)]
    store.letThrough()
    await Promise.all([first, ...rest])
    expect(store.batches.map(({ length }) => length)).toEqual([1, 3])
  })

  it('answers refusals and duplicates without giving them a place', async () => {
    const { submit } = setUp()
    const [admitted, refused, duplicate, next] = await Promise.all([submit(10), submit(0), submit(1), submit(11)])
    expect(admitted).toMatchObject({ index: 0, duplicate: false })
    expect(refused).toMatchObject({ kind: 'refuse', code: 'zero' })
    expect(duplicate).toEqual({ kind: 'sequenced', index: 0, duplicate: true })
    expect(next).toMatchObject({ index: 1 })
  })

  it('lets only the entry that causes a defect pay for it', async () => {
    const { submit, failures } = setUp()
    const outcomes = await Promise.allSettled([submit(10), submit(2), submit(11)])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(failures).toEqual([])
  })

  it.each([
    ['entries', { maxPendingEntries: 3 }, [1, 1, 1, 1]],
    ['bytes', { maxPendingBytes: 10 }, [5, 5, 1]],
  ])('sends submitters away when too many %s wait, and takes them again later', async (_what, given, lengths) => {
    const { store, submit, sequencer } = setUp(given)
    store.hold = true
    const outcomes = lengths.map((length) => submit(...new Array(length).fill(9)))
    const last = await outcomes.at(-1)
    expect(last).toMatchObject({ kind: 'refuse', status: 503, code: 'busy', retryAfterSeconds: 1 })
    store.letThrough()
    await Promise.all(outcomes)
    expect(sequencer.pendingEntries).toBe(0)
    expect(await submit(7)).toMatchObject({ kind: 'sequenced' })
  })

  it('ends with the storage: who waits is told, and nobody is taken any more', async () => {
    const { store, submit, failures, sequencer } = setUp()
    store.failure = new StorageError('STORAGE_FULL', 'disk full')
    const waiting = expect(submit(10)).rejects.toThrow(StorageError)
    await expect.poll(() => failures.length).toBe(1)
    await waiting
    sequencer.close({ state: 'read-only', code: 'STORAGE_FULL', detail: 'disk full', retrySeconds: 5 })
    await expect(submit(11)).rejects.toThrow(NotWritingError)
  })

  it('tells admission of a commit only when it succeeded', async () => {
    const { store, admission, submit } = setUp()
    await submit(10)
    expect(admission.committedBatches).toBe(1)
    store.failure = new StorageError('STORAGE_FAILED', 'i/o error')
    await expect(submit(11)).rejects.toThrow(StorageError)
    expect(admission.committedBatches).toBe(1)
  })

  it('drains: resolves once everybody was answered', async () => {
    const { submit, sequencer } = setUp()
    await sequencer.drain()
    const outcomes = [submit(10), submit(11)]
    await sequencer.drain()
    expect(sequencer.pendingEntries).toBe(0)
    expect(await Promise.all(outcomes)).toHaveLength(2)
  })
})
