/** A trust file from public keys that others made. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatVkey, logSigner, parseTrust } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { asksBuild } from '../support/build-here.ts'

let home: string
const at = (path: string) => join(home, path)
const init = (...args: readonly string[]) =>
  asksBuild(home, 'trust', 'init', '--product', 'example.com/notes', '--policy', 'policy', ...args)
const members = [
  ...['--add', 'authority:root-1=root-1.pub.pem', '--add', 'authority:root-2=root-2.pub.pem'],
  ...[
    '--threshold',
    'authority=2',
    '--add',
    'publishers:alice=alice.pub.pem',
    '--add',
    'publishers:ci@alice=ci.pub.pem',
  ],
]

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'samebits-trust-'))
  const log = logSigner(nodeCrypto, 'example.com/log', generateSigningKey('ed25519')).key
  await writeFile(at('policy'), `log ${formatVkey(log)} https://log.example.com/\nquorum none\n`)
  for (const name of ['root-1', 'root-2', 'alice', 'ci']) {
    const { answer } = await asksBuild(home, 'keygen', `${name}.pem`)
    await writeFile(at(`${name}.pub.pem`), String(answer['publicKey']))
  }
})
afterAll(() => rm(home, { recursive: true, force: true }))

it('is written once, and says whom it trusts', async () => {
  expect(await init(...members)).toMatchObject({ status: 0, answer: { file: 'trust.json', version: 1, forkCost: 0 } })
  const trust = parseTrust(nodeCrypto, await readFile(at('trust.json')))
  expect(trust.authority).toMatchObject({ threshold: 2, members: [{ id: 'root-1' }, { id: 'root-2' }] })
  expect(trust.publishers.members.map(({ id, operator }) => `${id} ${operator}`)).toEqual(['alice alice', 'ci alice'])
  expect(await init(...members)).toMatchObject({ status: 64, answer: { error: { code: 'USAGE' } } })
})

it.each<[string, readonly string[], string]>([
  ['a private key in place of a public one', ['--add', 'publishers:alice=alice.pem'], 'KEY_FILE'],
  ['one key for two members', [...members, '--add', 'publishers:bob=alice.pub.pem'], 'TRUST_INVALID'],
  ['a threshold above the operators', [...members, '--threshold', 'publishers=2'], 'TRUST_INVALID'],
  ['a role that is none', ['--add', 'publisher:alice=alice.pub.pem'], 'USAGE'],
  [
    'an identity without a pinned root',
    [...members, '--add-identity', 'publishers:w=https://i.example,https://s.example'],
    'TRUST_INVALID',
  ],
  ['nobody', [], 'TRUST_INVALID'],
])('refuses %s', async (_, args, code) => {
  const { status, answer } = await init(...args, '--out', 'other.json')
  expect({ refused: status !== 0, code: answer.error?.code }).toEqual({ refused: true, code })
  await expect(readFile(at('other.json'))).rejects.toThrow('ENOENT')
})
