/** Alerts on their way to real receivers: an HTTP server, an SMTP server, a file, a program. */
import { createHmac } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SinkConfig } from '../config/config-format.ts'
import type { Alert, MonitorStore } from '../state/monitor-store.ts'
import { openSqliteMonitorStore } from '../state/sqlite-monitor-store.ts'
import { openSinks } from './open-sinks.ts'
import { Outbox } from './outbox.ts'

let folder: string
let store: MonitorStore
let now: number
const closing: (() => void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-sinks-'))
  store = openSqliteMonitorStore(join(folder, 'monitor.db'))
  now = 1_900_000_000
})
afterEach(() => {
  for (const close of closing.splice(0)) close()
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const alert = (id: string): Alert => ({
  ...{ id, rule: 'fork', severity: 'critical', origin: 'log.example/a', product: null },
  ...{ title: `A fork \u001b[31m<b>${id}</b>.`, detail: '', remedy: 'Stop.', evidence: null, at: now },
})

function secret(text: string): string {
  const path = join(folder, 'secret')
  writeFileSync(path, `${text}\n`)
  chmodSync(path, 0o600)
  return path
}

async function outboxTo(...configs: SinkConfig[]): Promise<Outbox> {
  const sinks = await openSinks(configs, { store, fetch, now: () => now, stdout: { write: () => true } })
  return new Outbox({ store, sinks, now: () => now, operator: { info() {}, warn() {}, error() {} } })
}

function raise(...ids: string[]): void {
  const sinks = ['hook', 'mail', 'feed', 'run']
  for (const id of ids) store.transact((writer) => writer.raise(alert(id), sinks))
}

/** A webhook's receiver; answers with what `statuses` say, then with 204. */
async function receiver(statuses: number[] = []) {
  const got: { headers: IncomingHttpHeaders; body: string }[] = []
  const server = createServer((req, res) => {
    let body = ''
    req.on('data', (chunk) => {
      body += chunk
    })
    req.on('end', () => {
      got.push({ headers: req.headers, body })
      res.writeHead(statuses.shift() ?? 204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, got }
}

const key = 'a secret of more than 24 bytes'
const hook = (url: string): SinkConfig => ({ kind: 'webhook', name: 'hook', url, secretFile: secret(key) })

describe('a webhook', () => {
  it('gets each alert in order, signed so that its receiver can tell', async () => {
    const { url, got } = await receiver()
    raise('a1', 'a2')
    await (await outboxTo(hook(url))).flush()
    expect(got.map(({ body }) => JSON.parse(body).id)).toEqual(['a1', 'a2'])
    for (const { headers, body } of got) {
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
      expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    }
    expect(store.deliveries('delivered', 9, 'hook')).toHaveLength(2)
  })

  it('that is down gets everything when it is back', async () => {
    const { url, got } = await receiver([500, 503, 302])
    raise('a1', 'a2')
    const outbox = await outboxTo(hook(url))
    for (const wait of [0, 4, 1, 10, 20]) {
      now += wait
      await outbox.flush()
    }
    // Three failures, two deliveries; one that is refused holds the other up for no longer than it must.
    expect(got.map(({ body }) => JSON.parse(body).id)).toEqual(['a1', 'a2', 'a1', 'a2', 'a1'])
    expect(store.deliveries('delivered', 9, 'hook')).toHaveLength(2)
    expect(store.deliveries('waiting', 9, 'hook')).toEqual([])
  })

  it('that refuses for days is tried every hour, visibly, and gets it in the end', async () => {
    const { url } = await receiver(Array.from({ length: 100 }, () => 500))
    raise('a1')
    const outbox = await outboxTo(hook(url))
    for (let tries = 0; tries < 100; tries++) {
      await outbox.flush()
      now += 3600
    }
    expect(store.deliveries('waiting', 9, 'hook')).toEqual([
      expect.objectContaining({ alert: 'a1', attempts: 100, failure: 'status 500' }),
    ])
    const ofHook = () => store.deliveryCounts().filter(({ sink }) => sink === 'hook')
    expect(ofHook()).toEqual([{ sink: 'hook', state: 'failing', count: 1 }])
    await outbox.flush()
    expect(ofHook()).toEqual([{ sink: 'hook', state: 'delivered', count: 1 }])
  })

  it('holds no other sink up', async () => {
    const server = createServer(() => undefined) // takes the request and says nothing
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const feed = join(folder, 'feed.xml')
    raise('a1')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const outbox = await outboxTo(hook(url), {
      kind: 'atom',
      name: 'feed',
      file: feed,
      url: 'https://example.com/feed',
    })
    const flushed = outbox.flush()
    await expect.poll(() => store.deliveries('delivered', 9, 'feed').length).toBe(1)
    await outbox.end()
    await flushed
    expect(store.deliveries('waiting', 9, 'hook')).toEqual([expect.objectContaining({ attempts: 0 })])
  })

  it('needs a secret that is long enough, and https but on this machine', async () => {
    await expect(
      outboxTo({ ...hook('http://127.0.0.1:1/'), secretFile: secret('short') } as SinkConfig),
    ).rejects.toMatchObject({ code: 'SINK' })
    await expect(outboxTo(hook('http://example.com/'))).rejects.toMatchObject({ code: 'SINK' })
  })
})

describe('mail', () => {
  it('is plain text that nothing in an alert can dress up', async () => {
    const lines: string[] = []
    const server = createSocketServer((socket) => {
      let data = false
      let rest = ''
      socket.on('error', () => undefined)
      socket.write('220 mail.example ready\r\n')
      socket.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split('\r\n')
        rest = parts.pop() ?? ''
        for (const line of parts) {
          lines.push(line)
          if (data) {
            if (line !== '.') continue
            data = false
            socket.write('250 taken\r\n')
          } else if (line === 'DATA') {
            data = true
            socket.write('354 go on\r\n')
          } else socket.write(line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n')
        }
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => void server.close())
    raise('a1')
    const common = { kind: 'email', name: 'mail', host: '127.0.0.1', secure: false } as const
    const port = (server.address() as AddressInfo).port
    await (await outboxTo({ ...common, port, from: 'm@example.com', to: ['o@example.com'] })).flush()
    expect(store.deliveries('delivered', 9, 'mail')).toHaveLength(1)
    expect(lines).toContain('Message-ID: <a1@samebits-monitor>')
    expect(lines.join('\n')).not.toContain('\u001b')
    expect(lines.find((line) => /^content-type/i.test(line))).toContain('text/plain')
  })
})

describe('a feed and a program', () => {
  it('are told as well', async () => {
    const [feed, out] = [join(folder, 'feed.xml'), join(folder, 'out')]
    raise('a1', 'a2')
    const script = `process.stdin.on('data', (d) => require('node:fs').appendFileSync(process.argv[1], d))`
    const outbox = await outboxTo(
      { kind: 'atom', name: 'feed', file: feed, url: 'https://example.com/feed.xml' },
      { kind: 'command', name: 'run', command: [process.execPath, '-e', script, out] },
    )
    await outbox.flush()
    const xml = readFileSync(feed, 'utf8')
    expect(xml.match(/urn:samebits:alert:a[12]/g)).toEqual(['urn:samebits:alert:a2', 'urn:samebits:alert:a1'])
    for (const bad of ['\u001b', '<b>']) expect(xml).not.toContain(bad)
    const told = readFileSync(out, 'utf8').trim().split('\n')
    expect(told.map((line) => JSON.parse(line).id)).toEqual(['a1', 'a2'])
  })

  it('that fails is tried again', async () => {
    raise('a1')
    const outbox = await outboxTo({
      kind: 'command',
      name: 'run',
      command: [process.execPath, '-e', 'process.exit(3)'],
    })
    await outbox.flush()
    expect(store.deliveries('waiting', 9, 'run')).toEqual([
      expect.objectContaining({ attempts: 1, failure: 'status 3' }),
    ])
  })
})
