import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type LogClient, logClient } from './log-client.ts'
import { testMachine } from './testing.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function against(handler: Handler, timeoutMs = 2000): Promise<LogClient> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    handler(request, response, Buffer.concat(parts))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { machine } = testMachine({ fetch })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return logClient({ machine, url, signal: new AbortController().signal, timeoutMs })
}

const answer =
  (status: number, type: string, body: string, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, { 'content-type': type, ...headers }).end(body)
  }
const problem = (status: number, body: object) => answer(status, 'application/problem+json', JSON.stringify(body))
const entry = Buffer.from('{"an":"entry"}')
const digest = 'ab'.repeat(32)

describe('POST /add', () => {
  it('sends the exact bytes and takes the index', async () => {
    const seen: [string | undefined, string | undefined, Buffer][] = []
    const log = await against((request, response, body) => {
      seen.push([request.method, request.url, body])
      response.setHeader('content-type', 'text/plain; charset=utf-8')
      response.end('42')
    })
    expect(await log.add(entry)).toEqual({ kind: 'logged', index: 42 })
    expect(seen).toEqual([['POST', '/add', entry]])
  })

  it.each([
    ['one missing body', { code: 'blob-missing', sha256: digest }, { kind: 'blob-missing', sha256: [digest] }],
    ['several', { code: 'blob-missing', sha256: [digest, digest] }, { kind: 'blob-missing', sha256: [digest, digest] }],
    ['the same statement', { code: 'already-logged', index: 7 }, { kind: 'already-logged', index: 7 }],
    ['another head', { code: 'head', detail: 'at 8' }, { kind: 'conflict', code: 'head', detail: 'at 8' }],
    [
      'an index that is none',
      { code: 'already-logged', index: -1 },
      { kind: 'conflict', code: 'already-logged', detail: '' },
    ],
    [
      'a digest that is none',
      { code: 'blob-missing', sha256: '../..' },
      { kind: 'conflict', code: 'blob-missing', detail: '' },
    ],
  ])('reads a 409 about %s', async (_, body, expected) => {
    const log = await against(problem(409, body))
    expect(await log.add(entry)).toEqual(expected)
  })

  it.each<[string, Handler]>([
    ['HTML with status 200', answer(200, 'text/html', '<html>Welcome! Please log in</html>')],
    ['an index with a sign', answer(200, 'text/plain', '+1')],
    ['an index with a leading zero', answer(200, 'text/plain', '01')],
    ['an index with spaces', answer(200, 'text/plain', ' 1')],
    ['an index past 16 digits', answer(200, 'text/plain', '1'.repeat(17))],
    ['an empty answer', answer(200, 'text/plain', '')],
    ['another success', answer(204, 'text/plain', '')],
    ['a 409 in HTML', answer(409, 'text/html', '<html>')],
    ['a 409 that is not JSON', answer(409, 'application/problem+json', '{')],
    ['a 409 without a code', problem(409, { detail: 'x' })],
    ['a redirect', answer(307, 'text/plain', '', { location: 'http://127.0.0.1:9/add' })],
    ['a proxy asking for a password', answer(407, 'text/html', '')],
    ['404', answer(404, 'text/plain', 'no such page')],
    ['500', answer(500, 'text/plain', 'oops')],
    ['503', problem(503, { code: 'read-only' })],
    ['an answer without end', (_, response) => void response.writeHead(200).end(Buffer.alloc((1 << 20) + 1))],
    ['a closed connection', (request) => void request.socket.destroy()],
  ])('is worth trying again after %s', async (_, handler) => {
    const log = await against(handler)
    await expect(log.add(entry)).rejects.toMatchObject({ name: 'Retryable' })
  })

  it('is worth trying again after silence', async () => {
    const log = await against(() => undefined, 50)
    await expect(log.add(entry)).rejects.toThrow('no answer in time')
  })

  it.each([
    ['5', 5000],
    ['999', 600_000],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 0],
    ['-1', 0],
  ])('waits as the log asks: Retry-After %s', async (header, retryAfterMs) => {
    const log = await against(answer(429, 'text/plain', '', { 'retry-after': header }))
    await expect(log.add(entry)).rejects.toMatchObject({ name: 'Retryable', retryAfterMs })
  })

  it.each([
    ['another key', 403, { code: 'not-a-publisher', detail: 'no key of this product' }],
    ['a bad entry', 400, { code: 'statement-invalid', detail: 'version' }],
    ['a long entry', 413, { code: 'too-large', title: 'too large' }],
  ])('is refused for good for %s', async (_, status, body) => {
    const log = await against(problem(status, body))
    await expect(log.add(entry)).rejects.toMatchObject({ code: 'LOG_REFUSED', exitCode: 10 })
  })
})

describe('the other calls', () => {
  it('store a body', async () => {
    const seen: string[] = []
    const log = await against((request, response, body) => {
      seen.push(`${request.method} ${request.url} ${body}`)
      response.writeHead(201).end()
    })
    await log.putBlob(digest, Buffer.from('body'))
    expect(seen).toEqual([`PUT /v1/blob/${digest} body`])
  })

  it('fetch a body, or say that there is none', async () => {
    const log = await against(answer(200, 'application/octet-stream', 'body'))
    expect(await log.getBlob(digest)).toEqual(Buffer.from('body'))
    expect(await (await against(answer(404, 'text/plain', ''))).getBlob(digest)).toBeNull()
  })

  it.each([
    ['a list', '[1,2,30]'],
    ['a list in an object', '{"sizes":[1,2,30]}'],
  ])('read sizes as %s', async (_, body) => {
    expect(await (await against(answer(200, 'application/json', body))).sizes(0)).toEqual([1, 2, 30])
  })

  it.each(['<html>', '{}', '[-1]', '[1.5]', '["1"]', '[9007199254740992]'])('refuse %s as sizes', async (body) => {
    await expect((await against(answer(200, 'application/json', body))).sizes(0)).rejects.toMatchObject({
      name: 'Retryable',
    })
  })
})
