import { formatVkey } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import { headSigner } from '../signer.ts'
import { type Frozen, formatFrozen, frozenRefusal, parseFrozen } from './frozen.ts'

const vkeysOf = (origin: string) => headSigner(nodeCrypto, origin, [generateSigningKey('ed25519')]).keys.map(formatVkey)
const frozen: Frozen = {
  ...{ origin: 'example.com/log', at: 1_790_000_000, size: 42, root: new Uint8Array(32).fill(7) },
  successor: { origin: 'example.org/log', url: 'https://log.example.org/', vkeys: vkeysOf('example.org/log') },
}
const text = formatFrozen(frozen)

describe('the statement that freezes a log', () => {
  it('is one line, and gives itself back', () => {
    expect(text).not.toContain('\n')
    expect(parseFrozen(text)).toEqual(frozen)
  })

  it.each<[string, string]>([
    ['nothing', ''],
    ['no JSON', 'frozen'],
    ['no object', '[]'],
    ['another format', text.replace('"format":1', '"format":2')],
    ['a missing member', text.replace('"size":42,', '')],
    ['a stray member', text.replace('"size":42', '"size":42,"sizf":1')],
    ['a size that is no number', text.replace('"size":42', '"size":"42"')],
    ['a negative size', text.replace('"size":42', '"size":-1')],
    ['a broken size', text.replace('"size":42', '"size":0.5')],
    ['a short root', text.replace(/"root":"[^"]+"/, '"root":"AAAA"')],
    ['a successor without keys', text.replace(/"vkeys":\[.*\]/, '"vkeys":[]')],
    ['a successor with another key', text.replace('"origin":"example.org/log"', '"origin":"example.org/other"')],
    ['a key that is none', text.replace(/"vkeys":\["[^"]+"/, '"vkeys":["x"')],
    ['a URL that is none', text.replace('https://log.example.org/', 'log.example.org')],
    ['a URL of another kind', text.replace('https://', 'file://')],
    ['members in another order', `{"format":1,${text.slice(1).replace('"format":1,', '')}`],
    ['white space', `${text}\n`],
  ])('is refused with %s', (_what, wrong) => {
    expect(wrong).not.toBe(text)
    expect(() => parseFrozen(wrong)).toThrow()
  })

  it('is told to submitters with 410, the last size, and where to go', () => {
    expect(frozenRefusal(frozen)).toMatchObject({
      ...{ status: 410, code: 'log-frozen' },
      extra: { size: 42, successor: { origin: 'example.org/log', url: 'https://log.example.org/' } },
    })
  })
})
