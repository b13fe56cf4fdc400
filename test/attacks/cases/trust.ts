/** TRUST_INVALID: whom the client would believe next. */
import { cosignatureSigner, formatVkey, fromUtf8, toBase64, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { entryBy, keyOf, logLine, publicPem, witnessLine } from '../../support/world.ts'
import { cosigners, ORIGIN, type Scene } from '../../support/world-scene.ts'
import {
  hex,
  idOf,
  member,
  rebuild,
  release,
  type TrustOptions,
  trustFile,
  trustStatement,
} from '../../support/world-statements.ts'
import { type Group, not, type Row, refusing } from '../case.ts'
import { lookAround } from '../expectations.ts'
import { runLibrary } from '../programs.ts'
import { notes, type ServedLog, type Stage } from '../stage.ts'
import { offerLeaves } from '../tools.ts'

interface TrustJson {
  [field: string]: unknown
  publishers: { threshold: number; members: object[] }
  rebuilders: { threshold: number; members: object[] }
}

/** The application ships a newer trust file that says otherwise. */
function shipped(change: (file: TrustJson, scene: Scene) => void): Row['arrange'] {
  return async (stage) => {
    const scene = await stage.usual()
    const file = JSON.parse(fromUtf8(scene.trust)) as TrustJson
    file['version'] = 2
    change(file, scene)
    stage.trust = utf8(JSON.stringify(file))
  }
}

/** The same with another policy after the log's line. */
function policy(lines: string): Row['arrange'] {
  return shipped((file, { log }) => {
    file['tlogPolicy'] = logLine(log) + lines
  })
}

const [w1, w2, w3] = ['w1.example', 'w2.example', 'w3.example'].map(witnessLine)
const twin = `witness twin ${formatVkey(cosignatureSigner(nodeCrypto, 'w1.example', keyOf('twin')).key)}\n`

const files: readonly (readonly [string, Row['arrange']])[] = [
  ['threshold 0', shipped(({ publishers }) => Object.assign(publishers, { threshold: 0 }))],
  ['a negative threshold', shipped(({ publishers }) => Object.assign(publishers, { threshold: -1 }))],
  ['a fractional threshold', shipped(({ publishers }) => Object.assign(publishers, { threshold: 1.5 }))],
  ['a threshold above the members', shipped(({ publishers }) => Object.assign(publishers, { threshold: 3 }))],
  [
    'a threshold above the operators',
    shipped(({ publishers }) =>
      Object.assign(publishers, {
        threshold: 2,
        members: [member('alice'), member('bob', { operator: 'alice' })],
      }),
    ),
  ],
  [
    "rebuilders that are the publishers' own",
    shipped(({ rebuilders }) =>
      Object.assign(rebuilders, {
        members: [member('rob', { operator: 'alice' })],
      }),
    ),
  ],
  [
    'one key twice',
    shipped(({ publishers }) => publishers.members.push({ id: 'again', publicKey: publicPem('alice') })),
  ],
  [
    'one id twice',
    shipped(({ publishers }) => publishers.members.push({ id: 'alice', publicKey: publicPem('carol') })),
  ],
  [
    "the log's key as a publisher's",
    shipped(({ publishers }) => publishers.members.push({ id: 'log', publicKey: publicPem(ORIGIN) })),
  ],
  [
    "a witness's key as a publisher's",
    shipped(({ publishers }) => publishers.members.push({ id: 'w', publicKey: publicPem('w1.example') })),
  ],
  ['an unknown field', shipped((file) => Object.assign(file, { verification: 'off' }))],
  ['an unknown format', shipped((file) => Object.assign(file, { format: 2 }))],
  ['a quorum with forkCost 0', policy(`${w1}${w2}${w3}group all 1 w1.example w2.example w3.example\nquorum all\n`)],
  [
    'a quorum of two of four: its halves could cosign two forks',
    policy(
      `${w1}${w2}${w3}${witnessLine('w4.example')}group all 2 w1.example w2.example w3.example w4.example\nquorum all\n`,
    ),
  ],
  [
    'a witness in the quorum that is not listed',
    policy(`${w1}${w2}group all 2 w1.example w2.example w9.example\nquorum all\n`),
  ],
  [
    "one operator's two keys as two witnesses",
    policy(`${w1}${twin}${w2}group all 2 w1.example twin w2.example\nquorum all\n`),
  ],
  ['`quorum none` that is not called unwitnessed', policy('quorum none\n')],
  [
    'two log lines',
    shipped((file, { log }) =>
      Object.assign(file, { tlogPolicy: `${logLine(log)}${logLine(log)}${w1}quorum w1.example\n` }),
    ),
  ],
  [
    'no JSON',
    async (stage) => {
      await stage.usual()
      stage.trust = utf8('{')
    },
  ],
  [
    'two files of one version',
    shipped((file) => Object.assign(file, { version: 1, mirrors: ['https://mirror.example.com/'] })),
  ],
  [
    'past `expires`',
    async (stage) => {
      stage.begin({ history: { mode: 'offered', expires: '2026-01-01' } }).publish()
    },
  ],
  [
    'an anchor of another product',
    async (stage) => {
      const scene = await stage.usual()
      stage.anchor = scene.anchor({ product: 'example.com/other' })
    },
  ],
  [
    'an anchor that the log did not sign',
    async (stage) => {
      const scene = await stage.usual()
      const text = scene.log.checkpoint()
      stage.anchor = scene.anchor({ checkpoint: `${text.slice(0, text.indexOf('\n\n') + 2)}— ${ORIGIN} AAAAAAAA\n` })
    },
  ],
  [
    'an anchor whose entries are not in its tree',
    async (stage) => {
      const scene = await stage.usual()
      stage.anchor = scene.anchor({ entries: scene.log.view({ size: 8, indices: [6] }).entries })
    },
  ],
]

interface Step {
  readonly scene: Scene
  readonly next: Uint8Array
  readonly index: number
}

function logStep(scene: Scene, next: Uint8Array, version: number, by: readonly string[] = ['root']): Step {
  const indices = scene.log.add(...by.map((name) => entryBy(name, trustStatement(next, version))))
  scene.log.pad(1)
  scene.bodies.push(next)
  return { scene, next, index: indices[0] ?? 0 }
}

/** Version 2, logged; the second release is offered. */
async function stepTo(stage: Stage, options: Partial<TrustOptions> = {}, by?: readonly string[]): Promise<Step> {
  const scene = await stage.usual()
  return logStep(scene, trustFile({ log: scene.log, version: 2, ...options }), 2, by)
}

/** The body of a step, answered by something else. */
function bodyAs(change: (body: Uint8Array) => Uint8Array): Row['arrange'] {
  return async (stage) => {
    const { next } = await stepTo(stage)
    const bytes = change(next)
    stage.hostile = () => (request, response) =>
      request.url?.startsWith('/log/v1/blob/') === true && void response.end(bytes) === undefined
  }
}

/** A body that is logged under a number that it does not bear. */
function bodyIs(make: (scene: Scene) => Uint8Array): Row['arrange'] {
  return async (stage) => {
    const scene = await stage.usual()
    logStep(scene, make(scene), 2)
  }
}

const trustIs = (version: number): Partial<Row> => ({
  async after(_stage, home) {
    const { known } = await lookAround(home)
    if (known?.trust !== version) throw new Error(`trust version ${known?.trust} rules, not ${version}`)
  },
})

/** A chain of 34 versions in one log. */
async function endless(stage: Stage): Promise<void> {
  const scene = await stage.usual()
  for (let version = 2; version <= 35; version++) logStep(scene, trustFile({ log: scene.log, version }), version)
}

const steps: readonly (readonly [string, Row['arrange'], Partial<Row>?])[] = [
  [
    'a logged step whose body is withheld',
    async (stage) => {
      const { scene } = await stepTo(stage)
      scene.bodies.length = 0
    },
    trustIs(1),
  ],
  [
    'the same, offline',
    async (stage) => {
      const { scene, index } = await stepTo(stage)
      stage.offer = stage.bundle({ indices: [...scene.last.indices, index] })
      stage.goOffline()
    },
    trustIs(1),
  ],
  ['a body of another digest', bodyAs((body) => utf8(`${fromUtf8(body).slice(0, -1)} `)), trustIs(1)],
  ['a body of another size', bodyAs((body) => utf8(`${fromUtf8(body)} `)), trustIs(1)],
  ['a body that says another version: a skipped one', bodyIs(({ log }) => trustFile({ log, version: 3 })), trustIs(1)],
  [
    'a body of another product',
    bodyIs(({ log }) => trustFile({ log, version: 2, product: 'example.com/other' })),
    trustIs(1),
  ],
  ['a body that no parser reads', bodyIs(() => utf8('{"format":1}')), trustIs(1)],
  [
    'two different met files of one version, logged',
    async (stage) => {
      const { scene } = await stepTo(stage)
      logStep(scene, trustFile({ log: scene.log, version: 2, over: { mirrors: ['https://mirror.example.com/'] } }), 2)
    },
    { evidence: 'trust-fork' },
  ],
  [
    'an endless chain: 32 steps a run, the next run goes on',
    endless,
    {
      async after(stage, home) {
        const { known } = await lookAround(home)
        if (known?.trust !== 33) throw new Error(`version ${known?.trust} rules`)
        const { result } = await runLibrary(stage, home)
        if (result !== 'installed') throw new Error(`the next run: ${result}`)
      },
    },
  ],
  [
    'a release logged after a trust file of an unknown format: the reach ends there',
    async (stage) => {
      const scene = await stage.installed()
      logStep(scene, utf8('{"format":2}'), 2)
      scene.publish()
    },
  ],
]

/** A release by a key that only a trust file names which has no force. */
async function usurped(stage: Stage, by: readonly string[], options: Partial<TrustOptions>): Promise<void> {
  const scene = await stage.installed()
  const publishers = { threshold: 1, members: [member('mallory')] }
  const next = trustFile({ log: scene.log, version: 2, publishers, ...options })
  logStep(scene, next, 2, by)
  const { views } = offerLeaves(stage, (s) => [entryBy('mallory', s), entryBy('rob', rebuild(s))])
  stage.offer = { views, trust: [next] }
}

const root2 = { authority: { threshold: 1, members: [member('root2')] } }
const usurpers: readonly (readonly [string, Row['arrange'], Partial<Row>])[] = (
  [
    ['a new trust file without the old authority has no force', ['root2'], root2],
    ['a new trust file without the new authority has no force', ['root'], root2],
    ['a trust file by publishers has no force', ['alice'], {}],
    ['a trust file that comes with the artifact, logged by a stranger, has no force', ['mallory'], {}],
  ] as const
).map(([title, by, options]) => [
  `${title}: a release by its key`,
  (stage) => usurped(stage, by, options),
  { result: 'SIGNATURE_INVALID', ...trustIs(1) },
])

const heads = ({ last }: Scene) => ({ stable: { sequence: 1, id: last.id }, beta: { sequence: 1, id: hex('beta') } })

interface Move {
  readonly scene: Scene
  readonly log: ServedLog
  readonly next: Uint8Array
  /** Shows the new log and offers release 2 in it. */
  offer(over?: { indices?: readonly number[]; witnesses?: Record<string, number> }): void
}

/** Version 2 names a new log, and is logged there under a view that the old quorum cosigned. */
async function moved(
  stage: Stage,
  replaces?: (scene: Scene) => object,
  by: readonly string[] = ['root'],
): Promise<Move> {
  const scene = await stage.installed()
  const log = stage.newLog('new.example.com', 'new')
  const over =
    replaces === undefined
      ? { replaces: { origin: ORIGIN, size: scene.log.size, root: toBase64(scene.log.root()) } }
      : replaces(scene)
  const next = trustFile({ version: 2, log, heads: heads(scene), over })
  const at = log.add(...by.map((name) => entryBy(name, trustStatement(next, 2))))
  const statement = release(2, scene.last.id, { artifacts: [notes('1.2.0')] })
  const indices = log.add(entryBy('alice', statement), entryBy('rob', rebuild(statement)))
  stage.web.show('new', log, log.checkpoint({ witnesses: cosigners }))
  return {
    scene,
    log,
    next,
    offer(over = {}) {
      stage.offer = {
        views: [log.view({ witnesses: cosigners, indices: [...at, ...indices], ...over })],
        trust: [next],
      }
      scene.releases.push({ statement, id: idOf(statement), indices })
    },
  }
}

const logs: readonly (readonly [string, Row['arrange'], Partial<Row>?])[] = [
  [
    'a new log without a tree of the old one',
    async (stage) => {
      const scene = await stage.usual()
      logStep(scene, trustFile({ version: 2, log: stage.newLog('new.example.com', 'new'), heads: heads(scene) }), 2)
    },
  ],
  [
    'a new log that continues from another history',
    async (stage) => {
      const scene = await stage.usual()
      const over = { replaces: { origin: ORIGIN, size: 9, root: toBase64(nodeCrypto.sha256(scene.trust)) } }
      logStep(
        scene,
        trustFile({ version: 2, log: stage.newLog('new.example.com', 'new'), heads: heads(scene), over }),
        2,
      )
    },
  ],
  [
    'a new log that continues from a tree shorter than what was seen',
    async (stage) => {
      const move = await moved(stage, (scene) => ({
        replaces: { origin: ORIGIN, size: 4, root: toBase64(scene.log.root(4)) },
      }))
      move.offer()
    },
  ],
  [
    'a co-signed old-log entry past `replaces.size`',
    async (stage) => {
      const scene = await stage.installed()
      const replaces = { origin: ORIGIN, size: scene.log.size, root: toBase64(scene.log.root()) }
      const log = stage.newLog('new.example.com', 'new')
      log.pad(3)
      stage.web.show('new', log, log.checkpoint({ witnesses: cosigners }))
      const { index, next } = logStep(scene, trustFile({ log, version: 2, heads: heads(scene), over: { replaces } }), 2)
      const late = scene.publish()
      stage.offer = stage.bundle({ indices: [index, ...late.indices], trust: [next] })
    },
  ],
  [
    'a new log whose view the old witnesses have not cosigned',
    async (stage) => {
      const move = await moved(stage)
      move.offer({ witnesses: { 'w1.example': cosigners['w1.example'] ?? 0 } })
    },
    { result: 'CHECKPOINT_INVALID', ...trustIs(1) },
  ],
  [
    'a new log by a stranger',
    async (stage) => {
      const move = await moved(stage, undefined, ['mallory'])
      move.offer()
    },
    { result: 'CHECKPOINT_INVALID', ...trustIs(1) },
  ],
]

const gates: readonly Row[] = [
  not(
    'a trust step withheld by the feed but logged: it takes force',
    async (stage) => void (await stepTo(stage)),
    trustIs(2),
  ),
  not(
    'a body of another digest from the log, where a mirror has the right one',
    async (stage) => {
      const mirrors = [`${stage.web.url}/mirror/`]
      const scene = await stage.usual({ over: { mirrors } })
      const { next } = logStep(scene, trustFile({ log: scene.log, version: 2, over: { mirrors } }), 2)
      stage.web.show('mirror', scene.log, scene.log.checkpoint({ witnesses: cosigners }))
      stage.web.files.set(`mirror/v1/blob/${hex(fromUtf8(next))}`, next)
      stage.hostile = () => (request, response) =>
        request.url?.startsWith('/log/v1/blob/') === true && void response.end('x') === undefined
    },
    trustIs(2),
  ),
  not(
    'a step in the bundle, offline',
    async (stage) => {
      const { scene, index, next } = await stepTo(stage, { history: { mode: 'offered', expires: '2030-01-01' } })
      stage.offer = stage.bundle({ indices: [...scene.last.indices, index], trust: [next] })
      stage.goOffline()
    },
    trustIs(2),
  ),
  not(
    'a step that skips a version, which has no force',
    async (stage) => {
      const scene = await stage.usual()
      logStep(scene, trustFile({ log: scene.log, version: 3 }), 3)
    },
    trustIs(1),
  ),
  not(
    'by both authorities: a new one',
    async (stage) => void (await stepTo(stage, root2, ['root', 'root2'])),
    trustIs(2),
  ),
  not(
    'an older release, where a trust file of an unknown format was logged after it',
    async (stage) => {
      const scene = await stage.usual()
      logStep(scene, utf8('{"format":2}'), 2)
    },
    trustIs(1),
  ),
  not('a new log, from the tree at which the old one ended', async (stage) => (await moved(stage)).offer(), trustIs(2)),
]

export const trust: readonly Group[] = [refusing('TRUST_INVALID', [...files, ...steps, ...usurpers, ...logs, ...gates])]
