/** A log over TLS, with clients that verify its certificate. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogServerOptions } from '../options.ts'
import { makeTestLog, realTiming, type TestLog, type TestServer } from '../testing.ts'
import { hasOpenssl, TestAuthority } from '../testing-certificates.ts'
import { TlsFiles } from '../tls-files.ts'

let folder: string
let authority: TestAuthority
let log: TestLog
let server: TestServer | null
/** What SIGHUP calls. */
let hangUp: () => void
/** What the clock calls once a minute. */
let minute: () => void
const paths = () => ({ cert: join(folder, 'used.crt'), key: join(folder, 'used.key'), credentials: '' })

beforeEach(async () => {
  server = null
  if (!hasOpenssl) return
  folder = mkdtempSync(join(tmpdir(), 'samebits-tls-'))
  authority = new TestAuthority(folder)
  use('one.example')
  log = await makeTestLog()
})
afterEach(async () => {
  if (!hasOpenssl) return
  await server?.stop()
  log.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Puts a new pair where the server looks. */
function use(name: string, days?: number): void {
  const { cert, key } = authority.issue(name, days)
  copyFileSync(cert, paths().cert)
  copyFileSync(key, paths().key)
  chmodSync(paths().key, 0o600)
}

function useOpen(name: string): void {
  use(name)
  chmodSync(paths().key, 0o640)
}

async function start(options: Partial<LogServerOptions> = {}): Promise<TestServer> {
  const onReload = (listener: () => void) => {
    hangUp = listener
    return () => undefined
  }
  const after = (milliseconds: number, work: () => void) => {
    if (milliseconds !== 60_000) return realTiming.after(milliseconds, work)
    minute = work
    return () => undefined
  }
  const tls = { files: await TlsFiles.open(paths()), onReload }
  server = await log.start({ tlsCert: paths().cert, ...options }, { tls, timing: { ...realTiming, after } })
  return server
}

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

function ask(port: number, method: string, path: string, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, ca: authority.pem, agent: false }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode, body: text }))
    })
    sent.on('error', reject).end(body)
  })
}

/** The protocol and the certificate's name of one handshake. */
function handshake(port: number, options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: authority.pem, ...options }, () => {
      resolve(`${socket.getProtocol()} ${socket.getPeerCertificate().subject.CN}`)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

const poll = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 })
const lines = (running: TestServer, level: string) => running.lines.filter((line) => line.level === level)

describe.skipIf(!hasOpenssl)('a log over TLS (needs openssl)', () => {
  it('takes entries and serves them to a client that verifies its certificate, and to no other', async () => {
    const { port } = await start()
    expect(await ask(port, 'POST', '/add', 'over TLS')).toEqual({ status: 200, body: '0' })
    const { body } = await ask(port, 'GET', '/checkpoint')
    expect(log.signer.open(body).checkpoint.size).toBe(1)
    await expect(handshake(port, { ca: [] })).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
    await expect(fetch(`http://127.0.0.1:${port}/checkpoint`)).rejects.toThrow()
  })

  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  it('speaks TLS 1.2 and 1.3, and nothing older, before and after it read its files again', async () => {
    const running = await start()
    for (const _round of ['before', 'after']) {
      expect(await handshake(running.port)).toBe('TLSv1.3 one.example')
      expect(await handshake(running.port, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2 one.example')
      await expect(handshake(running.port, old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
      hangUp()
      await poll(() => lines(running, 'info').map(({ message }) => message)).toContain('the certificate was read again')
    }
  })

  it.each(['when it is told to', 'when it looks again'] as const)('uses a renewed certificate %s', async (when) => {
    const running = await start()
    use('two.example')
    expect(await handshake(running.port)).toBe('TLSv1.3 one.example')
    if (when === 'when it is told to') hangUp()
    else minute()
    await poll(() => handshake(running.port)).toBe('TLSv1.3 two.example')
  })

  it('reads nothing again while the files are the same', async () => {
    const running = await start()
    minute()
    use('two.example')
    minute()
    await poll(() => handshake(running.port)).toBe('TLSv1.3 two.example')
    expect(lines(running, 'info').filter(({ message }) => message === 'the certificate was read again')).toHaveLength(1)
  })

  it.each<[string, () => void]>([
    ['half a renewal', () => copyFileSync(authority.issue('two.example').cert, paths().cert)],
    ['a new key that others may read', () => useOpen('two.example')],
    ['a file that is no certificate', () => writeFileSync(paths().cert, 'soon')],
    ['a key that is gone', () => rmSync(paths().key)],
  ])('keeps the old pair at %s, says so, and takes a whole one later', async (_what, spoil) => {
    const running = await start()
    spoil()
    minute()
    await poll(() => lines(running, 'error')).toHaveLength(1)
    expect(JSON.stringify(running.lines)).not.toContain('PRIVATE KEY')
    expect(await handshake(running.port)).toBe('TLSv1.3 one.example')
    use('two.example')
    minute()
    await poll(() => handshake(running.port)).toBe('TLSv1.3 two.example')
  })

  it('warns of a certificate that ends soon, and tells its end as a metric', async () => {
    use('soon.example', 2)
    const running = await start()
    expect(lines(running, 'warn').map(({ message }) => message)).toContain('the certificate expires within a week')
    const { body } = await ask(running.port, 'GET', '/metrics')
    const end = Number(/^samebits_log_tls_not_after_timestamp_seconds (\S+)$/m.exec(body)?.[1])
    expect(Math.abs(end - realTiming.now() - 2 * 86_400)).toBeLessThan(3600)
  })

  it('stops at once beside a client that never finishes its handshake', async () => {
    const running = await start({ headersTimeoutMs: 120_000, requestTimeoutMs: 120_000 })
    const silent = connectTcp(running.port, '127.0.0.1')
    const closed = new Promise((resolve) => silent.on('error', () => undefined).once('close', resolve))
    await new Promise((resolve) => silent.once('connect', resolve))
    expect((await ask(running.port, 'GET', '/checkpoint')).status).toBe(200)
    await running.stop()
    server = null
    await closed
  })
})

describe.skipIf(!hasOpenssl)('the files of TLS (needs openssl)', () => {
  it.each<[string, () => void, string]>([
    ['a key of another certificate', () => copyFileSync(authority.issue('two.example').key, paths().key), 'TLS_FILES'],
    ['a certificate in place of the key', () => writeFileSync(paths().key, authority.pem), 'TLS_FILES'],
    ['an empty certificate', () => writeFileSync(paths().cert, ''), 'TLS_FILES'],
    ['no certificate', () => rmSync(paths().cert), 'TLS_FILES'],
    ['no key', () => rmSync(paths().key), 'KEY_FILE'],
    ['a key that the group may read', () => chmodSync(paths().key, 0o640), 'KEY_FILE'],
    ['a key that everybody may read', () => chmodSync(paths().key, 0o604), 'KEY_FILE'],
  ])('are refused with %s, and not quoted', async (_what, spoil, code) => {
    spoil()
    const error = await TlsFiles.open(paths()).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code })
    expect(String(error)).not.toContain('BEGIN')
  })
})
