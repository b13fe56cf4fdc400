/** CHECKPOINT_INVALID and WITNESS_QUORUM. */
import {
  cosignatureSigner,
  formatVkey,
  logSigner,
  makeVkey,
  signCheckpoint,
  TYPE_COSIGNATURE_ED25519,
  toBase64,
  type VerifierKey,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { entryBy, keyOf, logLine, witness, witnessLine } from '../../support/world.ts'
import { NOW } from '../../support/world-client.ts'
import { cosigners, ORIGIN, type Scene } from '../../support/world-scene.ts'
import { trustFile, trustStatement } from '../../support/world-statements.ts'
import { ends, type Group, isLong, not, offlineToo, refusing } from '../case.ts'
import { ServedLog, type Stage } from '../stage.ts'
import { lastLine } from '../tools.ts'

type Change = (text: string, scene: Scene) => string

/** The offer under a changed checkpoint. */
function head(change: Change): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const scene = await stage.usual()
    stage.offerHead((text) => change(text, scene))
  }
}

/** The same without a network. */
function handed(change: Change): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await head(change)(stage)
    stage.goOffline()
  }
}

const zeroRoot = new Uint8Array(32)
const body = (text: string): string => text.slice(0, text.indexOf('\n\n') + 1)

/** One more cosignature, of another tree head. */
const cosignedOver =
  (over: { root?: Uint8Array; size?: number; origin?: string }): Change =>
  (text, { log }) =>
    text + lastLine(log.checkpoint({ ...over, witnesses: { 'w3.example': NOW - 60 } }))

const changes: readonly (readonly [string, Change])[] = [
  ['unsigned', (text) => `${body(text)}\n`],
  [
    'signed by an unlisted key',
    (_, { log }) => log.checkpoint({ witnesses: cosigners, signedBy: logSigner(nodeCrypto, ORIGIN, keyOf('mallory')) }),
  ],
  [
    'signed by an unlisted key that bears another name',
    (_, { log }) =>
      log.checkpoint({ witnesses: cosigners, signedBy: logSigner(nodeCrypto, 'mallory.example', keyOf('mallory')) }),
  ],
  ["the log's signature under another name", (text) => text.replace(`— ${ORIGIN} `, '— log.example.com/other ')],
  ['an origin that begins with ours', (text) => text.replace(ORIGIN, `${ORIGIN}/more`)],
  ['an origin that ends with ours', (text) => text.replace(ORIGIN, `evil.${ORIGIN}`)],
  [
    'the origin of another log, by our key',
    (_, { log }) => log.checkpoint({ origin: 'other.example.com', witnesses: cosigners }),
  ],
  [
    'another log altogether',
    (_, { log }) => {
      const other = new ServedLog('other.example.com', 'https://other.example.com/')
      other.leaves.push(...log.leaves)
      return other.checkpoint({ witnesses: cosigners })
    },
  ],
  ['the line of the size missing', (text, { log }) => text.replace(`\n${log.size}\n`, '\n')],
  ['a line duplicated', (text, { log }) => text.replace(`\n${log.size}\n`, `\n${log.size}\n${log.size}\n`)],
  ['lines reordered', (text) => text.replace(/^(.*)\n(.*)\n/, '$2\n$1\n')],
  ['trailing spaces', (text, { log }) => text.replace(`\n${log.size}\n`, `\n${log.size} \n`)],
  ['CRLF', (text) => text.replaceAll('\n', '\r\n')],
  ['an extra blank line', (text) => text.replace('\n\n', '\n\n\n')],
  ['a blank line at the end', (text) => `${text}\n`],
  ['no newline at the end', (text) => text.slice(0, -1)],
  ...['+9', '0x9', '09', '', '9.0', '9e0', ' 9', '９', '-9'].map(
    (size) =>
      [
        `a size that is not canonical: "${size}"`,
        (text: string, { log }: Scene) => text.replace(`\n${log.size}\n`, `\n${size}\n`),
      ] as const,
  ),
  ['a root that is no canonical base64', (text) => text.replace(/=\n\n/, '\n\n')],
  ['a root of another length', (text, { log }) => text.replace(toBase64(log.root()), toBase64(zeroRoot.slice(1)))],
  [
    'another root than was signed',
    (text, { log }) => body(log.checkpoint({ root: zeroRoot })) + text.slice(body(text).length),
  ],
  ['another size than was signed', (text, { log }) => text.replace(`\n${log.size}\n`, `\n${log.size - 1}\n`)],
  ['an extension line that nobody signed', (text) => text.replace('\n\n', '\nmore\n\n')],
  [
    'an extension line that quotes the wanted hash',
    (_, { log }) => {
      const older = log.checkpoint({ size: log.size - 1, witnesses: cosigners })
      return older.replace('\n\n', `\n${toBase64(log.root())}\n\n`)
    },
  ],
  [
    'witness signatures but no log signature',
    (text) =>
      text
        .split('\n')
        .filter((line) => !line.startsWith(`— ${ORIGIN}`))
        .join('\n'),
  ],
  ["the log's line twice", (text) => `${text}${text.split('\n').find((line) => line.startsWith(`— ${ORIGIN}`))}\n`],
  ["the log's key as a witness's", (_, { log }) => log.checkpoint({ witnesses: cosigners, signedBy: witness(ORIGIN) })],
  [
    'a known witness whose signature fails, the quorum otherwise met',
    (text, { log }) =>
      text + lastLine(log.checkpoint({ witnesses: { 'w3.example': NOW } })).replace(/.{8}\n$/, 'AAAAAAA=\n'),
  ],
  ['a cosignature over another root', cosignedOver({ root: zeroRoot })],
  ['a cosignature over another size', cosignedOver({ size: 4 })],
  ['a cosignature over another origin', cosignedOver({ origin: 'other.example.com' })],
]

/** A log whose key is ML-DSA-44, as those of this project are listed. */
class MlDsaLog extends ServedLog {
  override readonly signer = logSigner(nodeCrypto, this.origin, mlDsaKey)
}
const mlDsaKey = generateSigningKey('ml-dsa-44')
const mlDsaWitness = cosignatureSigner(nodeCrypto, 'w4.example', generateSigningKey('ml-dsa-44'))

/** Four witnesses, the last with an ML-DSA-44 key; two suffice. */
function mixedPolicy(stage: Stage): Scene {
  const log = stage.newLog()
  const names = ['w1.example', 'w2.example', 'w3.example']
  const tlogPolicy = `${logLine(log)}${names.map(witnessLine).join('')}witness w4.example ${formatVkey(mlDsaWitness.key)}\ngroup all 3 ${names.join(' ')} w4.example\nquorum all\n`
  return stage.begin({ log, over: { tlogPolicy } })
}

/** The neutral point, of order 1. */
const point = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0))
const smallOrder = makeVkey(nodeCrypto, 'weak.example', TYPE_COSIGNATURE_ED25519, point)

const three = { ...cosigners, 'w3.example': NOW - 60 }

/** A signature line with the name and key ID of another. */
function relabelled(line: string, as: VerifierKey): string {
  const keyId = Buffer.alloc(4)
  keyId.writeUInt32BE(as.keyId)
  const bytes = Buffer.from(line.trimEnd().split(' ').at(-1) ?? '', 'base64')
  return `— ${as.name} ${toBase64(new Uint8Array([...keyId, ...bytes.subarray(4)]))}\n`
}

/** The offer with a cosignature under the label of another witness's algorithm. */
function mislabelled(change: (text: string, scene: Scene) => string): (stage: Stage) => void {
  return (stage) => {
    const scene = mixedPolicy(stage)
    scene.publish()
    stage.show(scene.log, { witnesses: three })
    stage.offer = stage.bundle({ witnesses: three })
    stage.offerView((view) => ({ ...view, checkpoint: change(scene.log.checkpoint({ witnesses: three }), scene) }))
  }
}

/** The same said by the log itself, while the feed is gone: it must not pass for "nothing newer". */
function live(change: Change): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const scene = await stage.installed()
    scene.publish()
    stage.offer = null
    stage.head = { log: scene.log, text: change(scene.log.checkpoint({ witnesses: cosigners }), scene) }
  }
}

const invalid = refusing('CHECKPOINT_INVALID', [
  ...changes.map(([title, change]) => [title, head(change)] as const),
  ...changes.map(([title, change], at) =>
    ends('TRANSPORT', `the log itself, while the feed is gone: ${title}`, live(change), {
      only: isLong || at % 13 === 0 ? null : 'library',
    }),
  ),
  ['unsigned, offline', handed((text) => `${body(text)}\n`)],
  [
    'another root than was signed, offline',
    handed((text, { log }) => body(log.checkpoint({ root: zeroRoot })) + text.slice(body(text).length)),
  ],
  ['no signature of the log, offline', handed((text) => `${body(text)}\n${lastLine(text)}`)],
  ['a cosignature over another root, offline', handed(cosignedOver({ root: zeroRoot }))],
  [
    'an extension line added to a checkpoint that only an ML-DSA line signs',
    (stage) => {
      const scene = stage.begin({ log: new MlDsaLog(ORIGIN, `${stage.web.url}/log/`) })
      scene.publish()
      stage.offerHead((text) => text.replace('\n\n', '\nextension\n\n'))
    },
  ],
  [
    'an Ed25519 cosignature relabelled as ML-DSA',
    mislabelled((text, { log }) => {
      const line = lastLine(log.checkpoint({ witnesses: { 'w3.example': NOW - 60 } }))
      return text + relabelled(line, mlDsaWitness.key)
    }),
  ],
  [
    'an ML-DSA cosignature relabelled as Ed25519',
    mislabelled((_, { log }) => {
      const text = log.checkpoint({ witnesses: cosigners })
      const root = { origin: log.origin, size: log.size, root: log.root(), extensions: [] }
      return text + relabelled(lastLine(signCheckpoint(root, [mlDsaWitness], NOW - 60).text), witness('w3.example').key)
    }),
  ],
  [
    'a small-order key with S = 0, which careless implementations verify over anything',
    (stage) => {
      const log = stage.newLog()
      const tlogPolicy = `${logLine(log)}witness weak ${formatVkey(smallOrder)}\nquorum weak\n`
      const scene = stage.begin({ log, over: { tlogPolicy } })
      scene.publish()
      stage.offerHead((text) => {
        const time = Buffer.alloc(8)
        time.writeBigUInt64BE(BigInt(NOW - 60))
        const line = lastLine(log.checkpoint({ witnesses: { 'w1.example': NOW - 60 } }))
        const blank = relabelled(line, smallOrder).trimEnd().split(' ').at(-1) ?? ''
        const signature = Buffer.concat([Buffer.from(blank, 'base64').subarray(0, 4), time, point, Buffer.alloc(32)])
        return `${body(text)}\n${text.split('\n').find((each) => each.startsWith(`— ${ORIGIN}`))}\n— ${smallOrder.name} ${toBase64(new Uint8Array(signature))}\n`
      })
    },
  ],
  ends('SIZE_EXCEEDED', 'more than 64 signature lines in a bundle', async (stage) => {
    await stage.usual()
    const line = lastLine(stage.scene.log.checkpoint({ witnesses: { 'x.example': 1 } })).trimEnd()
    const bytes = stage.offered() ?? new Uint8Array()
    const text = new TextDecoder().decode(bytes)
    const at = text.indexOf('\\n","consistency"')
    stage.offer = new TextEncoder().encode(`${text.slice(0, at)}${`\\n${line}`.repeat(64)}${text.slice(at)}`)
  }),
  not('more than 64 signature lines from the log, where the bundle has its own checkpoint', async (stage) => {
    const { log } = await stage.usual()
    const text = log.checkpoint({ witnesses: cosigners })
    stage.head = { log, text: text + lastLine(log.checkpoint({ witnesses: { 'x.example': 1 } })).repeat(64) }
  }),
  not('the same checkpoint, signed with ML-DSA', (stage) => {
    const scene = stage.begin({ log: new MlDsaLog(ORIGIN, `${stage.web.url}/log/`) })
    scene.publish()
  }),
])

const short: readonly (readonly [string, Change])[] = [
  ['one cosignature short', (_, { log }) => log.checkpoint({ witnesses: { 'w1.example': NOW - 60 } })],
  ['none', (_, { log }) => log.checkpoint()],
  [
    'the same witness twice',
    (_, { log }) =>
      log.checkpoint({ witnesses: { 'w1.example': NOW - 60 } }) +
      lastLine(log.checkpoint({ witnesses: { 'w1.example': NOW - 61 } })),
  ],
  [
    'one key under two names',
    (_, { log }) => {
      const text = log.checkpoint({ witnesses: { 'w1.example': NOW - 60 } })
      const other = cosignatureSigner(nodeCrypto, 'w2.example', keyOf('w1.example'))
      const tree = { origin: log.origin, size: log.size, root: log.root(), extensions: [] }
      return text + lastLine(signCheckpoint(tree, [other], NOW - 60).text)
    },
  ],
  [
    'an unlisted witness',
    (_, { log }) => log.checkpoint({ witnesses: { 'w1.example': NOW - 60, 'mallory.example': NOW - 60 } }),
  ],
]

const fresh = { 'n1.example': NOW - 60, 'n2.example': NOW - 60 }

/** New witnesses by a logged step; from now on the log is cosigned by them alone. */
async function rotated(stage: Stage): Promise<Scene> {
  const scene = await stage.usual()
  const next = trustFile({ log: scene.log, version: 2, witnesses: ['n1.example', 'n2.example', 'n3.example'] })
  const [index = 0] = scene.log.add(entryBy('root', trustStatement(next, 2)))
  scene.bodies.push(next)
  const transition = scene.log.view({ witnesses: { ...cosigners, ...fresh }, indices: [index], from: [6] })
  scene.publish()
  stage.show(scene.log, { witnesses: fresh })
  const { views } = stage.bundle({ witnesses: fresh })
  stage.offer = { views: [transition, ...views], trust: [next] }
  return scene
}

const quorum = refusing('WITNESS_QUORUM', [
  ...short.map(([title, change]) => [title, head(change)] as const),
  ...short.map(([title, change]) => [`${title}, offline`, handed(change)] as const),
  [
    'old witnesses gone, and nothing that shows the transition',
    async (stage) => {
      const scene = await rotated(stage)
      scene.bodies.length = 0
      stage.offer = stage.bundle({ witnesses: fresh })
    },
  ],
  not('one timestamp in the future', async (stage) => {
    await stage.usual()
    stage.offer = stage.bundle({ witnesses: { ...cosigners, 'w3.example': NOW + 10 * 86_400 } })
  }),
  not('one timestamp of zero', async (stage) => {
    await stage.usual()
    stage.offer = stage.bundle({ witnesses: { ...cosigners, 'w3.example': 0 } })
  }),
  not('old witnesses gone after a rotation, with the transition view at hand', async (stage) => {
    await rotated(stage)
  }),
  not('the same, offline', async (stage) => {
    await rotated(stage)
    stage.goOffline()
  }),
  not('one cosignature short on the live log, where the bundle is cosigned', async (stage) => {
    const scene = await stage.usual()
    stage.show(scene.log, { witnesses: { 'w1.example': NOW - 60 } })
  }),
])

export const checkpoints: readonly Group[] = [offlineToo(invalid), quorum]
