/** C2SP tlog-mirror, word by word, over real HTTP against a real mirror. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import {
  concat,
  httpTileSource,
  openCheckpoint,
  parseAddCheckpointResponse,
  parseVkey,
  treeReader,
  utf8,
  verifyCheckpoint,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MirrorFolder, type TestMirror, uploadBody } from '../mirror/testing.ts'
import { listOf, TestLog } from '../testing.ts'

const log = new TestLog('mirrored.example/log')
let folder: MirrorFolder
let mirror: TestMirror
beforeEach(async () => {
  folder = new MirrorFolder()
  folder.list(listOf([log]))
  mirror = await folder.start()
})
afterEach(async () => {
  await mirror.stop()
  folder.remove()
})

const infoType = 'text/x.tlog.mirror-info'

async function info(response: Response): Promise<[number, string | null, string]> {
  return [response.status, response.headers.get('content-type'), await response.text()]
}

async function accept(oldSize: number, size: number): Promise<void> {
  const response = await mirror.accept(log.body(oldSize, size))
  expect([response.status, await response.text()]).toEqual([200, ''])
}

/** Uploads everything up to a size that was accepted, and demands the mirror's lines for it. */
async function upload(start: number, end: number): Promise<void> {
  const response = await mirror.upload(uploadBody(log, { start, end }))
  const body = await response.text()
  expect([response.status, body]).toEqual([200, expect.stringContaining('— mirror.example/m1 ')])
  expect(parseAddCheckpointResponse(body)).toHaveLength(2)
}

/** The served copy: a checkpoint by the log and by the mirror, and every entry under it. */
async function demandCopy(size: number): Promise<void> {
  const source = httpTileSource({ prefix: `${mirror.url}/${log.originHash}`, fetch, allowHttpLoopback: true })
  const keys = log.vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
  const text = new TextDecoder().decode(await source.checkpoint())
  const opened = openCheckpoint(nodeCrypto, text, keys, log.origin)
  const mirrorKeys = folder.signers.map(({ key }) => key)
  expect(verifyCheckpoint(nodeCrypto, opened, mirrorKeys)).toHaveLength(2)
  expect(opened.checkpoint.size).toBe(size)
  const { root } = opened.checkpoint
  let at = 0
  for await (const { entry } of treeReader({ hasher: nodeCrypto, source, size, root }).readEntries(0, size))
    expect(Buffer.compare(entry, log.entry(at++))).toBe(0)
  expect(at).toBe(size)
}

describe('a checkpoint', () => {
  it('becomes pending without any cosignature, and is not served', async () => {
    await accept(0, 300)
    expect((await mirror.get(log, 'checkpoint')).status).toBe(404)
    expect(await info(await mirror.accept(log.body(0, 300)))).toEqual([409, 'text/x.tlog.size', '300\n'])
  })

  it('is refused as a witness refuses it', async () => {
    await accept(0, 300)
    expect((await mirror.accept(log.body(300, 400, 'another tree'))).status).toBe(422)
    expect((await mirror.accept(new TestLog('stranger.example').body(0, 1))).status).toBe(404)
    expect((await mirror.accept(new TestLog(log.origin).body(300, 400))).status).toBe(403)
  })
})

describe('entries', () => {
  it.each([0, 1, 255, 256, 257, 700])('of a tree of %i are stored, cosigned and served', async (size) => {
    await accept(0, size)
    await upload(0, size)
    await demandCopy(size)
  })

  it('come in growing trees, from where the last one ended', async () => {
    let old = 0
    for (const size of [3, 256, 300, 301, 1025]) {
      await accept(old, size)
      await upload(old, size)
      await demandCopy(size)
      old = size
    }
  })

  it('are taken as gzip', async () => {
    await accept(0, 300)
    const body = new Uint8Array(gzipSync(uploadBody(log, { start: 0, end: 300 })))
    expect((await mirror.upload(body, { 'content-encoding': 'gzip' })).status).toBe(200)
    await demandCopy(300)
  })

  it('that are there already are skipped, and an upload of nothing gives the lines again', async () => {
    await accept(0, 300)
    await upload(0, 300)
    await upload(0, 300)
    await upload(300, 300)
    await demandCopy(300)
  })

  it('of a prefix are kept, and the client hears where to go on', async () => {
    await accept(0, 700)
    const half = await mirror.upload(uploadBody(log, { start: 0, end: 700, packages: 1 }))
    expect(await info(half)).toEqual([202, infoType, '700\n256\n\n'])
    expect((await mirror.get(log, 'checkpoint')).status).toBe(404)
    await upload(256, 700)
    await demandCopy(700)
  })

  it('are kept up to the last whole package, whatever follows it', async () => {
    await accept(0, 700)
    const one = uploadBody(log, { start: 0, end: 700, packages: 1 })
    const two = uploadBody(log, { start: 0, end: 700, packages: 2 })
    const cut = two.slice(0, one.length + 5)
    expect(await info(await mirror.upload(cut))).toEqual([202, infoType, '700\n256\n\n'])
    const broken = new Uint8Array(gzipSync(two).subarray(0, -40))
    const answer = await info(await mirror.upload(broken, { 'content-encoding': 'gzip' }))
    expect(answer.slice(0, 2)).toEqual([202, infoType])
  })

  it('go on under an older accepted checkpoint while newer ones come', async () => {
    await accept(0, 300)
    await accept(300, 700)
    await upload(0, 300)
    await demandCopy(300)
    await upload(300, 700)
    await demandCopy(700)
    const late = await mirror.upload(uploadBody(log, { start: 300, end: 300 }))
    expect(await info(late)).toEqual([409, infoType, '700\n700\n\n'])
    await demandCopy(700)
  })

  it('by many clients at once make one copy', async () => {
    await accept(0, 1500)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => mirror.upload(uploadBody(log, { start: 0, end: 1500 }))),
    )
    expect(answers.map(({ status }) => status)).toEqual(new Array(8).fill(200))
    await demandCopy(1500)
  })
})

describe('what is refused', () => {
  beforeEach(() => accept(0, 300))

  it.each<[string, number, () => Uint8Array<ArrayBuffer>]>([
    ['an unknown log', 404, () => uploadBody(log, { start: 0, end: 300, origin: 'stranger.example' })],
    ['an upload that ends before it starts', 400, () => uploadBody(log, { start: 300, end: 299 })],
    ['an empty body', 400, () => new Uint8Array(0)],
    ['half a header', 400, () => uploadBody(log, { start: 0, end: 300 }).slice(0, 30)],
    ['a header alone', 400, () => uploadBody(log, { start: 0, end: 300, packages: 0 })],
    ['half a package', 400, () => uploadBody(log, { start: 0, end: 300 }).slice(0, 200)],
    ['an origin of 300 bytes', 400, () => uploadBody(log, { start: 0, end: 300, origin: 'x'.repeat(300) })],
    [
      'an origin that is no text',
      400,
      () => concat(Uint8Array.of(0, 1, 0xff), new Uint8Array(40)) as Uint8Array<ArrayBuffer>,
    ],
    ['a ticket that is too long', 400, () => uploadBody(log, { start: 0, end: 300, ticket: new Uint8Array(5000) })],
    ['entries of another tree', 422, () => uploadBody(log, { start: 0, end: 300, salt: 'another' })],
    ['a changed entry', 422, () => changed(uploadBody(log, { start: 0, end: 300 }), 80)],
    ['a proof of too many hashes', 422, () => tooManyHashes()],
  ])('%s: %i', async (_, status, body) => {
    const response = await mirror.upload(body())
    expect([response.status, response.headers.get('content-type')]).toEqual([status, 'text/plain; charset=utf-8'])
    expect((await mirror.get(log, 'tile/entries/000.p/1')).status).toBe(404)
    await upload(0, 300)
  })

  it.each<[string, { start: number; end: number }, string]>([
    ['an end that was never accepted', { start: 0, end: 299 }, '300\n0\n\n'],
    ['an end past 2^53', { start: 0, end: 2 ** 60 }, '300\n0\n\n'],
    ['a start that leaves a gap', { start: 256, end: 300 }, '300\n0\n\n'],
  ])('%s: 409', async (_, { start, end }, body) => {
    const header = uploadBody(log, { start, end, packages: 0 })
    expect(await info(await mirror.upload(header))).toEqual([409, infoType, body])
  })

  it('a tree that was never announced: 422', async () => {
    const other = new TestLog('other.example/log')
    folder.list(listOf([log, other]))
    await expect.poll(async () => (await mirror.upload(uploadBody(other, { start: 0, end: 1 }))).status).toBe(422)
  })

  it('more of what is there already than a request should have: 409', async () => {
    await accept(300, 9000)
    await upload(0, 9000)
    const again = uploadBody(log, { start: 0, end: 9000, packages: 0 })
    expect(await info(await mirror.upload(again))).toEqual([409, infoType, '9000\n9000\n\n'])
  })

  it.each([
    ['another type', { 'content-type': 'text/plain' }],
    ['a coding that it does not know', { 'content-encoding': 'br' }],
  ])('%s: 415, with what is taken', async (_, headers) => {
    const response = await mirror.upload(uploadBody(log, { start: 0, end: 300 }), headers)
    expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'gzip'])
  })

  it.each(['GET', 'PUT', 'DELETE'])('%s: 405', async (method) => {
    const response = await fetch(`${mirror.url}/add-entries`, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('the package is refused, those before it are kept', async () => {
    await accept(300, 700)
    const one = uploadBody(log, { start: 0, end: 700, packages: 1 })
    const all = uploadBody(log, { start: 0, end: 700 })
    const response = await mirror.upload(changed(all, one.length + 10))
    expect([response.status, await response.text()]).toEqual([422, expect.stringContaining('the package at 256: ')])
    await upload(256, 700)
    await demandCopy(700)
  })
})

function changed(bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  return bytes.with(at, (bytes[at] ?? 0) ^ 1)
}

function tooManyHashes(): Uint8Array<ArrayBuffer> {
  const entry = log.entry(0)
  const package0 = Array.from({ length: 256 }, () => concat(Uint8Array.of(0, entry.length), entry))
  const header = uploadBody(log, { start: 0, end: 300, packages: 0 })
  return concat(header, ...package0, Uint8Array.of(64), new Uint8Array(64 * 32)) as Uint8Array<ArrayBuffer>
}

describe('a client that is slow, or leaves', () => {
  it('does not keep others waiting; what it sent whole is kept', async () => {
    await accept(0, 700)
    const two = uploadBody(log, { start: 0, end: 700, packages: 2 })
    const socket = connect(Number(new URL(mirror.url).port), '127.0.0.1')
    await once(socket, 'connect')
    const head = ['POST /mirror/add-entries HTTP/1.1', 'Host: x', 'Content-Type: application/octet-stream']
    socket.write(`${[...head, 'Content-Length: 10000000'].join('\r\n')}\r\n\r\n`)
    socket.write(two)
    await upload(0, 700)
    socket.destroy()
    await demandCopy(700)
    expect(mirror.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  const head = ['POST /mirror/add-entries HTTP/1.1', 'Host: x', 'Content-Type: application/octet-stream']

  /** A request whose body begins and does not end; resolves with what was answered, when the connection is closed. */
  async function hang(begin: string, drip = ''): Promise<string> {
    const socket = connect(Number(new URL(mirror.url).port), '127.0.0.1')
    await once(socket, 'connect')
    let answer = ''
    socket
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        answer += chunk.toString()
      })
    socket.write(`${[...head, 'Content-Length: 100000'].join('\r\n')}\r\n\r\n${begin}`, 'latin1')
    const more = setInterval(() => drip !== '' && socket.write(drip), 20)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(more)
    return answer
  }
  const demandPlace = () =>
    expect.poll(async () => (await mirror.upload(uploadBody(log, { start: 0, end: 300 }))).status).toBe(200)

  it('is cut off when nothing comes, and frees its place', async () => {
    await mirror.stop()
    mirror = await folder.start({ idleMs: 100, maxUploads: 1 })
    await accept(0, 300)
    expect(await hang('\0\x14mirrored')).toBe('')
    await demandPlace()
  })

  it('is cut off when a piece does not come whole in its time, however often a byte does', async () => {
    await mirror.stop()
    mirror = await folder.start({ idleMs: 10_000, pieceMs: 300, maxUploads: 1 })
    await accept(0, 300)
    const header = Buffer.from(uploadBody(log, { start: 0, end: 300, packages: 0 })).toString('latin1')
    expect(await hang(header, '\0')).toBe('')
    await demandPlace()
  })

  it('is answered, and its connection ends, when what it sent is refused and it says no more', async () => {
    await mirror.stop()
    mirror = await folder.start({ idleMs: 100, maxUploads: 1 })
    await accept(0, 300)
    expect(await hang('xx')).toMatch(/^HTTP\/1.1 400 /)
    await demandPlace()
  })

  it('hears a refusal before it has sent everything', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(uploadBody(log, { start: 0, end: 300, packages: 0, origin: 'stranger.example' }))
      },
    })
    const response = await fetch(`${mirror.url}/add-entries`, {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'application/octet-stream' },
    } as RequestInit)
    expect(response.status).toBe(404)
  })
})

describe('after a restart', () => {
  it('the copy is there, uploads go on, and nothing goes back', async () => {
    await accept(0, 700)
    await mirror.upload(uploadBody(log, { start: 0, end: 700, packages: 1 }))
    await mirror.stop()
    mirror = await folder.start()
    expect(await info(await mirror.upload(uploadBody(log, { start: 512, end: 700, packages: 0 })))).toEqual([
      409,
      infoType,
      '700\n256\n\n',
    ])
    await upload(256, 700)
    await mirror.stop()
    mirror = await folder.start()
    await demandCopy(700)
  })
})

describe('a copy', () => {
  it('follows a log, signs nothing, and takes no uploads', async () => {
    await accept(0, 700)
    await upload(0, 700)
    const copies = new MirrorFolder()
    copies.list(listOf([log]))
    const copy = await copies.start({ follow: [`${mirror.url}/${log.originHash}/`] }, [])
    try {
      await expect.poll(async () => (await copy.get(log, 'checkpoint')).status, { timeout: 20_000 }).toBe(200)
      const theirs = await (await mirror.get(log, 'checkpoint')).text()
      expect(await (await copy.get(log, 'checkpoint')).text()).toBe(theirs)
      expect((await copy.upload(uploadBody(log, { start: 0, end: 700 }))).status).toBe(404)
      expect((await copy.accept(log.body(700, 701))).status).toBe(404)
      await accept(700, 1000)
      await upload(700, 1000)
      await expect
        .poll(async () => (await (await copy.get(log, 'checkpoint')).text()).split('\n')[1], { timeout: 20_000 })
        .toBe('1000')
      expect(utf8(await (await copy.get(log, 'tile/1/000.p/3')).text())).toEqual(
        utf8(await (await mirror.get(log, 'tile/1/000.p/3')).text()),
      )
    } finally {
      await copy.stop()
      copies.remove()
    }
  })
})
