/** Members that are certificate identities, as a monitor sees them: they count like keys, by the authorities that the trust file pins. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatStatement, type Identity, type ReleaseStatement, type Statement } from '@samebits/core'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checksEvidence } from '../support/evidence-check.ts'
import { certifiedEntry, type SigstoreWorld, sigstoreWorld } from '../support/sigstore-world.ts'
import { entryBy } from '../support/world.ts'
import { idOf, member, PRODUCT, rebuild, release, trustFile, trustStatement } from '../support/world-statements.ts'
import { day, MonitorScene, ORIGIN } from './scene.ts'

const issuer = 'https://issuer.example'
const who = (name: string): Identity => ({ issuer, san: `https://ci.example/${name}` })
const certified = (name: string) => ({ id: `ci-${name}`, identity: who(name) })

let pinned: SigstoreWorld
let other: SigstoreWorld
let scene: MonitorScene
beforeAll(async () => {
  ;[pinned, other] = [await sigstoreWorld(), await sigstoreWorld()]
})
afterEach(() => scene.close())

const by = (name: string, statement: Statement, world = pinned, stampedBy = world) =>
  certifiedEntry(world, formatStatement(statement), who(name), stampedBy)

const members = () => ({
  publishers: { threshold: 1, members: [certified('publisher'), member('alice')] },
  rebuilders: { threshold: 1, members: [certified('rebuilder'), member('rob')] },
  authority: { threshold: 1, members: [certified('authority'), member('root')] },
  over: { trustedRoot: pinned.trustedRoot },
})

const first = release(1, null)
const second = release(2, idOf(first))
const against = (of: ReleaseStatement) =>
  rebuild(of, { subjects: [{ name: of.artifacts[0]?.name ?? '', sha256: 'f'.repeat(64) }] })

async function open(trust: object = members()): Promise<void> {
  scene = await MonitorScene.open({ trust })
  scene.served.bodies.push(new TextEncoder().encode('dependencies'))
}

async function logged(...leaves: readonly (Uint8Array | Promise<Uint8Array>)[]): Promise<void> {
  scene.log.add(...(await Promise.all(leaves)))
  scene.publish()
  await scene.poll()
}

const metAt = (statement: Statement) => scene.monitor.store.statement(ORIGIN, idOf(statement))?.metAt

/** What another process makes of the evidence that was kept, from the file and the trust file alone. */
async function proven(): Promise<string[]> {
  const { store } = scene.monitor
  const said: string[] = []
  for (const { id } of store.evidenceList(ORIGIN, 10)) {
    const file = join(scene.folder, `${id}.json`)
    writeFileSync(file, store.evidence(id) ?? '')
    const { status, stdout } = await checksEvidence(file, '--trust', join(scene.folder, 'trust.json'))
    said.push(`${status} ${stdout.split('\n')[0]}`)
  }
  return said
}

describe('members with certificates', () => {
  it('sign releases and votes that count: all is quiet, also after a restart', async () => {
    await open()
    await scene.start()
    await logged(by('publisher', first), by('rebuilder', rebuild(first)))
    await logged(entryBy('alice', second), by('rebuilder', rebuild(second)))
    await scene.restart()
    await scene.poll(2 * day)
    scene.publish()
    await scene.poll()
    expect([metAt(first), metAt(second)]).toEqual([0, 2])
    expect(scene.rules()).toEqual([])
    expect(scene.defects).toEqual([])
  })

  it('lack rebuilds where the only vote is of somebody else', async () => {
    await open()
    await scene.start()
    await logged(by('publisher', first))
    await scene.poll(2 * day)
    expect(scene.rules()).toContain('missing-rebuilds')
  })

  it.each<[string, () => Promise<Uint8Array>, string]>([
    ['a release by another subject', () => by('fork', second), 'unexpected-key'],
    ['a release under authorities that nobody pinned', () => by('publisher', second, other), 'unexpected-key'],
    ['a release with a timestamp of another authority', () => by('publisher', second, pinned, other), 'unexpected-key'],
    ['a release by a rebuilder', () => by('rebuilder', second), 'unexpected-key'],
    ['a vote by a stranger', () => by('fork', rebuild(first)), 'entry-refused'],
    ['a vote by a publisher', () => by('publisher', rebuild(first)), 'entry-refused'],
    ['a vote against, by a stranger,', () => by('fork', against(first)), 'entry-refused'],
  ])('%s is told, and counts for nothing', async (_what, entry, rule) => {
    await open()
    await scene.start()
    await logged(entryBy('alice', first), entry())
    expect(scene.rules()).toEqual([rule])
    expect(metAt(second) ?? null).toBeNull()
    expect(scene.alerts().map(({ title, detail }) => `${title}${detail}`)).toEqual([
      expect.stringMatching(/certificate.* names nobody|is no publisher|may not sign/),
    ])
  })

  it('a release whose certificate names another issuer is told', async () => {
    await open()
    await scene.start()
    const elsewhere = { ...who('publisher'), issuer: 'https://issuer.example.org' }
    await logged(certifiedEntry(pinned, formatStatement(first), elsewhere))
    expect(scene.rules()).toEqual(['unexpected-key'])
  })

  it('count once with a key of the same operator', async () => {
    const both = [
      { ...certified('publisher'), operator: 'we' },
      member('alice', { operator: 'we' }),
      member('bob', { operator: 'others' }),
    ]
    await open({ ...members(), publishers: { threshold: 2, members: both } })
    await scene.start()
    await logged(by('publisher', first), entryBy('alice', first))
    expect(metAt(first)).toBeNull()
    await logged(entryBy('bob', first))
    expect(metAt(first)).toBe(2)
  })

  it('are convicted by what they signed, from the file alone', async () => {
    await open()
    await scene.start()
    await logged(by('publisher', first), entryBy('alice', release(1, null, { version: '1.0.1' })))
    await logged(by('rebuilder', against(first)))
    await scene.poll()
    expect(scene.rules()).toEqual(['equivocation', 'negative-vote', 'rival-proposals'])
    expect((await proven()).sort()).toEqual([`0 equivocation in ${ORIGIN}: proven`, `0 mismatch in ${ORIGIN}: proven`])
  })
})

describe('trust files with identities', () => {
  it('take effect by a certified authority, and others of that version convict it', async () => {
    await open()
    await scene.start()
    const [body, another] = [2, 2].map((version, at) =>
      trustFile({ log: scene.log, version, ...members(), channels: at === 0 ? ['stable', 'beta'] : ['stable'] }),
    ) as [Uint8Array, Uint8Array]
    scene.served.bodies.push(body, another)
    await logged(by('authority', trustStatement(body, 2)))
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)?.trust?.version).toBe(2)
    await logged(by('authority', trustStatement(another, 2)))
    await scene.poll()
    expect(scene.rules()).toEqual(['entry-refused', 'trust-change', 'trust-fork'])
    expect(await proven()).toEqual([`0 trust-fork in ${ORIGIN}: proven`])
  })

  it('judge again what was certified before they listed it, and no more what other authorities certified', async () => {
    await open({})
    await scene.start()
    await logged(by('publisher', first))
    expect([metAt(first), scene.rules()]).toEqual([null, ['unexpected-key']])
    const body = trustFile({ log: scene.log, version: 2, ...members() })
    scene.served.bodies.push(body)
    await logged(entryBy('root', trustStatement(body, 2)))
    expect(metAt(first)).toBe(0)

    const elsewhere = { trustedRoot: other.trustedRoot }
    const third = trustFile({ log: scene.log, version: 3, ...members(), over: elsewhere })
    scene.served.bodies.push(third)
    await scene.restart()
    await logged(entryBy('root', trustStatement(third, 3)))
    expect(scene.monitor.store.product(ORIGIN, PRODUCT)?.trust?.version).toBe(3)
    expect(metAt(first)).toBeNull()
    await logged(by('publisher', second, other))
    expect(metAt(second)).toBe(3)
  })
})
