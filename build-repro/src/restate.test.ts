import {
  type Artifact,
  bundleCaps,
  formatStatement,
  merkleRoot,
  openCheckpoint,
  parsePolicy,
  parseTrust,
  parseUpdateBundle,
  type Trust,
  toBase64,
  utf8,
} from '@samebits/core'
import { nodeCrypto, signingKeyFromPem } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import { readHistory } from './history.ts'
import { initFiles } from './init.ts'
import type { StatementKey } from './keygen.ts'
import { type Log, newestTree, openLog } from './log-access.ts'
import { productView } from './product-view.ts'
import { makeAnchor, makeBundle } from './restate.ts'
import { signStatement } from './signing.ts'
import type { KnownTree, Sizes } from './sizes.ts'
import { inFolder, testMachine } from './testing.ts'
import { type TestLog, testLog } from './testing-log.ts'

interface World {
  readonly served: TestLog
  readonly log: Log
  readonly trust: Trust
  readonly key: StatementKey
}

/** A product whose trust file and key are those that init makes, in a log in memory. */
function world(): World {
  const served = testLog()
  const policy = parsePolicy(nodeCrypto, served.policyText)
  const checkpoint = openCheckpoint(nodeCrypto, served.checkpointText(), [served.signer.key])
  const product = 'example.com/notes'
  const files = initFiles({ product, channel: 'stable', policy, checkpoint, feeds: [], algorithm: 'p256' })
  const content = (path: string) => String(files.find((file) => file.path === path)?.content)
  const trust = parseTrust(nodeCrypto, utf8(content('trust.json')))
  const key = signingKeyFromPem(content('keys/publisher.pem'))
  const credential = trust.publishers.members[0]?.credential
  const keyid = credential?.kind === 'key' ? credential.hint : ''
  const { machine } = testMachine({ fetch: served.fetch })
  const log = openLog({ machine, policy, signal: new AbortController().signal })
  return { served, log, trust, key: { key, publicPem: '', keyid } }
}

const artifact: Artifact = {
  name: 'a.tgz',
  platform: 'any',
  size: 3,
  mediaType: 'application/gzip',
  sha256: 'ab'.repeat(32),
}

async function addRelease({ served, key }: World, sequence: number, previous: string | null): Promise<string> {
  const statement = {
    kind: 'release',
    product: 'example.com/notes',
    channel: 'stable',
    version: `1.${sequence}.0`,
    sequence,
    previous,
    artifacts: [artifact],
    builds: [],
  } as const
  const payload = formatStatement(statement)
  served.entries.push(await signStatement(payload, key))
  return Buffer.from(nodeCrypto.sha256(payload)).toString('hex')
}

async function look({ log, trust }: World) {
  return inFolder(async (folder) => {
    const tree = await newestTree(log)
    const history = await readHistory(tree, { log, trust, path: `${folder}/history.json`, onProgress: () => undefined })
    return { tree, history, view: productView(trust, history) }
  })
}

/** Every tree from size 1 to `count`, newest first, as sizes.json would list it. */
function trees({ served }: World, count: number): KnownTree[] {
  const hashes = nodeCrypto.leafHashes(served.entries)
  return Array.from({ length: count }, (_, at) => ({
    size: count - at,
    root: toBase64(merkleRoot(nodeCrypto, hashes.slice(0, count - at))),
  }))
}

const sizesOf = (anchors: readonly KnownTree[], seen: readonly KnownTree[]): Sizes => ({
  format: 1,
  origin: 'example.com/log',
  anchors,
  seen,
})
const junk = (count: number) => Array.from({ length: count }, (_, at) => utf8(`somebody else's entry ${at}`))

describe('a bundle', () => {
  it('proves consistency from anchors first, then from the newest sizes, up to the cap', async () => {
    const given = world()
    await addRelease(given, 1, null)
    given.served.entries.push(...junk(1299))
    const { tree, view } = await look(given)
    const all = trees(given, 1200)
    const [anchors, seen] = [all.slice(-100), all.slice(0, 1100)]
    const [release] = view.releases
    if (release === undefined) throw new Error('the release is not in the log')
    const made = await makeBundle({
      log: given.log,
      tree,
      view,
      release,
      sizes: sizesOf(anchors, seen),
      steps: [],
      trust: [],
    })
    const froms = parseUpdateBundle(made.bytes).views.flatMap(({ consistency }) => consistency.map(({ from }) => from))
    expect(froms).toEqual([...anchors, ...seen].slice(0, bundleCaps.consistency).map(({ size }) => size))
    expect(made.sizesLeftOut).toHaveLength(1200 - bundleCaps.consistency)
    expect(made.bytes.length).toBeLessThan(bundleCaps.bytes)
  })

  it('is not made from a size whose root is not the one that was known', async () => {
    const given = world()
    await addRelease(given, 1, null)
    given.served.entries.push(...junk(9))
    const { tree, view } = await look(given)
    const wrong = { size: 5, root: toBase64(nodeCrypto.sha256(utf8('another tree'))) }
    const [release] = view.releases
    if (release === undefined) throw new Error('the release is not in the log')
    const made = makeBundle({ log: given.log, tree, view, release, sizes: sizesOf([wrong], []), steps: [], trust: [] })
    await expect(made).rejects.toMatchObject({ code: 'PROOF_INVALID' })
  })
})

describe('what the log says of a product', () => {
  it('is the chain of met releases, whatever else is logged', async () => {
    const given = world()
    const first = await addRelease(given, 1, null)
    given.served.entries.push(...junk(300))
    const second = await addRelease(given, 2, first)
    await addRelease(given, 4, second) // skips one
    await addRelease(given, 3, first) // continues another
    const stranger = { ...given, key: world().key }
    await addRelease(stranger, 3, second) // by a key that the trust file does not list
    const { view, history } = await look(given)
    expect(view.heads.get('stable')).toEqual({ sequence: 2, id: second })
    expect(history.entries.map(({ index }) => index)).toEqual([0, 301, 302, 303])
  })

  it('is in the anchor as far as a client needs it', async () => {
    const given = world()
    const first = await addRelease(given, 1, null)
    const second = await addRelease(given, 2, first)
    const now = await look(given)
    const anchor = await makeAnchor({ log: given.log, ...now }, given.trust, ['https://example.com/notes/'])
    expect(JSON.parse(Buffer.from(anchor).toString())).toMatchObject({
      heads: { stable: { id: second, sequence: 2 } },
      entries: [{ index: 1 }],
      feeds: ['https://example.com/notes/'],
    })
  })
})
