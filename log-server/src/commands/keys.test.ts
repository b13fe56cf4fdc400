import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSigningKey, signingKeyToPem } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runIn } from './testing.ts'

let cwd: string
let ed25519: string
let mlDsa: string
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'samebits-keys-'))
  await runIn(cwd, 'keygen --origin example.com/log')
  await runIn(cwd, 'init --origin example.com/log')
  ed25519 = readFileSync(join(cwd, 'keys', 'ed25519.pem'), 'utf8')
  mlDsa = readFileSync(join(cwd, 'keys', 'ml-dsa-44.pem'), 'utf8')
  cpSync(join(cwd, 'keys'), join(cwd, 'kept'), { recursive: true })
  rmSync(join(cwd, 'keys'), { recursive: true })
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

/** Whether a command got at the keys: `backup` reads them before anything else. */
const refusal = async (environment: Record<string, string>, flags = '') => {
  const { stderr, status } = await runIn(cwd, `backup --to copy-${copies++} ${flags}`, environment)
  return status === 0 ? null : stderr
}
let copies = 0

describe('keys in SAMEBITS_LOG_KEYS', () => {
  it.each([
    ['in the order of keygen', () => ed25519 + mlDsa],
    ['in the other order', () => mlDsa + ed25519],
    ['without a last line break', () => (ed25519 + mlDsa).trimEnd()],
    ['with an empty line between', () => `${ed25519}\n${mlDsa}`],
    ['with the line breaks of Windows', () => (ed25519 + mlDsa).replaceAll('\n', '\r\n')],
  ])('are taken %s, without a file', async (_what, text) => {
    expect(await refusal({ SAMEBITS_LOG_KEYS: text() })).toBeNull()
  })

  it.each([
    ['nothing', () => ''],
    ['one key', () => ed25519],
    ['one key twice', () => ed25519 + ed25519],
    ['three keys', () => ed25519 + mlDsa + signingKeyToPem(generateSigningKey('ed25519'))],
    ['text before', () => `keys: ${ed25519}${mlDsa}`],
    ['text between', () => `${ed25519}and\n${mlDsa}`],
    ['an encrypted key', () => ed25519.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE') + mlDsa],
    ['line breaks written out', () => (ed25519 + mlDsa).replaceAll('\n', '\\n')],
    ['a damaged key', () => ed25519.replace('MC4', 'MC5') + mlDsa],
    ['a path', () => join(cwd, 'kept')],
  ])('are refused with %s, also beside a folder that has them, and never quoted', async (_what, text) => {
    const stderr = await refusal({ SAMEBITS_LOG_KEYS: text() }, '--keys-dir kept')
    expect(stderr).toMatch(/^KEY_FILE: .*SAMEBITS_LOG_KEYS[^\n]*\n$/)
    for (const line of [ed25519, mlDsa].flatMap((pem) => pem.split('\n')).filter((line) => line.length > 30))
      expect(stderr).not.toContain(line)
  })

  it('that are of another log do not serve this one', async () => {
    const other = (['ed25519', 'ml-dsa-44'] as const).map((name) => signingKeyToPem(generateSigningKey(name))).join('')
    const { stderr } = await runIn(cwd, 'serve --port 0 --mode raw', { SAMEBITS_LOG_KEYS: other })
    expect(stderr).toMatch(/^WRONG_KEYS: /)
  })
})

describe('keys among the credentials of systemd', () => {
  it('are read from their folder', async () => {
    const credentials = join(cwd, 'kept')
    expect(await refusal({ CREDENTIALS_DIRECTORY: credentials }, `--keys-dir ${credentials}`)).toBeNull()
  })
})
