/** What a floor is made from, which ids stop being one, and what is installed where only a part of it is known. */
import { describe, expect, it } from 'vitest'
import { credentialOf, MemoryLog } from '../../../test/support/world.ts'
import { artifact, hex, member, type TrustOptions, trustFile } from '../../../test/support/world-statements.ts'
import { nodeCrypto } from '../node.ts'
import { parseTrust } from '../release/trust.ts'
import { clearsFloor, type FloorSources, floorOf, isDisowned, type Resolved, resolveInstalled } from './floors.ts'
import { nothingKnown, type Rule, STRANGER } from './known.ts'
import type { Known, KnownRelease } from './state.ts'
import type { Installed } from './want.ts'

const log = new MemoryLog('log.example.com')
const ruleOf = (over: Partial<TrustOptions> = {}): Rule => ({
  trust: parseTrust(nodeCrypto, trustFile({ log, ...over })),
  endsAt: null,
})
const releaseOf = (sequence: number, by: readonly string[], over: Partial<KnownRelease> = {}): KnownRelease => ({
  id: hex(`release ${sequence}`),
  channel: 'stable',
  sequence,
  version: `1.${sequence}.0`,
  previous: null,
  artifacts: [
    {
      ...{ name: 'notes', platform: 'linux-x64', mediaType: 'application/gzip', partOf: null },
      ...{ sha256: hex(`artifact ${sequence}`), source: null, recipeDigest: null, imageDigest: null },
    },
  ],
  entries: by.map((name, index) => ({ index, member: name === STRANGER ? STRANGER : credentialOf(name) })),
  ripeAt: null,
  ...over,
})
const knowing = (...releases: readonly KnownRelease[]): Known => ({ ...nothingKnown, releases })
const history = { from: 0, to: 10 }
const two = { publishers: { threshold: 2, members: [member('alice'), member('bob')] } }
const headed = (sequence: number, id = hex('head')) => ({ heads: { stable: { sequence, id } } })

describe('an id is disowned', () => {
  const rows: [string, boolean, Rule, KnownRelease | null, typeof history | null][] = [
    ['not: nothing is known of it', false, ruleOf(), null, history],
    ['not: only strangers signed it', false, ruleOf(), releaseOf(5, [STRANGER]), history],
    ['not: it is met', false, ruleOf(), releaseOf(5, ['alice']), history],
    ['nobody who is listed signed it', true, ruleOf(), releaseOf(5, ['carol']), history],
    ['the same, without history', true, ruleOf(), releaseOf(5, ['carol']), null],
    ['not: too few signed, without history', false, ruleOf(two), releaseOf(5, ['alice']), null],
    ['too few signed, with history', true, ruleOf(two), releaseOf(5, ['alice']), history],
    ['too few, and one who is not listed, without history', true, ruleOf(two), releaseOf(5, ['alice', 'carol']), null],
    ['not: it is the head', false, ruleOf(headed(5, hex('release 5'))), releaseOf(5, ['carol']), history],
    ['not: it is below the head', false, ruleOf(headed(6)), releaseOf(5, ['carol']), history],
    ['it is beside the head', true, ruleOf(headed(5)), releaseOf(5, ['carol']), history],
    ['it is above the head', true, ruleOf(headed(4)), releaseOf(5, ['carol']), history],
    ['the head is of another channel', true, ruleOf(headed(6)), releaseOf(5, ['carol'], { channel: 'beta' }), history],
    ['not: met past the end of the reach', false, { ...ruleOf(), endsAt: 0 }, releaseOf(5, ['alice']), history],
  ]
  it.each(rows)('%s', (_, expected, rule, release, read) => {
    const known = release === null ? nothingKnown : knowing(release)
    expect(isDisowned(rule, known, hex('release 5'), read)).toBe(expected)
  })
})

describe('the floor', () => {
  const at = (sequence: number, id = `release ${sequence}`) => ({ sequence, id: hex(id) })
  const installedAt = (sequence: number, over: Partial<Resolved> = {}): Resolved => ({
    ...at(sequence),
    channel: 'stable',
    version: `1.${sequence}.0`,
    ...over,
  })
  const floor = (over: Partial<Omit<FloorSources, 'state'>>, stored = new Map(), known = nothingKnown) => {
    const state = { floors: stored, known } as unknown as FloorSources['state']
    return floorOf({ rule: ruleOf(), installed: null, history, anchorHeads: null, ...over, state }, 'stable')
  }
  const all = {
    rule: ruleOf(headed(3, hex('release 3'))),
    installed: installedAt(2),
    anchorHeads: new Map([['stable', at(4)]]),
  }

  it.each<[string, ReturnType<typeof floor>, number | null]>([
    ['there is none', floor({}), null],
    ['the stored one', floor({}, new Map([['stable', at(1)]])), 1],
    ["the stored one, not another channel's", floor({}, new Map([['beta', at(1)]])), null],
    ['what is installed', floor({ installed: installedAt(2) }), 2],
    ['what is installed, of another channel', floor({ installed: installedAt(2, { channel: 'beta' }) }), null],
    ['what is installed, its id unknown', floor({ installed: installedAt(2, { id: null }) }), null],
    ['what is installed, its sequence unknown', floor({ installed: installedAt(2, { sequence: null }) }), null],
    ['the head of the trust file', floor({ rule: all.rule }), 3],
    ['the head of the anchor', floor({ anchorHeads: all.anchorHeads }), 4],
    ['the highest of all, the last', floor(all, new Map([['stable', at(1)]])), 4],
    ['the highest of all, the first', floor(all, new Map([['stable', at(9)]])), 9],
    ['no disowned one', floor(all, new Map([['stable', at(9)]]), knowing(releaseOf(9, ['carol']))), 4],
  ])('%s', (_, found, sequence) => {
    expect(found).toEqual(sequence === null ? null : at(sequence))
  })

  it('of one sequence is the first: what was stored', () => {
    expect(floor({ installed: installedAt(5) }, new Map([['stable', at(5, 'stored')]]))).toEqual(at(5, 'stored'))
  })

  it.each([
    ['without one everything', null, at(1), true],
    ['below', at(5), at(4), false],
    ['beside', at(5), at(5, 'another'), false],
    ['the same', at(5), at(5), true],
    ['above', at(5), at(6), true],
  ])('is cleared: %s', (_, given, release, expected) => {
    expect(clearsFloor(given, release)).toBe(expected)
  })
})

describe('what is installed', () => {
  const older = releaseOf(1, ['alice'], { version: '1.0.0' })
  const newer = releaseOf(2, ['alice'], { version: '1.0.0' })
  const unmet = releaseOf(3, ['carol'], { version: '1.0.0', artifacts: newer.artifacts })
  const beta = releaseOf(4, ['alice'], { version: '1.0.0', channel: 'beta' })
  const several = [...newer.artifacts, ...older.artifacts].map((file, at) => ({
    ...file,
    sha256: hex(at === 0 ? 'more' : 'most'),
  }))
  const other = releaseOf(5, ['alice'], { version: '2.0.0', artifacts: several })
  const known = knowing(older, newer, unmet, beta, other)
  const found = ({ id, channel, sequence, version }: KnownRelease): Resolved => ({ id, channel, sequence, version })
  const nothing: Resolved = { id: null, channel: null, sequence: null, version: null }
  const digest = (sha256 = ''): Installed => ({ kind: 'sha256', sha256 })
  const version = (channel: string, text: string): Installed => ({ kind: 'version', channel, version: text })

  it.each<[string, Installed | null, Resolved | null]>([
    ['nothing', null, null],
    ['as the record says', { kind: 'record', ...found(unmet) } as Installed, found(unmet)],
    ['the newest met release of that version', version('stable', '1.0.0'), found(newer)],
    ['of that channel', version('beta', '1.0.0'), found(beta)],
    ['a version that is not known', version('stable', '3.0.0'), { ...nothing, channel: 'stable', version: '3.0.0' }],
    ['the met release of those bytes', digest(newer.artifacts[0]?.sha256), found(newer)],
    ['one of its artifacts', digest(hex('more')), found(other)],
    ['bytes that are not known', digest(hex(artifact('9.0.0').name)), nothing],
  ])('%s', (_, installed, expected) => {
    expect(resolveInstalled(ruleOf(), known, installed)).toEqual(expected)
  })
})
