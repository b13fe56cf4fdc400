import { checkEvidence, parseEvidence, parseTrust, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterEach, describe, expect, it } from 'vitest'
import { entryBy, looseEntry, MemoryLog } from '../support/world.ts'
import {
  idOf,
  member,
  PRODUCT,
  rebuild,
  release,
  revocation,
  trustFile,
  trustStatement,
  waiver,
} from '../support/world-statements.ts'
import { day, MonitorScene, ORIGIN, type SceneOptions } from './scene.ts'

let scene: MonitorScene
afterEach(() => scene.close())

const dependencies = utf8('dependencies')
const first = release(1, null)
const second = release(2, idOf(first))

/** An honest product: two releases, each rebuilt, with the bodies that the votes name. */
async function open(options: SceneOptions = {}): Promise<MonitorScene> {
  scene = await MonitorScene.open(options)
  scene.served.bodies.push(dependencies)
  scene.log.add(entryBy('alice', first), entryBy('rob', rebuild(first)))
  scene.log.add(entryBy('alice', second), entryBy('rob', rebuild(second)))
  scene.publish()
  return scene
}

/** Adds entries, shows them, and lets the monitor see them. */
async function logged(...leaves: readonly Uint8Array[]): Promise<void> {
  scene.log.add(...leaves)
  scene.publish()
  await scene.poll()
}

/** Judges what the monitor kept with a trust file, as anybody would. */
function proven(bytes: Uint8Array): string[] {
  const { store } = scene.monitor
  const trust = parseTrust(nodeCrypto, bytes)
  return store.evidenceList(ORIGIN, 100).map(({ id, kind }) => {
    const evidence = parseEvidence(store.evidence(id) ?? new Uint8Array())
    return `${kind}: ${checkEvidence({ crypto: nodeCrypto, evidence, trust }).verdict}`
  })
}

describe('the index of a product', () => {
  it('of which all is well is quiet, and complete', async () => {
    await open()
    await scene.start()
    await scene.poll(2 * day)
    scene.publish()
    await scene.poll()
    expect(scene.rules()).toEqual([])
    const { store } = scene.monitor
    expect(store.product(ORIGIN, PRODUCT)).toMatchObject({ watched: true, entries: 4, lastIndex: 3 })
    expect(store.statements(ORIGIN, PRODUCT, 'release', 10).map(({ id, metAt }) => [id, metAt])).toEqual([
      [idOf(second), 2],
      [idOf(first), 0],
    ])
    expect(store.wantedBlobs(ORIGIN, 10)).toEqual([])
    expect(scene.defects).toEqual([])
  })

  it('comes out the same whether it was read at once or bit by bit, over restarts', async () => {
    await open()
    await scene.start()
    await scene.restart()
    await logged(entryBy('rita', rebuild(second)))
    await scene.restart()
    expect(scene.monitor.store.entries(ORIGIN, idOf(rebuild(second))).map(({ index }) => index)).toEqual([3, 4])
    expect(scene.rules()).toEqual([])
  })
})

const third = release(3, idOf(second))
const other = (over: object) => release(3, idOf(second), { version: '1.3.1', ...over })

describe('rules about entries', () => {
  it.each<[string, () => Uint8Array[], string[]]>([
    ['a release by a key that nobody listed', () => [entryBy('mallory', third)], ['unexpected-key']],
    ['a release by a rebuilder', () => [entryBy('rob', third)], ['unexpected-key']],
    ['a vote by a stranger', () => [entryBy('mallory', rebuild(second))], ['entry-refused']],
    ['a waiver by a publisher', () => [entryBy('alice', waiver(idOf(second)))], ['entry-refused']],
    ['a vote about nothing logged', () => [entryBy('rob', rebuild(third))], ['entry-refused']],
    ['a leaf that is no statement', () => [utf8('hello')], ['entry-refused']],
    ['a statement that is none', () => [looseEntry('alice', utf8('{}'))], ['entry-refused']],
    [
      'a channel that is not open',
      () => [entryBy('alice', release(1, null, { channel: 'nightly' }))],
      ['entry-refused'],
    ],
    ['a sequence that jumps', () => [entryBy('alice', release(4, idOf(second)))], ['sequence-fork']],
    ['a previous that is not logged', () => [entryBy('alice', release(4, idOf(third)))], ['sequence-fork']],
    [
      'a previous of another channel',
      () => [entryBy('alice', release(3, idOf(second), { channel: 'beta' }))],
      ['sequence-fork'],
    ],
    ['no previous past the first', () => [entryBy('alice', release(3, null))], ['sequence-fork']],
    ['a revocation', () => [entryBy('alice', revocation(idOf(first)))], ['revocation']],
    ['a waiver', () => [entryBy('root', waiver(idOf(second)))], ['waiver']],
  ])('%s', async (_what, leaves, rules) => {
    await open()
    await scene.start()
    await logged(...leaves())
    await scene.poll()
    expect(scene.rules()).toEqual(rules)
    const [alert, ...more] = scene.alerts()
    expect([alert?.title.endsWith('.'), alert?.remedy.endsWith('.'), more]).toEqual([true, true, []])
  })

  it('a signature that is not of the key that it names', async () => {
    await open()
    await scene.start()
    const leaf = new TextDecoder().decode(entryBy('alice', third))
    const stolen = /"sig":"([^"]+)"/.exec(new TextDecoder().decode(entryBy('alice', second)))?.[1] ?? ''
    await logged(utf8(leaf.replace(/"sig":"[^"]+"/, `"sig":"${stolen}"`)))
    expect(scene.rules()).toEqual(['unexpected-key'])
    expect(scene.alerts()[0]?.title).toContain('does not verify')
  })

  it('rivals below the threshold are told, and are no equivocation', async () => {
    await open({ trust: { publishers: { threshold: 2, members: [member('alice'), member('bob')] } } })
    scene.log.add(entryBy('bob', first), entryBy('bob', second))
    scene.publish()
    await scene.start()
    await logged(entryBy('alice', third), entryBy('bob', other({})))
    expect(scene.rules()).toEqual(['rival-proposals', 'sequence-fork']) // the early second release came before the first was met
    expect(scene.monitor.store.evidenceList(ORIGIN, 10)).toEqual([])
  })

  it('two met releases of one place convict the publishers', async () => {
    await open()
    await scene.start()
    await logged(entryBy('alice', third), entryBy('bob', other({})))
    expect(scene.rules()).toEqual(['equivocation', 'rival-proposals'])
    expect(proven(trustFile({ log: scene.log }))).toEqual(['equivocation: convicts'])
    const [alert] = scene.alerts('equivocation')
    expect(alert?.evidence).toBe(scene.monitor.store.evidenceList(ORIGIN, 10)[0]?.id)
  })

  it('a negative vote is told with evidence, also where it comes before the release is met', async () => {
    await open({ trust: { publishers: { threshold: 2, members: [member('alice'), member('bob')] } } })
    await scene.start()
    const against = rebuild(second, { subjects: [{ name: second.artifacts[0]?.name ?? '', sha256: 'f'.repeat(64) }] })
    await logged(entryBy('rita', against))
    expect(scene.alerts('negative-vote').map(({ evidence }) => evidence)).toEqual([null])
    await scene.close()

    await open()
    await scene.start()
    await logged(entryBy('rita', against))
    await scene.poll()
    expect(scene.rules()).toEqual(['negative-vote'])
    expect(proven(trustFile({ log: scene.log }))).toEqual(['mismatch: convicts'])
  })

  it('a release without enough rebuilds is told after a time, and not when it is waived', async () => {
    await open()
    await scene.start()
    await logged(entryBy('alice', third))
    expect(scene.rules()).toEqual([])
    await scene.poll(day)
    expect(scene.rules()).toEqual(['missing-rebuilds'])
    await logged(entryBy('rob', rebuild(third)))
    expect(scene.alerts('missing-rebuilds')[0]?.endedAt).toBe(scene.now)
    const fourth = release(4, idOf(third))
    await logged(entryBy('alice', fourth), entryBy('root', waiver(idOf(fourth))))
    await scene.poll(2 * day)
    expect(scene.alerts('missing-rebuilds')).toHaveLength(1)
  })

  it('proposals that are not met end no alert about a release that lacks rebuilds', async () => {
    await open({ trust: { publishers: { threshold: 2, members: [member('alice'), member('bob')] } } })
    scene.log.add(entryBy('bob', first), entryBy('bob', second))
    scene.log.add(entryBy('alice', third), entryBy('bob', third))
    scene.publish()
    await scene.start()
    await scene.poll(day)
    expect(scene.alerts('missing-rebuilds').map(({ endedAt }) => endedAt)).toEqual([null])
    const junk = Array.from({ length: 40 }, (_, at) => release(4, idOf(third), { version: `1.4.${at}` }))
    await logged(...junk.map((proposal) => entryBy('alice', proposal)))
    expect(scene.alerts('missing-rebuilds').map(({ endedAt }) => endedAt)).toEqual([null])
    // And all the rivals for one place are one alert.
    expect(scene.alerts('rival-proposals')).toHaveLength(1)
  })

  it('a flood by strangers is told as one, and again on another day', async () => {
    await open()
    await scene.start()
    const junk = (day: number) =>
      Array.from({ length: 50 }, (_, at) => entryBy('mallory', release(3, idOf(second), { version: `1.${day}.${at}` })))
    await logged(...junk(1))
    expect(scene.alerts('unexpected-key')).toHaveLength(33)
    expect(scene.alerts('unexpected-key').at(-1)?.title).toContain('more than 32')
    scene.now += 2 * day
    await logged(...junk(2))
    expect(scene.alerts('unexpected-key')).toHaveLength(66)
    await logged(entryBy('alice', third), entryBy('bob', other({})))
    expect(scene.alerts('equivocation')).toHaveLength(1)
  })

  it('a negative vote that comes before its release is held against it', async () => {
    await open()
    await scene.start()
    const against = rebuild(third, { subjects: [{ name: third.artifacts[0]?.name ?? '', sha256: 'f'.repeat(64) }] })
    await logged(entryBy('rita', against))
    expect(scene.rules()).toEqual(['entry-refused'])
    await logged(entryBy('alice', third))
    expect(scene.rules()).toEqual(['entry-refused', 'negative-vote'])
  })

  it('a body that is not served is told after a time, and forgotten when it is', async () => {
    await open()
    scene.served.bodies.length = 0
    await scene.start()
    await scene.poll(3600)
    expect(scene.rules()).toEqual(['missing-blob'])
    scene.served.bodies.push(dependencies)
    await scene.poll(7200)
    expect(scene.alerts('missing-blob')[0]?.endedAt).toBe(scene.now)
  })
})

describe('trust', () => {
  const next = (over: object = {}) =>
    trustFile({
      ...{ log: scene.log, version: 2 },
      publishers: { threshold: 1, members: [member('carol'), member('alice', { until: 5 })] },
      ...over,
    })

  it('changes by a logged statement: other keys count from there on', async () => {
    await open()
    await scene.start()
    const body = next()
    scene.served.bodies.push(body)
    await logged(entryBy('root', trustStatement(body, 2)), entryBy('carol', third))
    expect(scene.rules()).toEqual(['trust-change'])
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)?.trust?.version).toBe(2)
    expect(scene.monitor.store.statement(ORIGIN, idOf(third))?.metAt).toBe(5)
    await scene.restart()
    await logged(entryBy('alice', release(4, idOf(third))))
    expect(scene.rules()).toEqual(['trust-change', 'unexpected-key'])
  })

  it('waits for its body, and then judges again what came since', async () => {
    await open()
    await scene.start()
    const body = next()
    await logged(entryBy('root', trustStatement(body, 2)), entryBy('carol', third))
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)?.trust?.version).toBe(1)
    scene.served.bodies.push(body)
    await scene.poll(120)
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)?.trust?.version).toBe(2)
    expect(scene.monitor.store.statement(ORIGIN, idOf(third))?.metAt).toBe(5)
  })

  it('lets others sign: what they had signed before counts, and is told', async () => {
    await open()
    await scene.start()
    const body = trustFile({
      ...{ log: scene.log, version: 2 },
      publishers: { threshold: 1, members: [member('carol'), member('alice')] },
      rebuilders: { threshold: 1, members: [member('rob'), member('ruth')] },
    })
    scene.served.bodies.push(body)
    const against = rebuild(second, { subjects: [{ name: second.artifacts[0]?.name ?? '', sha256: 'f'.repeat(64) }] })
    await logged(
      ...[entryBy('alice', third), entryBy('carol', other({}))],
      ...[entryBy('carol', revocation(idOf(first))), entryBy('ruth', against)],
    )
    expect(scene.rules()).toEqual(['entry-refused', 'unexpected-key'])
    await logged(entryBy('root', trustStatement(body, 2)))
    await scene.poll()
    for (const rule of ['equivocation', 'negative-vote', 'revocation', 'trust-change'])
      expect([rule, scene.alerts(rule).length]).toEqual([rule, 1])
    expect(proven(body).sort()).toEqual(['equivocation: convicts', 'mismatch: convicts'])
  })

  it('needs the new authority as well as the old one', async () => {
    await open()
    await scene.start()
    const body = next({ authority: { threshold: 1, members: [member('heir')] } })
    scene.served.bodies.push(body)
    await logged(entryBy('root', trustStatement(body, 2)))
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)?.trust?.version).toBe(1)
    await logged(entryBy('heir', trustStatement(body, 2)))
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)?.trust?.version).toBe(2)
    expect(scene.rules()).toEqual(['trust-change'])
  })

  it('of which there are two files of one version convicts the authority', async () => {
    await open()
    await scene.start()
    const [body, another] = [next(), next({ channels: ['stable'] })]
    scene.served.bodies.push(body, another)
    await logged(entryBy('root', trustStatement(body, 2)))
    await logged(entryBy('root', trustStatement(another, 2)))
    await scene.poll()
    expect(scene.rules()).toEqual(['entry-refused', 'trust-change', 'trust-fork'])
    expect(proven(trustFile({ log: scene.log }))).toEqual(['trust-fork: convicts'])
  })

  it('that moves to another log is told with what to do; in this one nothing counts past it', async () => {
    await open()
    await scene.start()
    const body = next({ log: new MemoryLog('log.example.org/new') })
    scene.served.bodies.push(body)
    await logged(entryBy('root', trustStatement(body, 2)))
    const [alert] = scene.alerts('trust-moves')
    expect(alert?.title).toContain('log.example.org/new')
    expect(alert?.detail).toMatch(/"keys": \["log\.example\.org\/new\+.*"url": "/)
    expect(alert?.remedy).toContain('configuration')
    await scene.restart()
    expect(scene.monitor.store.statement(ORIGIN, idOf(second))?.metAt).toBe(2) // as the file of this log says
    await logged(entryBy('alice', third))
    expect(scene.rules()).toEqual(['entry-refused', 'trust-moves'])
    expect(scene.alerts('entry-refused')[0]?.title).toContain('nothing counts past the trust statement at 4')
  })

  it('in a format of the future ends what this version can judge', async () => {
    await open()
    await scene.start()
    const body = utf8(new TextDecoder().decode(next()).replace('"format": 1', '"format": 2'))
    scene.served.bodies.push(body)
    await logged(entryBy('root', trustStatement(body, 2)), entryBy('alice', third))
    expect(scene.rules()).toEqual(['entry-refused', 'trust-ends'])
  })
})
