import { copyFileSync, cpSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  checkConsistency,
  checkInclusion,
  httpTileSource,
  memoryTileSource,
  parseEntryBundle,
  parseTlogProof,
  treeReader,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rawMode } from './http/modes-http.ts'
import { openMode } from './http/product-mode-http.ts'
import { makeTestLog, realTiming, startTestServer, type TestLog, type TestServer } from './testing.ts'

let log: TestLog
let server: TestServer
beforeEach(async () => {
  log = await makeTestLog()
  server = await log.start()
})
afterEach(async () => {
  await server.stop()
  log.remove()
})

const text = async (response: Promise<Response>) => (await response).text()
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers })
const checkpoint = async () => log.signer.open(await text(get('/checkpoint'))).checkpoint

async function addMany(count: number, from = 0): Promise<void> {
  const indices = await Promise.all(Array.from({ length: count }, (_, at) => text(server.add(`entry ${from + at}`))))
  expect(indices.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => from + at))
}

describe('POST /add', () => {
  it('answers the index in decimal once the entry is under the published checkpoint', async () => {
    for (const index of [0, 1, 2]) {
      const response = await server.add(`entry ${index}`)
      expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
        200,
        'text/plain',
        `${index}`,
      ])
      expect((await checkpoint()).size).toBe(index + 1)
    }
  })

  it('answers a tlog-proof that verifies where Accept asks for one', async () => {
    await addMany(5)
    const response = await server.add('entry 3', { accept: 'text/x.tlog.proof' })
    expect(response.headers.get('content-type')).toBe('text/x.tlog.proof')
    const proof = parseTlogProof(await response.text())
    const { size, root } = log.signer.open(proof.checkpoint.text).checkpoint
    const [leafHash] = nodeCrypto.leafHashes([utf8('entry 3')])
    checkInclusion(nodeCrypto, {
      index: proof.index,
      size,
      root,
      leafHash: leafHash as Uint8Array,
      proof: proof.hashes,
    })
  })

  it('gives a repeated entry its index again, also at the same time and after a restart', async () => {
    expect(await Promise.all(Array.from({ length: 20 }, () => text(server.add('same'))))).toEqual(
      new Array(20).fill('0'),
    )
    await server.stop()
    server = await log.start()
    expect(await text(server.add('same'))).toBe('0')
    expect((await checkpoint()).size).toBe(1)
  })

  it('takes an empty entry and one of 65,535 bytes', async () => {
    expect(await text(server.add(''))).toBe('0')
    expect(await text(server.add(new Uint8Array(65_535).fill(1)))).toBe('1')
  })

  it.each([
    ['an entry of 65,536 bytes', { body: new Uint8Array(65_536) }, 413, 'entry-too-large'],
    ['a compressed body', { body: 'x', headers: { 'content-encoding': 'gzip' } }, 415, 'encoding-unsupported'],
  ])('refuses %s', async (_what, init, status, code) => {
    const response = await fetch(`${server.url}/add`, { method: 'POST', ...init })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ status, code })
    expect((await checkpoint()).size).toBe(0)
  })

  it.each(['GET', 'PUT', 'DELETE', 'HEAD'])('refuses %s', async (method) => {
    const response = await fetch(`${server.url}/add`, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('read API', () => {
  it('serves every tile and bundle of every signed size, as the specification makes them', async () => {
    await addMany(3)
    await addMany(300, 3)
    const entries = await Promise.all(
      Array.from(
        { length: 303 },
        async (_, at) => new Uint8Array(await (await get(`/v1/entries/${at}`)).arrayBuffer()),
      ),
    )
    const { size, root } = await checkpoint()
    const source = httpTileSource({ prefix: server.url, fetch, allowHttpLoopback: true })
    const reader = treeReader({ hasher: nodeCrypto, source, size, root })
    let next = 0
    for await (const { entry } of reader.readEntries(0, size)) expect(entry).toEqual(entries[next++])
    const model = memoryTileSource(nodeCrypto, entries)
    for (const tile of [
      { level: 0, index: 0, width: 3 },
      { level: 0, index: 1, width: 47 },
      { level: 1, index: 0, width: 1 },
    ])
      expect(await source.tile(tile)).toEqual(await model.tile(tile))
    expect(await source.entries(1, 5)).toEqual(await model.entries(1, 5))
  })

  it('sends the headers that caches need', async () => {
    await addMany(1)
    const immutable = 'public, max-age=31536000, immutable'
    const seen = async (path: string) => {
      const { status, headers } = await get(path)
      return [status, headers.get('content-type'), headers.get('cache-control')]
    }
    expect(await seen('/checkpoint')).toEqual([200, 'text/plain; charset=utf-8', 'public, max-age=2'])
    expect(await seen('/tile/0/000.p/1')).toEqual([200, 'application/octet-stream', immutable])
    expect(await seen('/tile/entries/000.p/1')).toEqual([200, 'application/octet-stream', immutable])
    expect(await seen('/tile/0/000')).toEqual([404, 'application/problem+json', 'no-store'])
    expect(await seen('/nowhere')).toEqual([404, 'application/problem+json', 'no-store'])
  })

  it.each([
    ['gzip', 'gzip'],
    ['identity', null],
    ['gzip;q=0', null],
    ['br, gzip;q=0.5', 'gzip'],
    ['gzip, identity', 'gzip'],
    ['identity, gzip;q=0.5', null],
    ['identity;q=0.2, gzip;q=0.5', 'gzip'],
    ['gzip;q=x', null],
    ['gzipped', null],
  ])('compresses bundles for Accept-Encoding: %s as it should', async (accept, encoding) => {
    await addMany(2)
    const bundle = await rawGet('/tile/entries/000.p/2', accept)
    expect(bundle.headers.includes('content-encoding: gzip')).toBe(encoding === 'gzip')
    const bytes = encoding === 'gzip' ? gunzipSync(bundle.body) : bundle.body
    expect(parseEntryBundle(bytes, 2)).toHaveLength(2)
  })

  it.each([
    '/tile/0/0',
    '/tile/0/000.p/0',
    '/tile/0/000.p/256',
    '/tile/0/000.p/01',
    '/tile/00/000',
    '/tile/64/000',
    '/tile/0/x000/000',
    '/tile/-1/000',
    '/tile/0/001/000',
    '/tile/entries/',
    '/tile/entries/0',
    '/tile/entries/000.p/',
    '/tile/a/000',
    '/tile/0/000.p/1/',
    '/tile/',
    '/tile/0/x999/x999/x999/x999/x999/x999/999',
  ])('refuses %s', async (path) => {
    await addMany(1)
    const response = await get(path)
    expect([400, 404]).toContain(response.status)
    expect(await response.json()).toMatchObject({ status: response.status })
  })

  it('serves nothing past the signed size', async () => {
    await addMany(2)
    for (const path of ['/tile/0/000.p/3', '/tile/entries/000.p/3', '/tile/1/000.p/1', '/v1/entries/2'])
      expect((await get(path)).status).toBe(404)
  })

  it('refuses to be written to', async () => {
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await fetch(`${server.url}/checkpoint`, { method })).status).toBe(405)
  })
})

describe('convenience API', () => {
  it('lists the sizes that were published', async () => {
    for (const at of [0, 1, 2]) await addMany(1, at)
    expect(await (await get('/v1/sizes')).json()).toMatchObject({ sizes: [1, 2, 3] })
    expect(await (await get('/v1/sizes?since=2')).json()).toMatchObject({ sizes: [3] })
  })

  it.each([
    '/v1/sizes?since=-1',
    '/v1/sizes?since=01',
    '/v1/sizes?since=',
    '/v1/sizes?since=1&since=2',
    '/v1/entries/x',
    '/v1/entries/%E0',
  ])('refuses %s', async (path) => {
    const response = await get(path)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ status: 400 })
  })

  it('limits how often one address may submit in mode open', async () => {
    await server.stop()
    const open = await startTestServer({ dataDir: log.dataDir, mode: 'open', addsPerMinute: 2 }, log.keys, openMode)
    const answers = []
    for (let at = 0; at < 3; at++) answers.push(await open.add('no statement'))
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 429])
    expect(await answers[2]?.json()).toMatchObject({ code: 'rate-limited' })
    expect((await fetch(`${open.url}/checkpoint`)).status).toBe(200)
    await open.stop()
    server = await log.start()
  })

  it('limits how often one address may ask', async () => {
    await server.stop()
    server = await log.start({ requestsPerMinute: 3 })
    const statuses = []
    for (let at = 0; at < 5; at++) statuses.push((await get('/v1/sizes')).status)
    expect(statuses).toEqual([200, 200, 200, 429, 429])
    expect((await get('/checkpoint')).status).toBe(200)
  })
})

describe('health and metrics', () => {
  it('says that it lives, that it writes, and how much', async () => {
    await addMany(3)
    expect(await text(get('/healthz'))).toBe('ok\n')
    expect((await get('/readyz')).status).toBe(200)
    const metrics = await text(get('/metrics'))
    for (const line of [
      'samebits_log_published_size 3',
      'samebits_log_writing 1',
      'samebits_log_add_answers_total{status="200"} 3',
    ])
      expect(metrics).toContain(line)
  })
})

/** One GET by hand: fetch hides Content-Encoding. */
function rawGet(path: string, accept: string): Promise<{ headers: string; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk)).on('error', reject)
    socket.on('end', () => {
      const all = Buffer.concat(chunks)
      const end = all.indexOf('\r\n\r\n')
      resolve({ headers: all.toString('latin1', 0, end).toLowerCase(), body: all.subarray(end + 4) })
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${accept}\r\nConnection: close\r\n\r\n`)
  })
}

describe('slow and malformed requests', () => {
  /** Writes bytes, and resolves with what came back until the server closed. */
  function talk(bytes: string, port = server.port): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
      let received = ''
      socket.setEncoding('latin1').on('data', (chunk) => {
        received += chunk
      })
      socket.on('error', () => undefined).on('close', () => resolve(received))
    })
  }

  it.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['huge headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [
      'a body longer than it says it may be',
      `POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n`,
      /^HTTP\/1\.1 413 /,
    ],
    [
      'two lengths',
      'POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      'POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
  ])('answers %s and closes', async (_what, bytes, expected) => {
    expect(await talk(bytes)).toMatch(expected)
  })

  it('cuts an endless body off at the limit', async () => {
    const chunk = `${(10_000).toString(16)}\r\n${'x'.repeat(10_000)}\r\n`
    const answer = await talk(`POST /add HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}`)
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect((await checkpoint()).size).toBe(0)
  })

  it('lets clients that send too much, and go on sending, read why', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await server.add('x'.repeat(500_000))).status),
    )
    expect(new Set(statuses)).toEqual(new Set([413]))
  })

  it('ends requests that never come to their end', async () => {
    await server.stop()
    server = await log.start({ headersTimeoutMs: 200, requestTimeoutMs: 300, keepAliveTimeoutMs: 200 })
    const slow = ['', 'GET / HTT', 'POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc']
    const answers = await Promise.all(slow.map((bytes) => talk(bytes, server.port)))
    for (const answer of answers) expect(answer === '' || answer.startsWith('HTTP/1.1 408 ')).toBe(true)
    expect((await checkpoint()).size).toBe(0)
  })

  it('is not disturbed by clients that leave in the middle of a body', async () => {
    for (let at = 0; at < 20; at++) {
      const socket = connect(server.port, '127.0.0.1')
      await new Promise<void>((resolve) => socket.on('connect', () => resolve()))
      socket.write('POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')
      if (at % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      socket.resetAndDestroy()
    }
    await addMany(1)
    expect(server.lines.filter(({ level }) => level !== 'info')).toEqual([])
  })

  it('holds no more of slowly sent bodies than it may: beyond it 503 with Retry-After, and others go on', async () => {
    await server.stop()
    server = await log.start({ maxPendingBytes: 65_535 })
    const half = `POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 60001\r\n\r\n${'x'.repeat(60_000)}`
    const slow = [1, 2].map(() => connect(server.port, '127.0.0.1', () => undefined).on('error', () => undefined))
    for (const socket of slow) socket.write(half)
    await expect.poll(async () => (await server.add('y'.repeat(20_000))).status).toBe(503)
    const refused = await server.add('y'.repeat(20_000))
    expect([refused.headers.get('retry-after'), await refused.json()]).toEqual([
      '1',
      expect.objectContaining({ code: 'busy' }),
    ])
    await addMany(3)
    for (const socket of slow) socket.destroy()
    await expect.poll(async () => (await server.add('y'.repeat(20_000))).status).toBe(200)
  })

  it('answers others while a thousand connections idle', async () => {
    const idle = Array.from({ length: 1000 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined))
    await addMany(20)
    for (const socket of idle) socket.destroy()
  })
})

describe('restarts', () => {
  it('goes on where it was: every published tree is a part of the next', async () => {
    await addMany(2)
    const before = await checkpoint()
    await server.stop()
    server = await log.start()
    await addMany(1, 2)
    const after = await checkpoint()
    const source = httpTileSource({ prefix: server.url, fetch, allowHttpLoopback: true })
    const reader = treeReader({ hasher: nodeCrypto, source, size: after.size, root: after.root })
    const proof = await reader.proveConsistency(before.size)
    checkConsistency(nodeCrypto, {
      from: before.size,
      to: after.size,
      proof,
      fromRoot: before.root,
      toRoot: after.root,
    })
  })

  it('signs an unchanged tree again after a while', async () => {
    await server.stop()
    let ticks: (() => void)[] = []
    let now = 1_800_000_000
    const after = (_ms: number, work: () => void) => {
      ticks.push(work)
      return () => undefined
    }
    server = await log.start({}, { timing: { ...realTiming, now: () => now, after } })
    await expect.poll(() => ticks.length).toBe(1)
    const first = await text(get('/checkpoint'))
    now += 300
    const [tick] = ticks
    ticks = []
    tick?.()
    await expect.poll(() => ticks.length).toBe(1)
    const second = await text(get('/checkpoint'))
    expect(second).not.toBe(first)
    expect(second.split('\n').slice(0, 3)).toEqual(first.split('\n').slice(0, 3))
    expect(log.signer.open(second).verified.map(({ timestamp }) => timestamp)).toEqual([null, now])
  })

  it('refuses a second server on the same data', async () => {
    await expect(log.start()).rejects.toMatchObject({ code: 'LOG_BUSY' })
  })

  it('answers everybody when it is stopped under load', async () => {
    const requests = Array.from({ length: 300 }, (_, at) => server.add(`entry ${at}`).then((r) => r.status))
    const answers = Promise.allSettled(requests)
    await Promise.any(requests)
    await server.stop()
    const statuses = (await answers).map((answer) => (answer.status === 'fulfilled' ? answer.value : 'not taken'))
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0)
    expect(statuses.every((status) => status === 200 || status === 503 || status === 'not taken')).toBe(true)
    const acknowledged = statuses.filter((status) => status === 200).length
    server = await log.start()
    expect((await checkpoint()).size).toBeGreaterThanOrEqual(acknowledged)
  })
})

describe('storage that is not what was signed', () => {
  const restart = async () => {
    server = await log.start()
    return server.gate()
  }

  it('serves reads only from a restored backup, and says why', async () => {
    await addMany(2)
    await server.stop()
    cpSync(log.dataDir, join(log.folder, 'backup'), { recursive: true })
    server = await log.start()
    await addMany(3, 2)
    await server.stop()
    rmSync(join(log.dataDir, 'log.db-wal'), { force: true })
    rmSync(join(log.dataDir, 'log.db-shm'), { force: true })
    copyFileSync(join(log.folder, 'backup', 'log.db'), join(log.dataDir, 'log.db'))
    expect(await restart()).toMatchObject({ state: 'read-only', code: 'STORAGE_BEHIND', retrySeconds: null })
    const refused = await server.add('new')
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, 'read-only'])
    expect((await get('/readyz')).status).toBe(503)
    expect((await get('/tile/0/000.p/2')).status).toBe(200)
    expect((await checkpoint()).size).toBe(2)
  })

  it('serves reads only from a backup that has grown past the marker into another tree', async () => {
    await addMany(1)
    await server.stop()
    cpSync(log.dataDir, join(log.folder, 'fork'), { recursive: true })
    server = await log.start()
    await server.add('one history')
    await server.stop()
    const original = log.dataDir
    const fork = await startTestServer({ dataDir: join(log.folder, 'fork') }, log.keys, rawMode)
    for (const leaf of ['another history', 'and more of it']) await fork.add(leaf)
    await fork.stop()
    copyFileSync(join(log.folder, 'fork', 'log.db'), join(original, 'log.db'))
    expect(await restart()).toMatchObject({ state: 'read-only', code: 'TREE_MISMATCH', retrySeconds: null })
  })

  it.each([
    ['an entry', "UPDATE parts SET entries = CAST(x'0007' || 'ENTRY 1' AS BLOB) WHERE first = 1"],
    ['a leaf hash', 'UPDATE parts SET hashes = zeroblob(32) WHERE first = 1'],
    ['the root', 'UPDATE head SET root = zeroblob(32)'],
    ['the size', 'UPDATE head SET size = 1'],
  ])('signs nothing after %s was changed', async (_what, damage) => {
    await server.add('entry 0')
    await server.stop()
    const marker = join(log.dataDir, 'marker')
    copyFileSync(marker, join(log.folder, 'marker'))
    server = await log.start()
    await server.add('entry 1')
    await server.stop()
    // As if the crash had come between commit and signature: the marker is still of size 1.
    copyFileSync(join(log.folder, 'marker'), marker)
    const database = new Database(join(log.dataDir, 'log.db'))
    database.exec('DELETE FROM published')
    database.exec(damage)
    database.close()
    expect(await restart()).toMatchObject({ state: 'read-only' })
    expect((await checkpoint()).size).toBeLessThan(2)
    expect((await get('/tile/0/000.p/2')).status).toBe(404)
    expect((await get('/tile/entries/000.p/2')).status).toBe(404)
  })

  it.each([
    ['garbage', "UPDATE published SET checkpoint = 'hello'"],
    [
      'another text',
      "UPDATE published SET checkpoint = replace(checkpoint, char(10) || '1' || char(10), char(10) || '9' || char(10))",
    ],
  ])('never serves %s as its checkpoint', async (_what, damage) => {
    await addMany(1)
    await server.stop()
    const database = new Database(join(log.dataDir, 'log.db'))
    expect(database.prepare(damage).run().changes).toBe(1)
    database.close()
    expect(await restart()).toEqual({ state: 'writing' })
    expect((await checkpoint()).size).toBe(1)
  })

  it('publishes what was signed when a crash came in between', async () => {
    await addMany(3)
    await server.stop()
    const database = new Database(join(log.dataDir, 'log.db'))
    database.exec('DELETE FROM published')
    database.close()
    expect(await restart()).toEqual({ state: 'writing' })
    await expect.poll(async () => (await checkpoint()).size).toBe(3)
  })

  it('refuses to start with other keys, without its marker, and without a log', async () => {
    await server.stop()
    const other = await makeTestLog()
    await expect(startTestServer({ dataDir: log.dataDir }, other.keys, rawMode)).rejects.toMatchObject({
      code: 'WRONG_KEYS',
    })
    rmSync(join(log.dataDir, 'marker'))
    await expect(log.start()).rejects.toMatchObject({ code: 'MARKER_DAMAGED' })
    rmSync(log.dataDir, { recursive: true })
    await expect(log.start()).rejects.toMatchObject({ code: 'NOT_INITIALISED' })
    server = await other.start()
    log.remove()
    log = other
  })
})
