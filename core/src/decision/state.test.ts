/** The state's bytes, its two generations on disk, and the install record. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ran } from '../../../test/support/world-client.ts'
import { twoReleases } from '../../../test/support/world-scene.ts'
import { fromUtf8, toHex, utf8 } from '../bytes.ts'
import { FormatError } from '../errors.ts'
import { nodeCrypto } from '../node.ts'
import { canonicalJson } from '../release/strict-json.ts'
import { applied } from './commit.ts'
import { MAX_STATE_SIZE, type State } from './state.ts'
import { formatStateFile, openState, parseStateFile, type StateFiles, stateFileName } from './state-file.ts'
import { formatInstallRecord, formatState, parseInstallRecord, parseState } from './state-format.ts'

const result = ran(twoReleases().run())
const { state } = result
const bytes = formatState(nodeCrypto, state)
type Json = Record<string, never>
const edited = (change: (value: Record<string, Json>) => void): Uint8Array => {
  const value = JSON.parse(fromUtf8(bytes)) as Record<string, Json>
  change(value)
  return canonicalJson(value)
}
const asJson = (value: unknown): Json => value as Json

describe('the state', () => {
  it('is read as it was written', () => {
    expect(parseState(nodeCrypto, bytes)).toEqual(state)
    expect(formatState(nodeCrypto, parseState(nodeCrypto, bytes))).toEqual(bytes)
  })

  it('keeps channels that are named like members of objects', () => {
    const floors = new Map([['constructor', { sequence: 1, id: 'a'.repeat(64) }]])
    expect(parseState(nodeCrypto, formatState(nodeCrypto, { ...state, floors })).floors).toEqual(floors)
  })

  const refused: [string, Uint8Array][] = [
    ['unknown field', edited((value) => Object.assign(value, { verified: true }))],
    ['missing field', edited((value) => delete value['held'])],
    ['another type', edited((value) => Object.assign(value, { time: '1' }))],
    ['a negative time', edited((value) => Object.assign(value, { time: -1 }))],
    ['a fraction', edited((value) => Object.assign(value, { time: 1.5 }))],
    [
      'a newer format',
      edited((value) => Object.assign(value, { mediaType: 'application/vnd.samebits.state+json;version=2' })),
    ],
    ['no media type', edited((value) => delete value['mediaType'])],
    ['a trust file that was edited', edited((value) => Object.assign(value['trust'] ?? {}, { body: '{}' }))],
    ['read past the tree', edited((value) => Object.assign(value['log'] ?? {}, { read: { from: 0, to: 99 } }))],
    ['read backwards', edited((value) => Object.assign(value['log'] ?? {}, { read: { from: 5, to: 4 } }))],
    ['read without a tree', edited((value) => Object.assign(value['log'] ?? {}, { tree: null, q: null }))],
    [
      'a time without a tree',
      edited((value) => Object.assign(value['log'] ?? {}, { tree: null, read: { from: 0, to: 0 } })),
    ],
    ['a tree of another log', edited((value) => Object.assign(value['log'] ?? {}, { origin: 'other.example.com' }))],
    ['a tree that is none', edited((value) => Object.assign(value['log'] ?? {}, { tree: 'x' }))],
    [
      'five logs before',
      edited((value) =>
        Object.assign(value, {
          past: Array.from({ length: 5 }, () => asJson({ origin: 'x', tree: null, q: null, convicted: null })),
        }),
      ),
    ],
    [
      'a floor at sequence 0',
      edited((value) => Object.assign(value, { floors: { stable: { sequence: 0, id: 'a'.repeat(64) } } })),
    ],
    [
      'a channel that is a path',
      edited((value) => Object.assign(value, { floors: { '../x': { sequence: 1, id: 'a'.repeat(64) } } })),
    ],
    ['a path in an artifact name', utf8(fromUtf8(bytes).replaceAll('notes-1.2.0-linux-x64.tar.gz', '..'))],
    ['not canonical', utf8(` ${fromUtf8(bytes)}`)],
    ['a list', utf8('[]')],
    ['nothing', new Uint8Array()],
    ['cut short', bytes.slice(0, -1)],
    ['more than 4 MiB', new Uint8Array(MAX_STATE_SIZE + 1)],
  ]
  it.each(refused)('is refused: %s', (_, changed) => {
    expect(() => parseState(nodeCrypto, changed)).toThrow(FormatError)
  })

  it('is refused when it is to be written past 4 MiB', () => {
    const detail = 'x'.repeat(MAX_STATE_SIZE)
    const convicted = { detail, evidence: '' }
    expect(() => formatState(nodeCrypto, { ...state, log: { ...state.log, convicted } })).toThrow(FormatError)
  })

  it('of an older format is migrated, step by step', () => {
    const old = edited((value) => {
      Object.assign(value, { mediaType: 'old;1', since: value['time'] })
      delete value['time']
    })
    const migrations = new Map([
      ['old;1', (value: unknown) => ({ ...(value as object), mediaType: 'old;2' })],
      [
        'old;2',
        (value: unknown) => {
          const { since: time, ...rest } = value as { since: number }
          return { ...rest, time, mediaType: state.mediaType }
        },
      ],
    ])
    expect(parseState(nodeCrypto, old, migrations)).toEqual(state)
    expect(() => parseState(nodeCrypto, old, new Map([['old;1', (value) => value]]))).toThrow(FormatError)
  })
})

describe('the two files', () => {
  const file = (generation: number, over: Partial<State> = {}): Uint8Array =>
    formatStateFile(nodeCrypto, { ...state, generation, ...over })
  const open = (files: StateFiles['files'], over: Partial<StateFiles> = {}) =>
    openState({ hasher: nodeCrypto, files, product: state.product, hasInstallRecord: true, ...over })
  const torn = file(4).slice(0, 100)
  const newer = (() => {
    const body = edited((value) => Object.assign(value, { mediaType: 'application/vnd.samebits.state+json;version=2' }))
    return utf8(`${toHex(nodeCrypto.sha256(body))}\n${fromUtf8(body)}`)
  })()

  it('alternate', () => {
    expect([6, 7].map(stateFileName)).toEqual(['state-0.json', 'state-1.json'])
    expect(parseStateFile(nodeCrypto, file(7))).toEqual({ ...state, generation: 7 })
  })

  const opened: [string, StateFiles['files'], number, number][] = [
    ['both: the newer', [file(4), file(5)], 5, 0],
    ['both, the other way round', [file(6), file(5)], 6, 0],
    ['only one written yet', [null, file(1)], 1, 0],
    ['one torn: the other, with a notice', [torn, file(3)], 3, 1],
    ['the newer torn', [file(4), file(5).slice(0, -1)], 4, 1],
    ['one a copy of the other', [file(5), file(5)], 5, 1],
    ['one empty', [new Uint8Array(), file(5)], 5, 1],
    ['one edited', [utf8(fromUtf8(file(6)).replace('"time":', '"time":1')), file(5)], 5, 1],
  ]
  it.each(opened)('%s', (_, files, generation, notices) => {
    const found = open(files)
    expect(found).toMatchObject({ kind: 'opened', state: { generation } })
    expect(found.kind === 'opened' && found.notices).toHaveLength(notices)
  })

  const stopped: [string, StateFiles['files']][] = [
    ['both torn', [torn, torn]],
    ['one torn, the other missing', [torn, null]],
    ['neither, with an install record', [null, null]],
    ['another product', [file(4, { product: 'example.com/other' }), null]],
    ['a newer format', [newer, null]],
    ['a newer format in one of them', [newer, file(5)]],
    ['a checksum over nothing', [utf8(toHex(nodeCrypto.sha256(new Uint8Array()))), null]],
    ['more than 4 MiB', [new Uint8Array(MAX_STATE_SIZE + 100), null]],
  ]
  it.each(stopped)('STATE_INVALID: %s', (_, files) => {
    expect(open(files)).toMatchObject({
      kind: 'stopped',
      refusal: { code: 'STATE_INVALID', step: '2', kind: 'refused' },
    })
  })

  it('neither, without an install record: first contact', () => {
    expect(open([null, null], { hasInstallRecord: false })).toMatchObject({
      kind: 'opened',
      state: null,
      notices: [{ code: 'first-contact' }],
    })
  })

  it('no single flipped bit is believed', () => {
    const whole = file(4)
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(7), (at, bit) => {
        const changed = whole.slice()
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        expect(open([changed, null]).kind).toBe('stopped')
      }),
      { numRuns: 60 },
    )
  })
})

describe('the install record', () => {
  const { record } = applied(state, result.verdict?.kind === 'accepted' ? result.verdict : expect.fail('current'), null)
  const text = fromUtf8(formatInstallRecord(record))

  it('is read as it was written', () => {
    expect(parseInstallRecord(utf8(text))).toEqual(record)
  })

  it.each<[string, string]>([
    ['unknown field', text.replace('{', '{"a":1,')],
    ['another product name', text.replace('example.com/notes', '../notes')],
    ['no sequence', text.replace('"sequence":2,', '')],
    ['a version with a leading v', text.replace('1.2.0', 'v1.2.0')],
    ['not canonical', `${text}\n`],
    ['nothing', ''],
  ])('is refused: %s', (_, changed) => {
    expect(() => parseInstallRecord(utf8(changed))).toThrow(FormatError)
  })
})
