/** The product index against the log, worked out again from all entries. */
import assert from 'node:assert/strict'
import {
  type Entry,
  isHead,
  isMet,
  isStatementMet,
  parseEntry,
  parseEntryBundle,
  parseTrust,
  type Statement,
  type Trust,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import fc from 'fast-check'
import { headOf } from './heads.ts'
import {
  configOf,
  member,
  type Payload,
  product,
  release,
  revocation,
  sha256,
  sign,
  TestLog,
  type TestMember,
  trustFile,
  trustStatement,
} from './testing.ts'

/** What a log's entries say, worked out again after each entry from all entries before, without any index. */
interface Recomputed {
  readonly version: number
  readonly heads: Readonly<Record<string, { sequence: number; id: string } | null>>
  readonly met: Readonly<Record<string, number | null>>
  /** Statements that were never met, by signer. */
  readonly unmet: Readonly<Record<string, number>>
}

interface Signed {
  readonly id: string
  readonly statement: Statement
  readonly signatures: { index: number; hint: string }[]
}

function recompute(first: Trust, entries: readonly Entry[], bodies: ReadonlyMap<string, Trust>): Recomputed {
  let trust = first
  const all = new Map<string, Signed>()
  const everMet = new Set<string>()
  const metTrust = new Map<string, number>()
  const metAt = ({ id, statement, signatures }: Signed): number | null => {
    if (statement.kind === 'trust') return metTrust.get(id) ?? null
    if (statement.kind === 'release' && isHead(trust, { ...statement, id })) return signatures[0]?.index ?? null
    const enough = (count: number) => isStatementMet(trust, statement.kind, counted(trust, signatures.slice(0, count)))
    return signatures.find((_, at) => enough(at + 1))?.index ?? null
  }
  for (const [index, { id, statement, signer }] of entries.entries()) {
    const known = all.get(id) ?? { id, statement, signatures: [] }
    known.signatures.push({ index, hint: signer.kind === 'key' ? signer.hint : '' })
    all.set(id, known)
    const next = statement.kind === 'trust' ? bodies.get(statement.sha256) : undefined
    if (next !== undefined && next.version === trust.version + 1) {
      const both = [trust, next].every((one) => isMet(one, 'authority', counted(one, known.signatures)))
      if (both) {
        metTrust.set(id, index)
        trust = next
      }
    }
    for (const one of all.values()) if (metAt(one) !== null) everMet.add(one.id)
  }
  const met = Object.fromEntries([...all].map(([id, one]) => [id, metAt(one)]))
  return { version: trust.version, heads: headsOf(trust, [...all.values()], met), met, unmet: unmetOf(all, everMet) }
}

function counted(trust: Trust, signatures: readonly { index: number; hint: string }[]) {
  const members = [trust.authority, trust.publishers, trust.rebuilders].flatMap((role) => role.members)
  return signatures.flatMap(({ index, hint }) => {
    const found = members.find(({ credential }) => credential.kind === 'key' && credential.hint === hint)
    return found ? [{ index, memberId: found.id }] : []
  })
}

function headsOf(trust: Trust, all: readonly Signed[], met: Recomputed['met']): Recomputed['heads'] {
  const heads: Record<string, { sequence: number; id: string } | null> = {}
  for (const channel of ['stable', 'beta']) {
    const releases = all.flatMap(({ id, statement }) =>
      statement.kind === 'release' && statement.channel === channel
        ? [{ id, sequence: statement.sequence, previous: statement.previous, metAt: met[id] ?? null }]
        : [],
    )
    heads[channel] = headOf(releases, trust.heads.get(channel) ?? null)
  }
  return heads
}

function unmetOf(all: ReadonlyMap<string, Signed>, everMet: ReadonlySet<string>): Record<string, number> {
  const unmet: Record<string, number> = {}
  for (const { id, signatures } of all.values())
    for (const { hint } of everMet.has(id) ? [] : signatures) unmet[hint] = (unmet[hint] ?? 0) + 1
  return unmet
}

/** The same from the index. */
async function indexed(log: TestLog, like: Recomputed): Promise<Recomputed> {
  const { committed } = log.store.tables
  const heads = new Map((await committed.heads(product)).map(({ channel, head }) => [channel, head]))
  const met: Record<string, number | null> = {}
  for (const id of Object.keys(like.met)) met[id] = (await committed.statement(id))?.metAt ?? null
  const counts = await log.store.update((tables) => tables.unmetCounts(Object.keys(like.unmet)))
  return {
    version: (await committed.product(product))?.version ?? 0,
    heads: { stable: heads.get('stable') ?? null, beta: heads.get('beta') ?? null },
    met,
    unmet: Object.fromEntries(counts),
  }
}

const publishers = ['ann', 'ben', 'cleo'].map((id) => member(id))
const authority = ['rex', 'ria'].map((id) => member(id))

/** What the random hand may try. Numbers choose among what there is at that moment. */
type Move =
  | {
      readonly kind: 'release'
      readonly by: number
      readonly on: number
      readonly build: number
      readonly channel: number
    }
  | { readonly kind: 'cosign'; readonly by: number; readonly of: number }
  | { readonly kind: 'revoke'; readonly by: number; readonly of: number }
  | {
      readonly kind: 'trust'
      readonly threshold: number
      /** Ends one publisher's key at an index. */
      readonly until: readonly [publisher: number, index: number] | null
      /** Names a known release as head. */
      readonly floor: number | null
      readonly signers: number
    }

const number = (max: number) => fc.nat(max)
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      by: number(2),
      on: number(9),
      build: number(1),
      channel: number(3),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('cosign' as const), by: number(4), of: number(99) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const), by: number(4), of: number(99) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('trust' as const),
      threshold: fc.integer({ min: 1, max: 2 }),
      until: fc.option(fc.tuple(number(2), fc.integer({ min: 1, max: 12 }))),
      floor: fc.option(number(9)),
      signers: fc.integer({ min: 1, max: 3 }),
    }),
  },
)

/** A player that knows every statement it made. */
class Hand {
  readonly log: TestLog
  readonly made: Payload[] = []
  readonly bodies = new Map<string, Trust>()

  constructor(log: TestLog) {
    this.log = log
  }

  async leaves(play: Move): Promise<readonly Uint8Array[]> {
    const everybody = [...publishers, ...authority]
    switch (play.kind) {
      case 'release': {
        const statement = this.release(play)
        this.made.push(statement)
        return [sign(statement, keyOf(publishers, play.by))]
      }
      case 'cosign': {
        const statement = this.made[play.of % (this.made.length || 1)]
        return statement ? [sign(statement, keyOf(everybody, play.by))] : []
      }
      case 'revoke': {
        const target = this.made[play.of % (this.made.length || 1)]
        if (target?.statement.kind !== 'release') return []
        this.made.push(revocation([target.id]))
        return [sign(revocation([target.id]), keyOf(everybody, play.by))]
      }
      case 'trust':
        return this.trust(play)
    }
  }

  release({ on, build, channel: drawn }: Extract<Move, { kind: 'release' }>): Payload {
    const channel = drawn === 0 ? 'beta' : 'stable'
    const below = this.made.filter(({ statement }) => statement.kind === 'release' && statement.channel === channel)
    const base = on === 0 ? undefined : (below[below.length - on] ?? below.at(-1))
    const sequence = base?.statement.kind === 'release' ? base.statement.sequence + 1 : 1
    return release(sequence, base?.id ?? null, { build: `${build}`, channel })
  }

  async trust({ threshold, until, floor, signers }: Extract<Move, { kind: 'trust' }>): Promise<readonly Uint8Array[]> {
    const version = ((await this.log.store.tables.committed.product(product))?.version ?? 0) + 1
    const named = floor === null ? undefined : this.made[floor]
    const heads =
      named?.statement.kind === 'release'
        ? { [named.statement.channel]: { sequence: named.statement.sequence, id: named.id } }
        : {}
    const body = trustFile({
      version,
      heads,
      authority,
      publishers: publishers.map((one, at) => (until?.[0] === at ? { ...one, until: until[1] } : one)),
      thresholds: [2, threshold, 0],
    })
    this.bodies.set(sha256(body), parseTrust(nodeCrypto, body))
    await this.log.put(body)
    const statement = trustStatement(version, body)
    this.made.push(statement)
    return authority.filter((_, at) => signers & (1 << at)).map(({ key }) => sign(statement, key))
  }
}

const keyOf = (members: readonly TestMember[], at: number) => (members[at % members.length] as TestMember).key

async function entriesOf(log: TestLog): Promise<Entry[]> {
  const size = (await log.store.head())?.size ?? 0
  const bundle = size === 0 ? null : await log.store.entries(0, size)
  return bundle === null ? [] : parseEntryBundle(bundle, size).map((leaf) => parseEntry(nodeCrypto, leaf))
}

/**
 * Whatever was submitted and however it was batched, the index says what the entries say: a property, on any store.
 * @param numRuns games that are played
 */
export async function indexIsWhatTheLogSays(numRuns: number, open?: Parameters<typeof TestLog.open>[1]): Promise<void> {
  const first = trustFile({ authority, publishers, thresholds: [2, 2, 0] })
  const rounds = fc.array(fc.array(move, { minLength: 1, maxLength: 6 }), { minLength: 4, maxLength: 14 })
  await fc.assert(
    fc.asyncProperty(rounds, async (plays) => {
      const log = await TestLog.open(configOf(first), open)
      try {
        const hand = new Hand(log)
        for (const round of plays) {
          const leaves = (await Promise.all(round.map((play) => hand.leaves(play)))).flat()
          await Promise.all(leaves.map((leaf) => log.tell(leaf)))
        }
        const entries = await entriesOf(log)
        const expected = recompute(parseTrust(nodeCrypto, first), entries, hand.bodies)
        assert.deepEqual(await indexed(log, expected), expected)
        const again = await Promise.all(entries.map(({ leaf }) => log.tell(leaf)))
        assert.deepEqual(
          again,
          entries.map((_, index) => index),
        )
        assert.deepEqual(log.faults, [])
      } finally {
        await log.close()
      }
    }),
    { numRuns },
  )
}
