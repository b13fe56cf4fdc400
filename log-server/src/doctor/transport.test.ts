import { ProgramError } from '@samebits/host'
import { describe, expect, it } from 'vitest'
import type { TlsFiles } from '../tls-files.ts'
import { checkTransport } from './transport.ts'

const now = 2_000_000_000
const day = 86_400
const levels = async (host: string, openTls: () => Promise<TlsFiles | null>) =>
  (await checkTransport(host, { now: () => now, openTls })).map(({ level }) => level)

describe('how clients reach the log', () => {
  it.each([
    ['127.0.0.1', []],
    ['::1', []],
    ['localhost', []],
    ['::ffff:127.0.0.1', []],
    ['0.0.0.0', ['warn']],
    ['::', ['warn']],
    ['192.0.2.7', ['warn']],
  ])('over plain HTTP at %s: %j', async (host, expected) => {
    expect(await levels(host, async () => null)).toEqual(expected)
  })

  it.each([
    [30, 'ok'],
    [13, 'warn'],
    [-1, 'fail'],
  ])('over TLS with a certificate that ends in %i days: %s', async (days, expected) => {
    const files = { names: 'DNS:log.example', notAfter: now + days * day } as TlsFiles
    expect(await levels('0.0.0.0', async () => files)).toEqual([expected])
  })

  it('over TLS whose files are no good: fail', async () => {
    const refuse = () => Promise.reject(new ProgramError({ code: 'KEY_FILE', detail: 'open to others' }))
    expect(await levels('0.0.0.0', refuse)).toEqual(['fail'])
  })
})
