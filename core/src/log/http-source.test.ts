import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGzip, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { describeTileSource } from '../../../test/support/tile-source-contract.ts'
import { concat, utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { type FetchLike, httpGet, httpTileSource } from './http-source.ts'
import { memoryTileSource } from './memory-source.ts'
import { formatEntryBundle, MAX_BUNDLE_SIZE, parseEntriesPath, parseTilePath } from './tile.ts'
import { SourceError, type TileSource } from './tile-source.ts'

const servers: Server[] = []

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function closeAll(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}
afterEach(closeAll)

const open = (prefix: string) => httpTileSource({ prefix, fetch, allowHttpLoopback: true })

/** The kind of SourceError that `answer` ends in. */
async function failure(answer: Promise<Uint8Array>): Promise<SourceError> {
  const error: unknown = await answer.then(
    () => 'an answer',
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SourceError)
  return error as SourceError
}

/** Answers as `source` does; `partial: false` is a log that has collected its partial tiles and bundles. */
function serve(source: TileSource, prefix: string, partial: boolean): RequestListener {
  const answer = (path: string) => {
    if (path === 'checkpoint') return source.checkpoint()
    if (path.startsWith('tile/entries/')) {
      const { index, width } = parseEntriesPath(path)
      return source.entries(index, width)
    }
    return source.tile(parseTilePath(path))
  }
  return async (request: IncomingMessage, response: ServerResponse) => {
    try {
      const path = (request.url ?? '').slice(prefix.length)
      if (!partial && path.startsWith('tile/') && /\/000\.p\//.test(path) && !path.startsWith('tile/1')) {
        throw new SourceError('missing', path, 'collected')
      }
      response.end(await answer(path))
    } catch {
      response.writeHead(404).end()
    }
  }
}

for (const partial of [true, false]) {
  describeTileSource(
    `a log over HTTP ${partial ? 'with' : 'without'} old partial tiles`,
    async (entries, checkpoint) => {
      const server = createServer(serve(memoryTileSource(nodeCrypto, entries, checkpoint), '/some/log/', partial))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return {
        source: open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/some/log/`),
        close: () => new Promise((resolve) => server.close(() => resolve())),
      }
    },
  )
}

describe('prefixes', () => {
  const fetched: string[] = []
  const recorder: FetchLike<never> = async (url) => {
    fetched.push(url)
    throw new Error('offline')
  }

  test.each([
    ['https://log.example', 'https://log.example/checkpoint'],
    ['https://log.example/', 'https://log.example/checkpoint'],
    ['https://log.example/a/b', 'https://log.example/a/b/checkpoint'],
    ['https://log.example/a/b/', 'https://log.example/a/b/checkpoint'],
    ['https://log.example:8443/a', 'https://log.example:8443/a/checkpoint'],
    ['https://log.example/a%20b', 'https://log.example/a%20b/checkpoint'],
  ])('%s asks for %s', async (prefix, url) => {
    fetched.length = 0
    expect((await failure(httpTileSource({ prefix, fetch: recorder }).checkpoint())).kind).toBe('transport')
    expect(fetched).toEqual([url])
  })

  test.each([
    '',
    'log.example',
    '/log',
    'http://log.example',
    'http://127.0.0.1:8080',
    'ftp://log.example',
    'file:///etc/log',
    'data:text/plain,x',
    'https://user@log.example',
    'https://user:secret@log.example',
    'https://:secret@log.example',
    'https://log.example/?a=b',
    'https://log.example/?',
    'https://log.example/#a',
    'https://log.example/#',
    'https://',
    'https://log example',
    'javascript:alert(1)',
  ])('%j is refused', (prefix) => {
    expect(() => httpTileSource({ prefix, fetch: recorder })).toThrow(RangeError)
  })

  test.each([
    'http://127.0.0.1:1',
    'http://127.9.9.9',
    'http://localhost:1/log',
    'http://[::1]:1',
    'http://2130706433',
  ])('%s is a loopback host', (prefix) => {
    expect(() => httpTileSource({ prefix, fetch: recorder, allowHttpLoopback: true })).not.toThrow()
  })

  test.each([
    'http://log.example',
    'http://localhost.example',
    'http://127.0.0.1.example',
    'http://128.0.0.1',
    'http://10.0.0.1',
    'http://[::2]',
    'http://0.0.0.0',
    'http://user@127.0.0.1',
  ])('%s is none', (prefix) => {
    expect(() => httpTileSource({ prefix, fetch: recorder, allowHttpLoopback: true })).toThrow(RangeError)
  })
})

describe('answers that are none', () => {
  const tile = { level: 0, index: 0, width: 256 }

  test.each<[number, string]>([
    [201, 'transport'],
    [204, 'transport'],
    [206, 'transport'],
    [400, 'transport'],
    [401, 'transport'],
    [403, 'transport'],
    [404, 'missing'],
    [407, 'transport'],
    [410, 'missing'],
    [429, 'transport'],
    [500, 'transport'],
    [503, 'transport'],
  ])('status %i is %s', async (status, kind) => {
    const source = open(await listen((_, response) => response.writeHead(status).end()))
    expect((await failure(source.tile(tile))).kind).toBe(kind)
    expect((await failure(source.entries(0, 256))).kind).toBe(kind)
    expect((await failure(source.checkpoint())).kind).toBe(kind)
  })

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a captive portal', utf8('<!doctype html><title>Log in</title>')],
    ['a byte less', new Uint8Array(8191)],
    ['half a tile', new Uint8Array(4096)],
  ])('%s for a tile or bundle is a transport error', async (_, body) => {
    const source = open(await listen((_request, response) => response.end(body)))
    expect((await failure(source.tile(tile))).kind).toBe('transport')
    expect((await failure(source.tile({ ...tile, width: 7 }))).kind).toBe('transport')
    if (body.length < 512) expect((await failure(source.entries(0, 256))).kind).toBe('transport')
  })

  test('a full tile for a partial one is refused where the partial one was answered', async () => {
    const source = open(await listen((_, response) => response.end(new Uint8Array(8192))))
    expect((await failure(source.tile({ ...tile, width: 7 }))).kind).toBe('transport')
    expect((await failure(source.entries(0, 7))).kind).toBe('transport')
  })

  test('only a missing partial leads to the full one, and only one request more', async () => {
    for (const status of [404, 500]) {
      const asked: string[] = []
      const source = open(
        await listen((request, response) => {
          asked.push(request.url ?? '')
          response.writeHead(status).end()
        }),
      )
      await failure(source.tile({ ...tile, width: 7 }))
      await failure(source.entries(0, 7))
      const both = ['/tile/0/000.p/7', '/tile/0/000', '/tile/entries/000.p/7', '/tile/entries/000']
      expect(asked).toEqual(status === 404 ? both : both.filter((path) => path.includes('.p/')))
    }
  })

  test('a connection that breaks, before and within the body', async () => {
    const before = open(await listen((request) => request.socket.destroy()))
    expect((await failure(before.tile(tile))).kind).toBe('transport')
    const within = open(
      await listen((request, response) => {
        response.writeHead(200, { 'content-length': '8192' })
        response.write(new Uint8Array(100), () => request.socket.destroy())
      }),
    )
    const error = await failure(within.tile(tile))
    expect(error.kind).toBe('transport')
    expect(error.cause).toBeInstanceOf(Error)
  })

  test('no server', async () => {
    const prefix = await listen((_, response) => response.end())
    await closeAll()
    expect((await failure(open(prefix).checkpoint())).kind).toBe('transport')
  })

  test('a full bundle that is broken past the width that is wanted is still refused', async () => {
    const broken = concat(formatEntryBundle(Array.from({ length: 255 }, () => utf8('x'))), Uint8Array.of(0))
    const source = open(
      await listen((request, response) => {
        if (request.url?.includes('.p/')) response.writeHead(404).end()
        else response.end(broken)
      }),
    )
    expect((await failure(source.entries(0, 7))).kind).toBe('transport')
  })
})

describe('size caps', { timeout: 30_000 }, () => {
  /** Sends 64 KiB chunks until the client goes away; resolves with the bytes sent. */
  function endless(sent: { bytes: number; closed: boolean }, headers: Record<string, string> = {}): RequestListener {
    return (_, response) => {
      response.writeHead(200, headers)
      const chunk = new Uint8Array(65_536)
      const more = () => {
        while (!sent.closed && response.write(chunk)) sent.bytes += chunk.length
        sent.bytes += chunk.length
      }
      response.on('drain', more)
      response.on('close', () => {
        sent.closed = true
      })
      more()
    }
  }

  test.each<[string, (source: TileSource) => Promise<Uint8Array>]>([
    ['a checkpoint', (source) => source.checkpoint()],
    ['a tile', (source) => source.tile({ level: 0, index: 0, width: 256 })],
    ['a partial tile', (source) => source.tile({ level: 0, index: 0, width: 1 })],
    ['a small bundle', (source) => source.entries(0, 1)],
    ['a bundle', (source) => source.entries(0, 256)],
  ])('%s without end is given up', async (_, ask) => {
    const sent = { bytes: 0, closed: false }
    expect((await failure(ask(open(await listen(endless(sent)))))).kind).toBe('too-large')
    await expect.poll(() => sent.closed).toBe(true)
    expect(sent.bytes).toBeLessThan(MAX_BUNDLE_SIZE + 32 * 1024 * 1024)
  })

  test('an announced length is not believed', async () => {
    const source = open(
      await listen((_, response) => {
        response.writeHead(200, { 'content-length': '9000' })
        response.end(new Uint8Array(9000))
      }),
    )
    expect((await failure(source.tile({ level: 0, index: 0, width: 256 }))).kind).toBe('too-large')
  })

  test('a gzip bomb without end is given up', async () => {
    let closed = false
    const source = open(
      await listen((_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        const bomb = createGzip({ level: 1 })
        const zeros = new Uint8Array(1 << 20)
        const more = () => {
          if (!closed) bomb.write(zeros, () => setImmediate(more))
        }
        response.on('close', () => {
          closed = true
          bomb.destroy()
        })
        bomb.pipe(response)
        more()
      }),
    )
    expect((await failure(source.entries(0, 256))).kind).toBe('too-large')
    await expect.poll(() => closed).toBe(true)
  })

  test('a body that comes byte by byte costs no object for each byte', async () => {
    let left = 500_000
    const drip: FetchLike<never> = async () => ({
      status: 200,
      headers: new Headers(),
      body: {
        getReader: () => ({
          read: async () => (left-- > 0 ? { done: false, value: Uint8Array.of(7) } : { done: true }),
          cancel: async () => undefined,
        }),
        cancel: async () => undefined,
      },
    })
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    }, 5)
    const bytes = await httpGet({ fetch: drip }, 'https://log.example/', 500_000)
    clearInterval(watch)
    expect(bytes).toHaveLength(500_000)
    expect(bytes.every((byte) => byte === 7)).toBe(true)
    expect(most - before).toBeLessThan(16 * 1024 * 1024)
  })

  test('gzip within the cap is decoded', async () => {
    const bundle = formatEntryBundle(Array.from({ length: 256 }, () => new Uint8Array(1000)))
    const source = open(
      await listen((_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        response.end(gzipSync(bundle))
      }),
    )
    expect(await source.entries(0, 256)).toEqual(bundle)
  })

  test('the largest bundle there can be passes', async () => {
    const bundle = formatEntryBundle(Array.from({ length: 256 }, () => new Uint8Array(65_535)))
    const source = open(await listen((_, response) => response.end(bundle)))
    expect((await source.entries(0, 256)).length).toBe(MAX_BUNDLE_SIZE)
  })
})

describe('redirects', () => {
  const to = (location: string, status = 302) => listen((_, response) => response.writeHead(status, { location }).end())

  test.each([301, 302, 303, 307, 308])('%i is followed, relative and absolute', async (status) => {
    const end = await listen((_, response) => response.end('the checkpoint'))
    expect(await open(await to(`${end}/elsewhere`, status)).checkpoint()).toEqual(utf8('the checkpoint'))
    const here = await listen((request, response) => {
      if (request.url === '/checkpoint') response.writeHead(status, { location: 'newest' }).end()
      else response.end(request.url)
    })
    expect(await open(here).checkpoint()).toEqual(utf8('/newest'))
  })

  test('a loop ends', async () => {
    let asked = 0
    const prefix = await listen((_, response) => {
      asked++
      response.writeHead(302, { location: '/checkpoint' }).end()
    })
    expect((await failure(open(prefix).checkpoint())).kind).toBe('redirect')
    expect(asked).toBe(4)
  })

  test.each([
    'http://log.example/',
    'http://10.0.0.1/',
    'ftp://log.example/',
    'file:///etc/passwd',
    'data:text/plain,checkpoint',
    'https://user:secret@log.example/',
    '//user@127.0.0.1/',
    'http://',
    '',
  ])('to %j is not followed', async (location) => {
    expect((await failure(open(await to(location)).checkpoint())).kind).toBe('redirect')
  })

  test('without a target', async () => {
    const prefix = await listen((_, response) => response.writeHead(302).end())
    expect((await failure(open(prefix).checkpoint())).kind).toBe('redirect')
  })

  test('from https to a loopback host is not followed, although loopback hosts are allowed', async () => {
    const asked: string[] = []
    const answers: FetchLike<AbortSignal> = async (url) => {
      asked.push(url)
      return new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:1/checkpoint' } })
    }
    const source = httpTileSource({ prefix: 'https://log.example', fetch: answers, allowHttpLoopback: true })
    expect((await failure(source.checkpoint())).kind).toBe('redirect')
    expect(asked).toEqual(['https://log.example/checkpoint'])
  })

  test('hidden by a browser behind status 0', async () => {
    const answers: FetchLike<never> = async () => ({ status: 0, headers: new Headers(), body: null })
    const source = httpTileSource({ prefix: 'https://log.example', fetch: answers })
    expect((await failure(source.checkpoint())).kind).toBe('redirect')
  })
})

describe('time', () => {
  test.each<[string, RequestListener]>([
    ['no answer', () => undefined],
    [
      'a slow drip',
      (_, response) => {
        response.writeHead(200)
        const drip = setInterval(() => response.write(Uint8Array.of(0)), 10)
        response.on('close', () => clearInterval(drip))
      },
    ],
  ])('%s ends with the signal', async (_, handler) => {
    let made = 0
    const signal = () => {
      made++
      return AbortSignal.timeout(80)
    }
    const source = httpTileSource({ prefix: await listen(handler), fetch, signal, allowHttpLoopback: true })
    expect((await failure(source.checkpoint())).kind).toBe('transport')
    expect((await failure(source.tile({ level: 0, index: 0, width: 3 }))).kind).toBe('transport')
    expect(made).toBe(2)
  })
})

test('httpGet reads any https resource, and nothing else', async () => {
  const prefix = await listen((_, response) => response.end('bytes'))
  const options = { fetch, allowHttpLoopback: true }
  expect(await httpGet(options, `${prefix}/a?b=c`, 5)).toEqual(utf8('bytes'))
  expect((await failure(httpGet(options, `${prefix}/a`, 4))).kind).toBe('too-large')
  expect((await failure(httpGet({ fetch }, `${prefix}/a`, 5))).kind).toBe('transport')
  expect((await failure(httpGet(options, 'nonsense', 5))).kind).toBe('transport')
})

test('no credentials, and an encoding that every log may use', async () => {
  const seen: IncomingMessage['headers'][] = []
  const prefix = await listen((request, response) => {
    seen.push(request.headers)
    response.writeHead(302, { 'set-cookie': 'a=b', location: request.url === '/2' ? '/3' : '/2' }).end()
  })
  await failure(open(prefix).checkpoint())
  expect(seen.map(({ cookie, authorization }) => [cookie, authorization])).toEqual(
    seen.map(() => [undefined, undefined]),
  )
  expect(seen[0]?.['accept-encoding']).toBe('gzip, identity')
})
