import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { type Loopback, serve } from '../test-support/loopback.ts'
import { createHttpClient, type HttpOptions } from './http-client.ts'

const servers: Loopback[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})
const start = async (listener: RequestListener) => {
  const server = await serve(listener)
  servers.push(server)
  return server
}
const client = (options: Partial<HttpOptions> = {}) =>
  createHttpClient({ fetch, random: () => 0, retry: { attempts: 3, baseDelayMs: 1, maxDelayMs: 5 }, ...options })

describe('a bounded answer', () => {
  test('gives status, body and the URL that answered in the end', async () => {
    const server = await start((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: '/b' }).end()
      else response.end('hello')
    })
    const answer = await client().get(`${server.url}/a`, { maxBytes: 5 })
    expect([answer.status, new TextDecoder().decode(answer.body), answer.url]).toEqual([
      200,
      'hello',
      `${server.url}/b`,
    ])
  })

  test('is cut one byte past the bound where that is asked for, whatever else would come', async () => {
    const server = await start((_, response) => {
      response.write('12345')
      const timer = setInterval(() => response.write('67890'), 1)
      response.on('close', () => clearInterval(timer))
    })
    const { body } = await client().get(server.url, { maxBytes: 7, cut: true })
    expect(new TextDecoder().decode(body)).toBe('12345678')
    await expect(client().get(server.url, { maxBytes: 7 })).rejects.toMatchObject({ code: 'SIZE_EXCEEDED' })
  })

  test('keeps a 404 for the caller to judge, and asks only once', async () => {
    const server = await start((_, response) => response.writeHead(404).end('no'))
    expect((await client().get(server.url, { maxBytes: 9 })).status).toBe(404)
    expect(server.requests).toHaveLength(1)
  })

  test.each([408, 425, 429, 500, 502, 503])('tries again after %i', async (status) => {
    let count = 0
    const server = await start((_, response) => {
      if (++count < 3) response.writeHead(status, { 'retry-after': '0' }).end()
      else response.end('ok')
    })
    expect((await client().get(server.url, { maxBytes: 9 })).status).toBe(200)
  })

  test('tries again where the connection broke', async () => {
    let count = 0
    const server = await start((request, response) => {
      if (++count < 3) request.socket.destroy()
      else response.end('ok')
    })
    expect((await client().get(server.url, { maxBytes: 9 })).status).toBe(200)
  })

  test('waits as long as Retry-After says, within its bound', async () => {
    const waits: number[] = []
    const server = await start((_, response) => response.writeHead(503, { 'retry-after': '3600' }).end())
    const http = client({
      sleep: async (ms) => void waits.push(ms),
      retry: { attempts: 3, baseDelayMs: 1, maxDelayMs: 50 },
    })
    expect((await http.get(server.url, { maxBytes: 9 })).status).toBe(503)
    expect(waits).toEqual([50, 50])
  })
})

describe('what is refused', () => {
  const cases: readonly [
    what: string,
    listener: RequestListener,
    code: string,
    detail: RegExp,
    options?: Partial<HttpOptions>,
  ][] = [
    ['a body past its cap', (_, r) => r.end('x'.repeat(101)), 'SIZE_EXCEEDED', /more than 100 bytes/],
    [
      'a body without end',
      (_, r) => {
        const timer = setInterval(() => r.write('x'.repeat(50)), 1)
        r.on('close', () => clearInterval(timer))
      },
      'SIZE_EXCEEDED',
      /more than 100 bytes/,
    ],
    [
      'a small answer that expands past its cap',
      (_, r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1e6))),
      'SIZE_EXCEEDED',
      /more than 100 bytes/,
    ],
    [
      'a redirect loop',
      (q, r) => r.writeHead(302, { location: q.url ?? '' }).end(),
      'TRANSPORT',
      /redirects more than 5 times/,
    ],
    [
      'a redirect to a file',
      (_, r) => r.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'TRANSPORT',
      /only https/,
    ],
    [
      'a redirect to plain http elsewhere',
      (_, r) => r.writeHead(302, { location: 'http://192.0.2.1/' }).end(),
      'TRANSPORT',
      /plain http/,
    ],
    [
      'a redirect with credentials',
      (_, r) => r.writeHead(302, { location: 'https://a:b@example.com/' }).end(),
      'TRANSPORT',
      /credentials/,
    ],
    ['a redirect to nowhere', (_, r) => r.writeHead(302, { location: 'http://:0:' }).end(), 'TRANSPORT', /not a URL/],
    ['silence', () => undefined, 'TRANSPORT', /nothing came for 0.05 s/, { idleTimeoutMs: 50 }],
    [
      'a slow drip',
      (_, r) => {
        const timer = setInterval(() => r.write('x'), 20)
        r.on('close', () => clearInterval(timer))
      },
      'TRANSPORT',
      /no complete answer within 0.2 s/,
      { idleTimeoutMs: 1000, totalTimeoutMs: 200, retry: { attempts: 1, baseDelayMs: 1, maxDelayMs: 1 } },
    ],
    ['a connection that always breaks', (q) => q.socket.destroy(), 'TRANSPORT', /fetch failed/],
    [
      'an answer cut short',
      (_, r) => r.writeHead(200, { 'content-length': '50' }).write('x', () => r.destroy()),
      'TRANSPORT',
      /terminated/,
    ],
  ]
  test.each(cases)('%s', async (_, listener, code, detail, options = {}) => {
    const server = await start(listener)
    const http = client({ retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 2 }, ...options })
    const failure = await http.get(`${server.url}/x`, { maxBytes: 100 }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'IoFailure', code, detail: expect.stringMatching(detail) })
  })

  test.each([
    'http://example.com/',
    'ftp://127.0.0.1/',
    'https://user@example.com/',
    'no url',
    'data:text/plain,x',
    'javascript:1',
  ])('the address %s, before anything is sent', async (url) => {
    let sent = false
    const http = client({
      fetch: async () => {
        sent = true
        return new Response()
      },
    })
    await expect(http.get(url, { maxBytes: 1 })).rejects.toMatchObject({ code: 'TRANSPORT' })
    expect(sent).toBe(false)
  })

  test('a redirect from https to http, also to this machine', async () => {
    const http = client({ fetch: async () => Response.redirect('http://127.0.0.1/', 302), allowHttp: true })
    await expect(http.get('https://example.com/', { maxBytes: 1 })).rejects.toMatchObject({
      detail: expect.stringMatching(/https to http/),
    })
  })
})

test('headers of the application stay with the origin they were given for, also after a way back', async () => {
  const first = await start((request, response) => {
    if (request.url === '/1') response.writeHead(307, { location: '/2' }).end()
    else if (request.url === '/2') response.writeHead(307, { location: `${second.url}/3` }).end()
    else response.end('ok')
  })
  const second = await start((_, response) => response.writeHead(307, { location: `${first.url}/4` }).end())
  await client({ headers: { authorization: 'Bearer secret' } }).get(`${first.url}/1`, { maxBytes: 9 })
  const seen = [...first.requests, ...second.requests].map(({ path, headers }) => [path, headers['authorization']])
  expect(seen).toEqual([
    ['/1', 'Bearer secret'],
    ['/2', 'Bearer secret'],
    ['/4', undefined],
    ['/3', undefined],
  ])
})

test('an abort ends waiting, reading and retrying with its own reason', async () => {
  const server = await start((_, response) => void response.write('x'))
  const reason = new Error('enough')
  const controller = new AbortController()
  const answer = client().get(server.url, { maxBytes: 9, signal: controller.signal })
  setTimeout(() => controller.abort(reason), 30)
  await expect(answer).rejects.toBe(reason)
  await expect(client().get(server.url, { maxBytes: 9, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
