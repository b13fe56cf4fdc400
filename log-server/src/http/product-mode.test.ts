import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  checkConsistency,
  cosignatureSigner,
  evaluateQuorum,
  formatNote,
  formatVkey,
  type NoteSigner,
  openLoggedEntry,
  parsePolicy,
  parseSignedCheckpoint,
  parseUpdateBundle,
  type SignedCheckpoint,
  type UpdateBundle,
  type VerifierKey,
  verifyOffline,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  artifactDigest,
  member,
  type Payload,
  product,
  release,
  revocation,
  sha256,
  sign,
  type TestTrust,
  trustFile,
  trustStatement,
  vote,
  waiver,
} from '../admission/testing.ts'
import { makeTestLog, realTiming, startTestServer, type TestLog, type TestServer } from '../testing.ts'
import { noWitnesses, type Witnessing } from '../witnessing.ts'
import { openMode, productMode } from './product-mode-http.ts'

const [alice, bob, root, rita, ron] = [member('alice'), member('bob'), member('root'), member('rita'), member('ron')]
const roles: TestTrust = { authority: [root], publishers: [alice], rebuilders: [rita, ron], thresholds: [1, 1, 1] }
const inUrl = encodeURIComponent(product)
const dependencies = Buffer.from('[]')

let log: TestLog
let server: TestServer
let policy: string
let admissionFile: string

beforeEach(async () => {
  log = await makeTestLog()
  policy = `log ${formatVkey(log.signer.keys[1] as VerifierKey)} http://127.0.0.1:1/\nquorum none\n`
  admissionFile = join(log.folder, 'admission.json')
  writeTrust({ ...roles, policy })
  writeAdmission({ format: 1, mode: 'product', products: { [product]: 'trust.json' } })
  server = await start()
})
afterEach(async () => {
  await server.stop()
  log.remove()
})

const start = (witnessing?: Witnessing) =>
  startTestServer({ dataDir: log.dataDir, admissionFile }, log.keys, productMode(realTiming), {
    ...(witnessing && { witnessing }),
  })

function writeTrust(trust: TestTrust): Uint8Array {
  const bytes = trustFile(trust)
  writeFileSync(join(log.folder, 'trust.json'), bytes)
  return bytes
}
const name = (path: string): void => {
  admissionFile = path
}
const writeAdmission = (content: unknown) => writeFileSync(admissionFile, JSON.stringify(content))

/** Status and body of `POST /add`. */
async function add(statement: Payload, by: { key: Parameters<typeof sign>[1] }): Promise<[number, unknown]> {
  const response = await server.add(sign(statement, by.key))
  const body = await response.text()
  return [response.status, response.ok ? Number(body) : JSON.parse(body)]
}
async function logged(statement: Payload, by: { key: Parameters<typeof sign>[1] }): Promise<number> {
  const [status, body] = await add(statement, by)
  expect([status, body]).toEqual([200, expect.any(Number)])
  return body as number
}
const get = (path: string) => fetch(`${server.url}/v1/${path}`)
const json = async (path: string) => (await get(path)).json() as Promise<Record<string, unknown>>
const put = (digest: string, body: RequestInit['body'], headers = {}) =>
  fetch(`${server.url}/v1/blob/${digest}`, { method: 'PUT', body, headers, duplex: 'half' } as RequestInit)

/** Stores the dependency list that votes name. */
async function storeDependencies(): Promise<void> {
  await add(vote(artifactDigest(1), sha256(dependencies)), rita)
  expect((await put(sha256(dependencies), dependencies)).status).toBe(201)
}

/** A bundle whose every entry was checked against its view, as statements. */
async function bundleAt(path: string): Promise<{ bundle: UpdateBundle; ids: string[]; sizes: number[] }> {
  const response = await get(path)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/vnd.samebits.update+json;version=1')
  const bundle = parseUpdateBundle(new Uint8Array(await response.arrayBuffer()))
  const ids: string[] = []
  const sizes: number[] = []
  for (const view of bundle.views) {
    const { size, root: hash } = log.signer.open(view.checkpoint).checkpoint
    for (const entry of view.entries) ids.push(openLoggedEntry(nodeCrypto, entry, { size, root: hash }).id)
    sizes.push(size)
  }
  return { bundle, ids, sizes }
}

const first = release(1, null)
const second = release(2, first.id)

describe('POST /add', () => {
  test('answers indices, and refusals as problem documents with a stable code', async () => {
    expect(await add(first, alice)).toEqual([200, 0])
    expect(await add(first, alice)).toEqual([200, 0])
    expect(await add(second, bob)).toEqual([403, expect.objectContaining({ code: 'key-not-admitted', status: 403 })])
    expect(await add(release(3, first.id), alice)).toEqual([
      409,
      {
        type: 'about:blank',
        status: 409,
        code: 'not-on-head',
        detail: expect.any(String),
        head: { sequence: 1, id: first.id },
      },
    ])
    const malformed = await server.add('{}')
    expect(malformed.status).toBe(400)
    expect(malformed.headers.get('content-type')).toBe('application/problem+json')
  })

  test('repeats at the same moment are one entry', async () => {
    const leaf = sign(first, alice.key)
    const answers = await Promise.all(Array.from({ length: 64 }, async () => (await server.add(leaf)).text()))
    expect(new Set(answers)).toEqual(new Set(['0']))
  })

  test('what is known survives a restart', async () => {
    const leaf = sign(first, alice.key)
    await server.add(leaf)
    await server.stop()
    server = await start()
    expect(await (await server.add(leaf)).text()).toBe('0')
    expect(await add(release(1, null, { build: 'x' }), alice)).toEqual([
      409,
      expect.objectContaining({ code: 'not-on-head' }),
    ])
    expect(await add(second, alice)).toEqual([200, 1])
  })
})

describe('/v1/blob', () => {
  const deps = sha256(dependencies)
  const statement = vote(artifactDigest(1), deps)
  beforeEach(async () => void (await logged(first, alice)))

  test('takes what an admitted entry waits for, once it hashes to its address', async () => {
    expect((await put(deps, dependencies)).status).toBe(403)
    expect(await add(statement, rita)).toEqual([409, expect.objectContaining({ code: 'blob-missing', sha256: [deps] })])
    expect((await put(deps, 'something else')).status).toBe(400)
    expect((await put(deps, dependencies)).status).toBe(201)
    expect((await put(deps, dependencies)).status).toBe(200)
    expect(await add(statement, rita)).toEqual([200, 1])
  })

  test('serves it so that no browser shows it', async () => {
    await storeDependencies()
    const response = await get(`blob/${deps}`)
    expect(Buffer.from(await response.arrayBuffer())).toEqual(dependencies)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'x-content-type-options': 'nosniff',
      'content-disposition': 'attachment',
      'cache-control': 'public, max-age=31536000, immutable',
    })
  })

  test.each<[string, () => Promise<Response>, number]>([
    [
      'a refused entry',
      async () => {
        await add(statement, alice)
        return put(deps, dependencies)
      },
      403,
    ],
    ['no entry', () => put(sha256(Buffer.from('x')), 'x'), 403],
    ['an address in upper case', () => put(deps.toUpperCase(), dependencies), 400],
    ['an address that is none', () => put('..%2f..', dependencies), 400],
    [
      'too many bytes, announced',
      async () => {
        await add(statement, rita)
        return put(deps, new Uint8Array((4 << 20) + 1))
      },
      413,
    ],
    [
      'too many bytes, streamed',
      async () => {
        await add(statement, rita)
        const chunk = new Uint8Array(1 << 20)
        let left = 5
        const stream = new ReadableStream({ pull: (to) => (left-- > 0 ? to.enqueue(chunk) : to.close()) })
        return put(deps, stream)
      },
      413,
    ],
    [
      'a compressed body',
      async () => {
        await add(statement, rita)
        return put(deps, dependencies, { 'content-encoding': 'gzip' })
      },
      415,
    ],
    ['a digest that is not stored', () => get(`blob/${deps}`), 404],
    ['GET of an address that is none', () => get('blob/x'), 400],
  ])('refuses %s', async (_what, ask, status) => {
    expect((await ask()).status).toBe(status)
    expect((await get(`blob/${deps}`)).status).toBe(404)
  })

  test('takes only so many uploads at one time', async () => {
    await add(statement, rita)
    const ends: (() => void)[] = []
    const slow = Array.from({ length: 16 }, () => {
      const stream = new ReadableStream({
        start(to) {
          to.enqueue(dependencies.subarray(0, 1))
          ends.push(() => {
            to.enqueue(dependencies.subarray(1))
            to.close()
          })
        },
      })
      return put(deps, stream)
    })
    const busy = async () => (await put(deps, 'wrong')).status
    await expect.poll(busy, { interval: 0 }).toBe(503)
    for (const end of ends) end()
    expect(new Set((await Promise.all(slow)).map(({ status }) => status))).toEqual(new Set([201]))
    expect((await put(deps, dependencies)).status).toBe(200)
  })

  test('takes a file of exactly 4 MiB', async () => {
    const large = new Uint8Array(4 << 20).fill(7)
    await add(vote(artifactDigest(1), sha256(large)), rita)
    expect((await put(sha256(large), large)).status).toBe(201)
  })
})

describe('pages', () => {
  test('show products, heads and open proposals', async () => {
    writeTrust({ ...roles, policy, version: 2, publishers: [alice, bob], thresholds: [1, 2, 1] })
    await server.stop()
    server = await start()
    await logged(first, alice)
    expect(await json('products')).toEqual({
      products: [{ product, trust: { version: 2, sha256: expect.any(String) } }],
    })
    expect(await json(`products/${inUrl}`)).toEqual({
      product,
      trust: { version: 2, sha256: expect.any(String) },
      channels: {},
      unmet: [],
    })
    await logged(first, bob)
    await logged(second, bob)
    const { channels } = await json(`products/${inUrl}`)
    expect(channels).toEqual({
      stable: {
        head: { sequence: 1, id: first.id },
        open: [
          {
            ...{ id: second.id, kind: 'release', product, channel: 'stable', version: '1.2.0', sequence: 2 },
            ...{ previous: first.id, met: null, entries: [{ index: 2, signer: expect.any(String) }] },
          },
        ],
      },
    })
  })

  test('show an open statement with its entries, for those who co-sign', async () => {
    await logged(first, alice)
    const page = await json(`products/${inUrl}/statements/${first.id}`)
    expect(page).toMatchObject({ id: first.id, met: 0, files: [{ sha256: artifactDigest(1) }] })
    const [entry] = page['entries'] as { entry: string }[]
    expect(Buffer.from(entry?.entry ?? '', 'base64')).toEqual(Buffer.from(sign(first, alice.key)))
  })

  test('find what names a digest or an id', async () => {
    await logged(first, alice)
    await storeDependencies()
    await logged(vote(artifactDigest(1), sha256(dependencies)), rita)
    await logged(revocation([first.id]), root)
    const kinds = async (digest: string) => {
      const { statements } = await json(`lookup?sha256=${digest}`)
      return (statements as { kind: string }[]).map(({ kind }) => kind).sort()
    }
    expect(await kinds(artifactDigest(1))).toEqual(['rebuild', 'release'])
    expect(await kinds(first.id)).toEqual(['release', 'revocation'])
    expect(await kinds('ab'.repeat(32))).toEqual([])
  })

  test.each([
    ['products/example.com%2Fother', 404],
    ['products/UPPER', 400],
    ['products/%2e%2e', 404],
    ['products/%ff', 400],
    [`products/${inUrl}/statements/${'ab'.repeat(32)}`, 404],
    [`products/${inUrl}/statements/x`, 400],
    ['lookup', 400],
    ['lookup?sha256=AB', 400],
    [`lookup?sha256=${'ab'.repeat(32)}&sha256=${'ab'.repeat(32)}`, 400],
    [`trust/${inUrl}/1`, 404],
    [`trust/${inUrl}/01`, 400],
    [`trust/${inUrl}/-1`, 400],
    [`feed/${inUrl}/stable`, 404],
    [`feed/${inUrl}/nightly`, 404],
    [`feed/${inUrl}/stable?from=x`, 400],
    [`feed/${inUrl}/stable?${'from=1&'.repeat(17)}`, 400],
    ['feed/example.com%2Fother/stable', 404],
  ])('%s answers %i', async (path, status) => {
    expect((await get(path)).status).toBe(status)
  })
})

describe('/v1/feed', () => {
  beforeEach(async () => {
    await logged(first, alice)
    await storeDependencies()
  })
  const votedFor = (sequence: number, more = {}) => vote(artifactDigest(sequence), sha256(dependencies), more)

  test('offers the newest release that its rebuilders stand behind, with all that proves it', async () => {
    await logged(votedFor(1), rita)
    await logged(second, alice)
    expect((await bundleAt(`feed/${inUrl}/stable`)).ids).toEqual([first.id, votedFor(1).id])
    await logged(votedFor(2), ron)
    const { ids, sizes } = await bundleAt(`feed/${inUrl}/stable`)
    expect(ids).toEqual([second.id, votedFor(2).id])
    expect(sizes).toEqual([4])
    expect((await bundleAt(`feed/${inUrl}/stable.samebits.json`)).ids).toEqual(ids)
  })

  test('is what a client accepts offline, against the trust file alone', async () => {
    await logged(votedFor(1), rita)
    const bundle = new Uint8Array(await (await get(`feed/${inUrl}/stable`)).arrayBuffer())
    const want = { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, maxAge: null }
    const trust = trustFile({ ...roles, policy })
    const file = { size: 4, sha256: artifactDigest(1) }
    const judged = verifyOffline({ crypto: nodeCrypto, now: realTiming.now(), want, trust, anchor: null, bundle, file })
    expect(judged).toMatchObject({ kind: 'verified', verdict: { kind: 'accepted' } })
  })

  test('carries a consistency proof from the sizes that the asker knows', async () => {
    await logged(votedFor(1), rita)
    const old = parseSignedCheckpoint(await (await fetch(`${server.url}/checkpoint`)).text()).checkpoint
    await logged(second, alice)
    const { bundle, sizes } = await bundleAt(`feed/${inUrl}/stable?from=${old.size}&from=3&from=999`)
    const view = bundle.views[0]
    const proof = view?.consistency.find(({ from }) => from === old.size)?.proof ?? []
    const { root: toRoot } = parseSignedCheckpoint(view?.checkpoint ?? '').checkpoint
    checkConsistency(nodeCrypto, { from: old.size, to: sizes[0] ?? 0, fromRoot: old.root, toRoot, proof })
    expect(view?.consistency.map(({ from }) => from)).toEqual([old.size])
  })

  test.each<[string, () => Promise<unknown>, number | null]>([
    ['a release without votes', async () => undefined, null],
    ['a waiver in place of votes', async () => logged(waiver(first.id), root), 1],
    [
      'a negative vote',
      async () => {
        await logged(votedFor(1), rita)
        await logged(vote('ab'.repeat(32), sha256(dependencies), { release: first.id }), ron)
      },
      null,
    ],
    [
      'a negative vote and a waiver',
      async () => {
        await logged(vote('ab'.repeat(32), sha256(dependencies), { release: first.id }), ron)
        await logged(waiver(first.id), root)
      },
      null,
    ],
    [
      'a negative vote that was taken back',
      async () => {
        await logged(vote('ab'.repeat(32), sha256(dependencies), { release: first.id }), ron)
        await logged(vote(artifactDigest(1), sha256(dependencies), { release: first.id }), ron)
      },
      1,
    ],
    [
      'a revoked release',
      async () => {
        await logged(votedFor(1), rita)
        await logged(revocation([first.id]), root)
      },
      null,
    ],
    [
      'a newer release that is revoked',
      async () => {
        await logged(votedFor(1), rita)
        await logged(second, alice)
        await logged(votedFor(2), rita)
        await logged(revocation([second.id]), alice)
      },
      1,
    ],
  ])('judges %s', async (_what, prepare, offered) => {
    await prepare()
    const response = await get(`feed/${inUrl}/stable`)
    if (offered === null) expect(response.status).toBe(404)
    else expect((await bundleAt(`feed/${inUrl}/stable`)).ids[0]).toBe(offered === 1 ? first.id : second.id)
  })

  test('carries met revocations of other releases', async () => {
    await logged(votedFor(1), rita)
    await logged(second, alice)
    await logged(votedFor(2), rita)
    await logged(revocation([first.id]), alice)
    expect((await bundleAt(`feed/${inUrl}/stable`)).ids).toContain(revocation([first.id]).id)
  })

  test('carries the trust steps and their files', async () => {
    await logged(votedFor(1), rita)
    const body = trustFile({ ...roles, policy, version: 2, publishers: [alice, bob] })
    await add(trustStatement(2, body), root)
    await put(sha256(body), body)
    await logged(trustStatement(2, body), root)
    const { bundle, ids } = await bundleAt(`feed/${inUrl}/stable`)
    expect(ids).toContain(trustStatement(2, body).id)
    expect(bundle.trust.map(sha256)).toEqual([sha256(body)])
  })
})

describe('/v1/trust', () => {
  test('keeps each step under a checkpoint of its time', async () => {
    const body = trustFile({ ...roles, policy, version: 2 })
    await add(trustStatement(2, body), root)
    await put(sha256(body), body)
    const index = await logged(trustStatement(2, body), root)
    await expect.poll(async () => (await get(`trust/${inUrl}/2`)).status).toBe(200)
    await logged(first, alice)
    const { bundle, ids, sizes } = await bundleAt(`trust/${inUrl}/2`)
    expect([ids, sizes]).toEqual([[trustStatement(2, body).id], [index + 1]])
    expect(bundle.trust.map(sha256)).toEqual([sha256(body)])
    expect((await get(`trust/${inUrl}/3`)).status).toBe(404)
  })
})

describe('a change of witnesses', () => {
  const [before, after] = ['w1.example', 'w2.example'].map((name) =>
    cosignatureSigner(nodeCrypto, name, generateSigningKey('ed25519')),
  ) as [NoteSigner, NoteSigner]
  const witnessed = ({ key }: NoteSigner) => `${policy.split('\n')[0]}\nwitness w ${formatVkey(key)}\nquorum w\n`

  test('is kept under the checkpoint that the old witnesses cosigned, and offered as a view of its own', async () => {
    let witnesses: readonly NoteSigner[] = [after]
    await server.stop()
    writeTrust({ ...roles, thresholds: [1, 1, 0], version: 2, policy: witnessed(before) })
    server = await start({
      ...noWitnesses,
      async cosign({ checkpoint, note }) {
        const lines = witnesses.map((one) => one.sign({ checkpoint, body: note.text }, realTiming.now()))
        return formatNote({ ...note, signatures: [...note.signatures, ...lines] })
      },
    })
    const body = trustFile({ ...roles, thresholds: [1, 1, 0], version: 3, policy: witnessed(after) })
    await add(trustStatement(3, body), root)
    await put(sha256(body), body)
    await logged(trustStatement(3, body), root)
    expect((await get(`trust/${inUrl}/3`)).status).toBe(404)
    witnesses = [before, after]
    await logged(first, alice)
    await expect.poll(async () => (await get(`trust/${inUrl}/3`)).status).toBe(200)
    witnesses = [after]
    await logged(second, alice)
    const { bundle, ids, sizes } = await bundleAt(`feed/${inUrl}/stable`)
    const step = trustStatement(3, body).id
    expect([ids, sizes]).toEqual([
      [step, step, second.id],
      [2, 3],
    ])
    expect(bundle.trust.map(sha256)).toEqual([sha256(body)])
    const [old, newest] = bundle.views.map(({ checkpoint }) => parseSignedCheckpoint(checkpoint))
    expect(
      evaluateQuorum(nodeCrypto, parsePolicy(nodeCrypto, witnessed(before)), old as SignedCheckpoint).satisfied,
    ).toBe(true)
    expect(
      evaluateQuorum(nodeCrypto, parsePolicy(nodeCrypto, witnessed(before)), newest as SignedCheckpoint).satisfied,
    ).toBe(false)
    const proof = bundle.views[1]?.consistency.find(({ from }) => from === 2)?.proof ?? []
    const [fromRoot, toRoot] = [old, newest].map((view) => view?.checkpoint.root ?? new Uint8Array(0)) as [
      Uint8Array,
      Uint8Array,
    ]
    checkConsistency(nodeCrypto, { from: 2, to: 3, fromRoot, toRoot, proof })
  })
})

describe('the admission file', () => {
  const told = () => server.lines.filter(({ level }) => level === 'warn')

  test('is followed while the server runs', async () => {
    expect(await add(first, bob)).toEqual([403, expect.objectContaining({ code: 'key-not-admitted' })])
    writeTrust({ ...roles, policy, version: 2, publishers: [alice, bob] })
    writeAdmission({ format: 1, mode: 'product', products: { [product]: './trust.json' } })
    await expect.poll(async () => (await add(first, bob))[0], { timeout: 8_000 }).toBe(200)
  })

  test('stays in force where the new one is broken, and that is said once', async () => {
    writeAdmission({ format: 1, mode: 'product', products: { [product]: 'missing.json' } })
    await expect.poll(() => told().length, { timeout: 8_000 }).toBe(1)
    expect(JSON.stringify(told()[0])).toContain('missing.json')
    expect(await add(first, alice)).toEqual([200, 0])
    expect(told().length).toBe(1)
  })

  test.each<[string, () => void]>([
    ['that is missing', () => name(join(log.folder, 'none.json'))],
    ['that is not named', () => name('')],
    ['that is no JSON', () => writeFileSync(admissionFile, 'x')],
    ['of another mode', () => writeAdmission({ format: 1, mode: 'open', products: {} })],
    ['whose trust file is broken', () => writeFileSync(join(log.folder, 'trust.json'), '{}')],
    ['that contradicts the log', () => void writeTrust({ ...roles, policy, channels: ['other'] })],
  ])('%s stops the start with one clear error', async (_what, spoil) => {
    await server.stop()
    const before = admissionFile
    spoil()
    await expect(start()).rejects.toMatchObject({ name: 'ProgramError', message: expect.any(String) })
    admissionFile = before
    writeTrust({ ...roles, policy })
    writeAdmission({ format: 1, mode: 'product', products: { [product]: 'trust.json' } })
    server = await start()
  })
})

describe('open mode', () => {
  beforeEach(async () => {
    await server.stop()
    server = await startTestServer({ dataDir: log.dataDir }, log.keys, openMode)
  })

  test('takes any well-formed statement, of anybody, in any order', async () => {
    expect(await add(second, bob)).toEqual([200, 0])
    expect(await add(second, bob)).toEqual([200, 0])
    expect(await add(second, alice)).toEqual([200, 1])
    expect(await add(revocation([first.id]), ron)).toEqual([200, 2])
    expect((await server.add('{}')).status).toBe(400)
    expect(await json(`lookup?sha256=${artifactDigest(2)}`)).toMatchObject({
      statements: [{ id: second.id, met: null }],
    })
  })
})
