import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { closeServer, listen } from '@samebits/host'
import { afterEach, describe, expect, it } from 'vitest'
import { createRelayServer, Relay } from './relay-http.ts'

const token = 'secret'
const limits = { headersTimeoutMs: 5000, requestTimeoutMs: 5000 }
const servers: Server[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => closeServer(server, 0))))

async function listening(server: Server): Promise<number> {
  servers.push(server)
  return listen(server, '127.0.0.1', 0)
}

/** A reader's port before a writer that handles requests so. */
async function relayTo(handle: (req: IncomingMessage, res: ServerResponse) => void, given = token): Promise<number> {
  const port = await listening(createRelayServer(token, handle, limits))
  const relay = new Relay({ port, token: given })
  return listening(createServer((req, res) => relay.handle(req, res)))
}

function ask(port: number, body = '', headers = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, method: 'POST', headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      answer.on('error', reject).on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
    })
    asked.on('error', reject).end(body)
  })
}

describe('a relay', () => {
  it('passes body, headers and answer on, the client as the last of the chain', async () => {
    const port = await relayTo((req, res) => {
      const { 'x-forwarded-for': chain, 'x-mine': mine, 'samebits-reader': secret } = req.headers
      res.statusCode = 418
      req.setEncoding('utf8').once('data', (body: string) => {
        res.end(JSON.stringify([body, chain, mine, secret ?? null]))
      })
    })
    const headers = { 'x-forwarded-for': '192.0.2.1', 'x-mine': 'yes', 'samebits-reader': 'forged' }
    const { status, body } = await ask(port, 'hello', headers)
    expect(status).toBe(418)
    expect(JSON.parse(body)).toEqual([
      'hello',
      expect.stringMatching(/^192\.0\.2\.1, .*127\.0\.0\.1$|::1$/),
      'yes',
      null,
    ])
  })

  it('is refused with another token', async () => {
    const port = await relayTo((_req, res) => void res.end('reached'), 'guessed')
    expect((await ask(port)).status).toBe(403)
  })

  it('says 503 where nobody answers', async () => {
    const relay = new Relay({ port: 9, token })
    const port = await listening(createServer((req, res) => relay.handle(req, res)))
    const { status, body } = await ask(port, 'entry')
    expect([status, JSON.parse(body).code]).toEqual([503, 'writer-unreachable'])
  })

  it('cuts off an answer that breaks off, and lives on', async () => {
    let first = true
    const port = await relayTo((_req, res) => {
      if (!first) return void res.end('whole')
      first = false
      res.writeHead(200, { 'content-length': 100 })
      res.write('half', () => res.destroy())
    })
    await expect(ask(port)).rejects.toThrow(/aborted|ECONNRESET|hang up/)
    expect((await ask(port)).body).toBe('whole')
  })

  it('gives up the request of a client that leaves', async () => {
    const left = Promise.withResolvers<void>()
    const port = await relayTo((req) => void req.on('close', left.resolve))
    const socket = connect(port, '127.0.0.1')
    socket.write('POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome', () => socket.destroy())
    await left.promise
  })

  it('ends the connection behind an answer that came before the body did', async () => {
    const port = await relayTo((_req, res) => {
      res.statusCode = 413
      res.end('too long')
    })
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
    })
    socket.write('POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nthe beginning')
    await new Promise((resolve) => socket.once('close', resolve))
    expect(answer).toMatch(/^HTTP\/1.1 413 .*connection: close.*too long/is)
  })
})
