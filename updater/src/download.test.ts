import { createHash, randomBytes } from 'node:crypto'
import { readFile, stat, symlink, writeFile } from 'node:fs/promises'
import type { RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../test-support/folders.ts'
import { serve } from '../test-support/loopback.ts'
import { type DownloadOptions, download } from './download.ts'
import { createHttpClient } from './http-client.ts'

const body = randomBytes(3_000_001)
const sha256 = createHash('sha256').update(body).digest('hex')
const retry = { attempts: 4, baseDelayMs: 1, maxDelayMs: 2 }
const http = createHttpClient({ fetch, random: Math.random, retry, idleTimeoutMs: 600 })
const settings = (directory: string, more: Partial<DownloadOptions> = {}): DownloadOptions => ({
  http,
  directory,
  random: Math.random,
  retry,
  ...more,
})

/** Serves `bytes` with ranges, as a static file server does. */
const ranged =
  (bytes: Buffer, tag = '"v1"'): RequestListener =>
  (request, response) => {
    const first = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
    const resumes = first !== undefined && request.headers['if-range'] === tag
    const from = resumes ? Number(first) : 0
    const headers = { etag: tag, 'content-length': bytes.length - from }
    if (resumes)
      response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` })
    else response.writeHead(200, headers)
    response.end(bytes.subarray(from))
  }

/** Sends `count` bytes of an answer and breaks the connection. */
const cut = (response: ServerResponse, bytes: Buffer, count: number, tag = '"v1"') => {
  response.writeHead(200, { etag: tag, 'content-length': bytes.length })
  response.write(bytes.subarray(0, count), () => setTimeout(() => response.destroy(), 20))
}

async function run(
  listener: RequestListener,
  more: Partial<DownloadOptions> = {},
  before?: (folder: string) => Promise<void>,
) {
  await using folder = await temporaryFolder()
  await before?.(folder.path)
  const server = await serve(listener)
  try {
    const wanted = { sha256, size: body.length, urls: [`${server.url}/file`] }
    const outcome = await download(wanted, settings(folder.path, more)).then(
      async (path) => (await readFile(path)).equals(body),
      (error: unknown) => error,
    )
    const left = await stat(join(folder.path, `${sha256}.part`)).then(
      ({ size }) => size,
      () => null,
    )
    return { outcome, left, ranges: server.requests.map(({ headers }) => headers['range']) }
  } finally {
    await server.close()
  }
}

describe('a whole file', () => {
  test('arrives, with progress that ends at its length', async () => {
    const seen: number[] = []
    const { outcome, ranges } = await run(ranged(body), { onProgress: ({ received }) => void seen.push(received) })
    expect([outcome, ranges, seen[0], seen.at(-1)]).toEqual([true, [undefined], 0, body.length])
  })

  test('is not fetched again', async () => {
    const { outcome, ranges } = await run(ranged(body), {}, (folder) => writeFile(join(folder, sha256), body))
    expect([outcome, ranges]).toEqual([true, []])
  })

  test('that lies there with other bytes is fetched', async () => {
    const { outcome } = await run(ranged(body), {}, (folder) => writeFile(join(folder, sha256), body.subarray(1)))
    expect(outcome).toBe(true)
  })
})

describe('an interrupted file', () => {
  const interrupted = (then: RequestListener): RequestListener => {
    let count = 0
    return (request, response) => (count++ === 0 ? cut(response, body, 2_000_000) : then(request, response))
  }

  test('goes on where it stopped', async () => {
    const { outcome, ranges } = await run(interrupted(ranged(body)))
    expect(outcome).toBe(true)
    expect(Number(/^bytes=(\d+)-$/.exec(String(ranges[1]))?.[1])).toBeGreaterThan(100_000)
  })

  test('starts over where the server has another file by now', async () => {
    const { outcome } = await run(interrupted(ranged(body, '"v2"')))
    expect(outcome).toBe(true)
  })

  test('starts over where the server knows no ranges', async () => {
    const { outcome } = await run(interrupted((_, response) => response.end(body)))
    expect(outcome).toBe(true)
  })

  test.each([
    ['another range', 'bytes 0-9/3000001', 206],
    ['no range', '', 206],
    ['a longer file', 'bytes 2000000-3000000/9000000', 206],
    ['nothing', 'bytes */3000001', 416],
  ])('starts over where the server answers with %s', async (_, range, status) => {
    let lied = false
    const { outcome } = await run(
      interrupted((request, response) => {
        if (lied) return ranged(body)(request, response)
        lied = true
        response.writeHead(status, { 'content-range': range }).end(body.subarray(0, 10))
      }),
    )
    expect(outcome).toBe(true)
  })

  test('is fetched once more from its start where what was planted before the resume spoils it', async () => {
    let url = ''
    const plant = async (folder: string) => {
      await writeFile(join(folder, `${sha256}.part`), randomBytes(1_000_000))
      await writeFile(join(folder, `${sha256}.part.json`), JSON.stringify({ url, validator: '"v1"' }))
    }
    await using folder = await temporaryFolder()
    const server = await serve(ranged(body))
    try {
      url = `${server.url}/file`
      await plant(folder.path)
      await download({ sha256, size: body.length, urls: [url] }, settings(folder.path))
      expect(server.requests.map(({ headers }) => headers['range'])).toEqual(['bytes=1000000-', undefined])
    } finally {
      await server.close()
    }
  })
})

describe('what is refused', () => {
  const altered = Buffer.from(body)
  altered[1_500_000] = (altered[1_500_000] ?? 0) ^ 1
  const cases: readonly [what: string, listener: RequestListener, code: string, detail: RegExp][] = [
    ['altered bytes', ranged(altered), 'DIGEST_MISMATCH', /gave SHA-256/],
    ['a truncated file', ranged(body.subarray(0, -1)), 'DIGEST_MISMATCH', /3000000 of 3000001 bytes/],
    [
      'an appended file',
      ranged(Buffer.concat([body, Buffer.from('x')])),
      'SIZE_EXCEEDED',
      /more than the 3000001 bytes/,
    ],
    ['an appended file without a length', (_, r) => r.write(body, () => r.end('x')), 'SIZE_EXCEEDED', /more than/],
    ['an empty file', (_, r) => r.end(), 'DIGEST_MISMATCH', /0 of 3000001/],
    [
      'a page of a captive portal',
      (_, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'DIGEST_MISMATCH',
      /6 of/,
    ],
    [
      'a compressed answer of something else',
      (_, r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(altered)),
      'DIGEST_MISMATCH',
      /SHA-256/,
    ],
    ['404', (_, r) => r.writeHead(404).end(), 'TRANSPORT', /answers 404/],
    ['407', (_, r) => r.writeHead(407).end(), 'TRANSPORT', /answers 407|fetch failed/],
    ['500 again and again', (_, r) => r.writeHead(500).end(), 'TRANSPORT', /answers 500/],
    ['204', (_, r) => r.writeHead(204).end(), 'TRANSPORT', /answers 204/],
    ['silence', (_, r) => void r.writeHead(200, { etag: '"v1"' }).write('x'), 'TRANSPORT', /nothing came/],
  ]
  test.each(cases)('%s', async (_, listener, code, detail) => {
    const { outcome } = await run(listener)
    expect(outcome).toMatchObject({ name: 'IoFailure', code, detail: expect.stringMatching(detail) })
  })

  test('nothing is left of a file that was wrong', async () => {
    expect((await run(ranged(altered))).left).toBeNull()
  })

  test('a link planted where the file will grow', async () => {
    const { outcome } = await run(ranged(body), {}, (folder) =>
      symlink('/etc/hostname', join(folder, `${sha256}.part`)),
    )
    expect(outcome).toMatchObject({ code: 'PATH_REFUSED' })
  })

  test('a link planted where the file will end', async () => {
    const { outcome } = await run(ranged(body), {}, (folder) => symlink('/etc/hostname', join(folder, sha256)))
    expect(outcome).toMatchObject({ code: 'PATH_REFUSED' })
  })

  test('a folder that is none', async () => {
    await expect(download({ sha256, size: body.length, urls: [] }, settings('/dev/full'))).rejects.toMatchObject({
      code: 'ENOTDIR',
    })
  })
})

test('the second place is asked where the first has other bytes', async () => {
  await using folder = await temporaryFolder()
  const [bad, good] = [await serve((_, response) => response.end('other')), await serve(ranged(body))]
  try {
    const path = await download({ sha256, size: body.length, urls: [bad.url, good.url] }, settings(folder.path))
    expect((await readFile(path)).equals(body)).toBe(true)
  } finally {
    await bad.close()
    await good.close()
  }
})

test('an abort keeps what has come', async () => {
  const controller = new AbortController()
  const reason = new Error('later')
  const { outcome, left } = await run(
    (_, response) => {
      response.writeHead(200, { etag: '"v1"', 'content-length': body.length })
      response.write(body.subarray(0, 2_000_000))
      setTimeout(() => controller.abort(reason), 100)
    },
    { signal: controller.signal },
  )
  expect(outcome).toBe(reason)
  expect(left).toBeGreaterThan(1_000_000)
})
