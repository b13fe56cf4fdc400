import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alder, cedar } from '../../../scripts/vectors/cast.ts'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { fromBase64, toBase64, utf8 } from '../bytes.ts'
import { generateSigningKey, nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import { logSigner, openCheckpoint, parseSignedCheckpoint, signCheckpoint } from './checkpoint.ts'
import { merkleRoot } from './compact-range.ts'
import { cosignatureSigner } from './cosignature.ts'
import { proveConsistency } from './merkle.ts'
import { formatSignatureLines } from './note.ts'
import { parseVkey } from './vkey.ts'
import {
  type AddCheckpointRequest,
  formatAddCheckpoint,
  parseAddCheckpoint,
  parseAddCheckpointResponse,
  parseConflictSize,
  processAddCheckpoint,
  SIZE_CONTENT_TYPE,
  type WitnessRecord,
} from './witness.ts'

interface Stored {
  size: number
  root: string
  timestamp: number
  checkpoint: string
}
interface Vectors {
  now: number
  decisions: {
    desc: string
    request: string
    logKeys: string[] | null
    witness: string
    before: Stored | null
    status: number
    body?: string
    after?: Stored
    suspicion?: string
    submitted?: string
  }[]
  refused: { desc: string; request: string; error: string }[]
  sizes: { desc: string; body: string; size?: number; error?: string }[]
}
const vectors = loadVectors<Vectors>('witness')
const load = (stored: Stored | null): WitnessRecord | null =>
  stored === null ? null : { ...stored, root: fromBase64(stored.root) }

test('refuses more than it accepts', () => {
  const granted = vectors.decisions.filter(({ status }) => status === 200).length
  expect(vectors.decisions.length - granted).toBeGreaterThan(granted)
})

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('add-checkpoint, %s', (_, crypto) => {
  const signers = {
    alder: cosignatureSigner(crypto, alder.name, alder.key),
    cedar: cosignatureSigner(crypto, cedar.name, cedar.key),
  }

  test.each(vectors.decisions)('$status: $desc', (wanted) => {
    const decision = processAddCheckpoint(crypto, {
      request: parseAddCheckpoint(wanted.request),
      logKeys: wanted.logKeys?.map((text) => parseVkey(crypto, text)) ?? null,
      record: load(wanted.before),
      signers: wanted.witness === 'cedar' ? [signers.cedar] : [signers.alder, signers.cedar],
      now: vectors.now,
    })
    expect(decision.status).toBe(wanted.status)
    if (wanted.body !== undefined) expect(decision.body).toBe(wanted.body)
    expect(decision.body).toMatch(/\n$/)
    if (decision.status === 200) {
      expect({ ...decision.record, root: toBase64(decision.record.root) }).toEqual(wanted.after)
      return
    }
    if (decision.status === 409) expect(decision.contentType).toBe('text/x.tlog.size')
    expect(decision.suspicion?.kind).toBe(wanted.suspicion)
    if (decision.suspicion !== null) {
      expect(decision.suspicion.submitted).toBe(wanted.submitted)
      expect(decision.suspicion.recorded).toBe(wanted.before?.checkpoint ?? null)
    }
  })
})

test('the content type of a 409 has no parameters', () => {
  expect(SIZE_CONTENT_TYPE).toBe('text/x.tlog.size')
})

test.each(vectors.refused)('request refused: $desc', ({ request, error }) => {
  expect(outcome(() => parseAddCheckpoint(request))).toEqual({ error })
})

test.each(vectors.decisions)('request formats to itself: $desc', ({ request }) => {
  expect(formatAddCheckpoint(parseAddCheckpoint(request))).toBe(request)
})

test.each(vectors.sizes)('size of a 409: $desc', ({ body, size, error }) => {
  expect(outcome(() => parseConflictSize(body))).toEqual(error === undefined ? size : { error })
})

describe('the lines of a 200', () => {
  const { body = '' } = vectors.decisions.find(({ status }) => status === 200) ?? {}
  test('are read, and written again', () => {
    expect(parseAddCheckpointResponse(body)).toHaveLength(2)
    expect(formatSignatureLines(parseAddCheckpointResponse(body))).toBe(body)
  })
  test.each([
    ['empty', ''],
    ['a newline', '\n'],
    ['no last newline', body.slice(0, -1)],
    ['a blank line at the end', `${body}\n`],
    ['a blank line at the beginning', `\n${body}`],
    ['CRLF', body.replaceAll('\n', '\r\n')],
    ['a note', `text\n\n${body}`],
    ['an error page', '<html></html>\n'],
    ['65 lines', (body.split('\n')[0] ?? '').concat('\n').repeat(65)],
  ])('are refused: %s', (_, text) => {
    expect(outcome(() => parseAddCheckpointResponse(text))).toEqual({ error: 'FORMAT_INVALID' })
  })
})

describe('a witness as its log grows', () => {
  const origin = 'log.example'
  const log = logSigner(nodeCrypto, origin, generateSigningKey('ed25519'))
  const witness = cosignatureSigner(nodeCrypto, 'witness.example', generateSigningKey('ed25519'))
  const leaves = nodeCrypto.leafHashes(Array.from({ length: 64 }, (_, index) => utf8(`entry ${index}`)))
  const read = (level: number, index: number) =>
    merkleRoot(nodeCrypto, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
  const head = (size: number) =>
    signCheckpoint({ origin, size, root: merkleRoot(nodeCrypto, leaves.slice(0, size)), extensions: [] }, [log], 0)
  const request = (from: number, to: number): AddCheckpointRequest => ({
    oldSize: from,
    proof: proveConsistency(nodeCrypto, from, to, read),
    checkpoint: head(to),
  })
  const process = (from: number, to: number, record: WitnessRecord | null, now: number) =>
    processAddCheckpoint(nodeCrypto, {
      request: request(from, to),
      logKeys: [log.key],
      record,
      signers: [witness],
      now,
    })

  test('sizes and times never go down, and every copy opens under the keys of both', () => {
    const step = fc.record({
      to: fc.integer({ min: 0, max: 64 }),
      stale: fc.nat(3),
      now: fc.integer({ min: 1, max: 1000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
        let record: WitnessRecord | null = null
        for (const { to, stale, now } of steps) {
          const recorded: number = record?.size ?? 0
          const from = Math.min(Math.max(0, recorded - stale), to)
          const decision = process(from, to, record, now)
          expect(decision.status).toBe(from === recorded ? 200 : 409)
          if (decision.status !== 200) continue
          expect(decision.record.size).toBeGreaterThanOrEqual(recorded)
          expect(decision.record.timestamp).toBe(Math.max(now, record?.timestamp ?? 0))
          openCheckpoint(nodeCrypto, decision.record.checkpoint, [log.key], origin)
          const copy = openCheckpoint(nodeCrypto, decision.record.checkpoint, [witness.key], origin)
          expect(copy.verified.map(({ timestamp }) => timestamp)).toEqual([decision.record.timestamp])
          record = decision.record
        }
      }),
      { numRuns: 60 },
    )
  })

  test('it signs from time 1 on, not at time 0, nor without keys', () => {
    expect(process(0, 7, null, 1)).toMatchObject({ status: 200, record: { timestamp: 1 } })
    expect(() => process(0, 7, null, 0)).toThrow(RangeError)
    const input = { request: request(0, 7), logKeys: [log.key], record: null, now: 1 }
    expect(() => processAddCheckpoint(nodeCrypto, { ...input, signers: [] })).toThrow(RangeError)
  })

  test('errors that are not about the request are not swallowed', () => {
    const broken = {
      ...nodeCrypto,
      verify: () => {
        throw new RangeError('out of memory')
      },
    }
    const input = { request: request(0, 7), logKeys: [log.key], record: null, signers: [witness], now: 1 }
    expect(() => processAddCheckpoint(broken, input)).toThrow('out of memory')
    const decision = process(0, 7, null, 1)
    const record = decision.status === 200 ? decision.record : null
    const parents = broken.verify
    const grown = { ...input, request: request(7, 11), record }
    expect(() => processAddCheckpoint({ ...nodeCrypto, parents }, grown)).toThrow('out of memory')
  })

  test.each<[string, Partial<AddCheckpointRequest>]>([
    ['a negative old size', { oldSize: -1 }],
    ['an old size of 2^53', { oldSize: 2 ** 53 }],
    ['64 hashes', { proof: Array.from({ length: 64 }, () => new Uint8Array(32)) }],
    ['a hash of 33 bytes', { proof: [new Uint8Array(33)] }],
  ])('what could not be parsed is not formatted: %s', (_, wrong) => {
    expect(outcome(() => formatAddCheckpoint({ ...request(4, 7), ...wrong }))).toEqual({ error: 'FORMAT_INVALID' })
  })

  test('63 hashes pass, and a request changed anywhere is either refused or formats to itself', () => {
    const full = { ...request(4, 7), proof: Array.from({ length: 63 }, () => new Uint8Array(32)) }
    expect(parseAddCheckpoint(formatAddCheckpoint(full))).toEqual(full)
    const text = formatAddCheckpoint(request(4, 7))
    const junk = fc.constantFrom('', '\n', '\n\n', ' ', '0', '=', 'old ', '\r', 'A', '—')
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(3), junk, (at, deleted, inserted) => {
        const changed = text.slice(0, at) + inserted + text.slice(at + deleted)
        const parsed = outcome(() => parseAddCheckpoint(changed))
        if ('error' in parsed) expect(parsed.error).toBe('FORMAT_INVALID')
        else expect(formatAddCheckpoint(parsed)).toBe(changed)
      }),
      { numRuns: 500 },
    )
  })

  test('what parses was signed over the same bytes', () => {
    const parsed = parseAddCheckpoint(formatAddCheckpoint(request(4, 7)))
    expect(parsed.checkpoint).toEqual(parseSignedCheckpoint(head(7).text))
  })
})
