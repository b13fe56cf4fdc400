/** `samebits-log serve` over TLS as a process of its own: SIGHUP makes it read a renewed certificate, and SIGTERM still ends it. */
import { copyFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasOpenssl, TestAuthority } from '../log-server/src/testing-certificates.ts'
import { createLogFolder, type LogFolder, startLog } from './support/log-process.ts'

describe.skipIf(!hasOpenssl)('serve --tls-cert (needs openssl)', () => {
  let scratch: string
  let folder: LogFolder
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'samebits-tls-'))
    folder = await createLogFolder()
  })
  afterAll(async () => {
    await folder.remove()
    await rm(scratch, { recursive: true, force: true })
  })

  it('reads a renewed certificate at SIGHUP, and ends at SIGTERM', async () => {
    const authority = new TestAuthority(scratch)
    const [cert, key] = [join(scratch, 'used.crt'), join(scratch, 'used.key')]
    const use = (name: string) => {
      const issued = authority.issue(name)
      copyFileSync(issued.cert, cert)
      copyFileSync(issued.key, key)
    }
    use('one.example')
    const log = await startLog(folder, ['--tls-cert', cert, '--tls-key', key, '--mode', 'raw'])
    try {
      expect(log.url).toBe(`https://127.0.0.1:${log.port}`)
      expect(await nameSeen(log.port, authority.pem)).toBe('one.example')
      use('two.example')
      log.child.kill('SIGHUP')
      await expect.poll(() => nameSeen(log.port, authority.pem), { timeout: 60_000 }).toBe('two.example')
    } finally {
      expect(await log.kill('SIGTERM')).toBe(0)
    }
    expect(log.stderr()).not.toContain('PRIVATE KEY')
  })
})

/** The name in the certificate that a client verified. */
function nameSeen(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}
