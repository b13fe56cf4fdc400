import { FormatError, formatVkey, makeVkey, TYPE_COSIGNATURE_ML_DSA_44, TYPE_ED25519 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseLogList } from './log-list.ts'

const vkey = (name: string, fill: number, type = TYPE_ED25519) =>
  formatVkey(makeVkey(nodeCrypto, name, type, new Uint8Array(type === TYPE_ED25519 ? 32 : 1312).fill(fill)))
const a = vkey('example.com/log', 1)
const parse = (text: string) => parseLogList(nodeCrypto, text)
const origins = (text: string) =>
  [...parse(text).values()].map(({ origin, keys, queriesPerDay }) => [origin, keys.map(formatVkey), queriesPerDay])

describe('parseLogList accepts', () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['no log', 'logs/v0\n', []],
    [
      'comments and blank lines anywhere',
      `#\n# List: x\n\nlogs/v0\n# 1\n\nvkey ${a}\n#\nqpd 24\n\n`,
      [['example.com/log', [a], 24]],
    ],
    [
      'every line, in the order of the text',
      `logs/v0\nvkey ${a}\norigin none\nbastion none\nqpd 1\ncontact x\n`,
      [['example.com/log', [a], 1]],
    ],
    [
      'every line, in the order of the example',
      `logs/v0\nvkey ${a}\norigin none\nqpd 1\nbastion https://b.example/\ncontact a b\n`,
      [['example.com/log', [a], 1]],
    ],
    [
      'vkey, qpd and contact, as the published lists',
      `logs/v0\n\nvkey ${a}\nqpd 86400\ncontact x (at) example.com | y\n`,
      [['example.com/log', [a], 86400]],
    ],
    [
      'an origin that is not the name',
      `logs/v0\nvkey ${a}\norigin DEFAULT tree - 1\nqpd 1\n`,
      [['DEFAULT tree - 1', [a], 1]],
    ],
    ['an origin of 255 bytes', `logs/v0\nvkey ${a}\norigin ${'o'.repeat(255)}\nqpd 1\n`, [['o'.repeat(255), [a], 1]]],
    [
      'two logs',
      `logs/v0\nvkey ${a}\nqpd 1\nvkey ${vkey('b.example', 2)}\nqpd 2\n`,
      [
        ['example.com/log', [a], 1],
        ['b.example', [vkey('b.example', 2)], 2],
      ],
    ],
    [
      'two keys of one log, with the larger qpd',
      `logs/v0\nvkey ${a}\nqpd 9\nvkey ${vkey('example.com/log', 2, TYPE_COSIGNATURE_ML_DSA_44)}\nqpd 3\n`,
      [['example.com/log', [a, vkey('example.com/log', 2, TYPE_COSIGNATURE_ML_DSA_44)], 9]],
    ],
  ]
  it.each(cases)('%s', (_, text, expected) => expect(origins(text)).toEqual(expected))
})

describe('parseLogList refuses', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['no header', `vkey ${a}\nqpd 1\n`],
    ['another version', 'logs/v1\n'],
    ['a header with more behind it', 'logs/v0 x\n'],
    ['a header with a carriage return', 'logs/v0\r\n'],
    ['a byte order mark', '\ufefflogs/v0\n'],
    ['a second header', `logs/v0\nvkey ${a}\nqpd 1\nlogs/v0\n`],
    ['a last line without a newline', `logs/v0\nvkey ${a}\nqpd 1`],
    ['half of the last line', `logs/v0\nvkey ${a}\nqpd 1\nvkey exam`],
    ['a log without qpd', `logs/v0\nvkey ${a}\norigin none\nbastion none\n`],
    ['a log without qpd before another', `logs/v0\nvkey ${a}\nbastion none\nvkey ${vkey('b', 1)}\nqpd 1\n`],
    ['a contact in place of qpd', `logs/v0\nvkey ${a}\ncontact x\n`],
    ['a log without vkey', 'logs/v0\norigin none\nqpd 1\n'],
    ['qpd before vkey', `logs/v0\nqpd 1\nvkey ${a}\n`],
    ['origin behind qpd', `logs/v0\nvkey ${a}\nqpd 1\norigin none\n`],
    ['two origins', `logs/v0\nvkey ${a}\norigin none\norigin none\nqpd 1\n`],
    ['two qpd', `logs/v0\nvkey ${a}\nqpd 1\nqpd 1\n`],
    ['two bastions, one at each place', `logs/v0\nvkey ${a}\nbastion none\nqpd 1\nbastion none\n`],
    ['two contacts', `logs/v0\nvkey ${a}\nqpd 1\ncontact x\ncontact y\n`],
    ['an unknown keyword', `logs/v0\nvkey ${a}\nqpd 1\nurl https://x\n`],
    ['a member of Object as a keyword', `logs/v0\nvkey ${a}\nqpd 1\nconstructor x\n`],
    ['a keyword in upper case', `logs/v0\nVKEY ${a}\nqpd 1\n`],
    ['a keyword without a value', `logs/v0\nvkey ${a}\norigin\nqpd 1\n`],
    ['an empty value', `logs/v0\nvkey ${a}\norigin \nqpd 1\n`],
    ['two spaces', `logs/v0\nvkey  ${a}\nqpd 1\n`],
    ['a space at the end', `logs/v0\nvkey ${a}\nqpd 1 \n`],
    ['a space at the front', `logs/v0\n vkey ${a}\nqpd 1\n`],
    ['a tab', `logs/v0\nvkey\t${a}\nqpd 1\n`],
    ['carriage returns', `logs/v0\nvkey ${a}\r\nqpd 1\r\n`],
    ['a qpd of zero', `logs/v0\nvkey ${a}\nqpd 0\n`],
    ['a negative qpd', `logs/v0\nvkey ${a}\nqpd -1\n`],
    ['a fractional qpd', `logs/v0\nvkey ${a}\nqpd 1.5\n`],
    ['a qpd with a leading zero', `logs/v0\nvkey ${a}\nqpd 01\n`],
    ['an exponent', `logs/v0\nvkey ${a}\nqpd 1e5\n`],
    ['a qpd past 2^53', `logs/v0\nvkey ${a}\nqpd 9007199254740992\n`],
    [
      'a key ID that does not follow from the key',
      `logs/v0\nvkey ${a.replace(/\+[0-9a-f]{8}\+/, '+00000000+')}\nqpd 1\n`,
    ],
    ['a key cut short', `logs/v0\nvkey ${a.slice(0, -4)}\nqpd 1\n`],
    ['a key with something behind it', `logs/v0\nvkey ${a} x\nqpd 1\n`],
    ['an origin of 256 bytes', `logs/v0\nvkey ${a}\norigin ${'ö'.repeat(128)}\nqpd 1\n`],
    ['one key twice', `logs/v0\nvkey ${a}\nqpd 1\nvkey ${a}\nqpd 1\n`],
    [
      'one origin under two names',
      `logs/v0\nvkey ${a}\nqpd 1\nvkey ${vkey('evil.example', 2)}\norigin example.com/log\nqpd 1\n`,
    ],
  ]
  it.each(cases)('%s', (_, text) => expect(() => parse(text)).toThrow(FormatError))

  it('says where', () => {
    expect(() => parse(`logs/v0\n\n# c\nvkey ${a}\nqpd x\n`)).toThrow(
      'log-list: line 5: decimal: not a canonical decimal',
    )
  })
})

describe('parseLogList, for any text', () => {
  const line = fc.constantFrom(
    'logs/v0',
    `vkey ${a}`,
    `vkey ${vkey('b', 1)}`,
    'origin none',
    'origin x',
    'qpd 1',
    'qpd 0',
    'bastion none',
    'contact x',
    '',
    '# x',
    'qpd',
    ' ',
  )
  it('gives a list or a FormatError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(line, { maxLength: 12 }).map((lines) => `logs/v0\n${lines.join('\n')}\n`),
        ),
        (text) => {
          try {
            for (const [origin, log] of parse(text)) {
              expect(log.origin).toBe(origin)
              expect(log.keys.length).toBeGreaterThan(0)
              expect(log.queriesPerDay).toBeGreaterThan(0)
            }
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError)
          }
        },
      ),
    )
  })

  it('gives back what was written', () => {
    const log = fc.record({
      name: fc.stringMatching(/^[a-z]{1,9}\.example\/[a-z]{1,9}$/),
      origin: fc.option(fc.stringMatching(/^[!-~]( ?[!-~]){0,40}$/).filter((text) => text !== 'none')),
      qpd: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      fill: fc.nat(255),
    })
    const logs = fc.uniqueArray(log, { selector: ({ name, origin }) => origin ?? name })
    fc.assert(
      fc.property(logs, (logs) => {
        const text = logs.map(
          ({ name, origin, qpd, fill }) => `vkey ${vkey(name, fill)}\norigin ${origin ?? 'none'}\nqpd ${qpd}\n`,
        )
        expect(origins(`logs/v0\n${text.join('\n')}`)).toEqual(
          logs.map(({ name, origin, qpd, fill }) => [origin ?? name, [vkey(name, fill)], qpd]),
        )
      }),
    )
  })
})
