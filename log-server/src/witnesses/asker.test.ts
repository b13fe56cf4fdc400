/** One witness over a real socket: what it answers, what is kept of it, and what is remembered. */
import type { ServerResponse } from 'node:http'
import {
  formatSignatureLines,
  merkleRoot,
  type NodeReader,
  type NoteSigner,
  parsePolicy,
  proveConsistency,
  SIZE_CONTENT_TYPE,
  type SignedCheckpoint,
  utf8,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { headSigner } from '../signer.ts'
import { BehindError } from '../takeover.ts'
import { signHead } from '../testing.ts'
import { AbandonedError, type AskerParts, WitnessAsker } from './asker.ts'
import { maxRequestBytes, postCheckpoint } from './client-http.ts'
import { WitnessFailure } from './failure.ts'
import { Pace } from './pace.ts'
import { type Lie, startTestWitness, type TestWitness } from './testing.ts'

const keys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
const log = headSigner(nodeCrypto, 'example.com/log', keys)
const leaves = nodeCrypto.leafHashes(Array.from({ length: 40 }, (_, at) => utf8(`entry ${at}`)))
const read: NodeReader = (level, index) =>
  merkleRoot(nodeCrypto, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
const head = (size: number, time = 1000): SignedCheckpoint =>
  signHead(keys, { size, root: merkleRoot(nodeCrypto, leaves.slice(0, size)) }, time)

let now: number
let witness: TestWitness
let stranger: TestWitness
let examined: number
beforeEach(async () => {
  now = 1000
  examined = 0
  const options = { logKeys: log.keys, now: () => now }
  witness = await startTestWitness({ ...options, algorithms: ['ml-dsa-44'] })
  stranger = await startTestWitness({ ...options, name: 'witness.example/stranger' })
})
afterEach(async () => {
  await witness.stop()
  await stranger.stop()
})

function asker(changes: Partial<AskerParts> = {}): WitnessAsker {
  const { witnesses } = parsePolicy(nodeCrypto, `witness w ${witness.vkeys[0]}\nquorum w\n`)
  const service = { name: 'w', witnesses, submission: witness.url, monitoring: witness.url }
  return new WitnessAsker({
    ...{ service, crypto: nodeCrypto, fetch, timeoutMs: 400 },
    pace: new Pace({ minIntervalMs: 0, requestsPerDay: 86_400 }, () => performance.now()),
    prove: async (from, to) => proveConsistency(nodeCrypto, from, to, read),
    examine: async () => void examined++,
    sleep: async () => undefined,
    ...changes,
  })
}
const question = (signed: SignedCheckpoint, signal = new AbortController().signal) => ({
  ...{ signed, signal },
  current: () => true,
  needed: true,
})
const kindOf = async (answer: Promise<unknown>) => {
  const error = await answer.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof WitnessFailure)) throw error ?? new Error('it cosigned')
  return error.kind
}
const oldSizes = () => witness.received.map(({ oldSize }) => oldSize)

describe('a witness', () => {
  it('is sent the log’s own signatures only, from the size that it cosigned last', async () => {
    const one = asker()
    for (const size of [5, 8, 8, 33]) expect(await one.ask(question(head(size)))).toHaveLength(1)
    expect(oldSizes()).toEqual([0, 5, 8, 8])
    for (const { body } of witness.received) {
      expect(Buffer.byteLength(body)).toBeLessThan(maxRequestBytes)
      expect(body.split('\n').filter((line) => line.startsWith('— '))).toHaveLength(log.keys.length)
    }
  })

  it('that knows more than this process is asked again with a proof', async () => {
    await asker().ask(question(head(7)))
    const [cosignature] = await asker().ask(question(head(21)))
    expect(cosignature).toMatchObject({ timestamp: 1000, witness: { name: 'w' } })
    expect(oldSizes()).toEqual([0, 0, 7])
  })

  it('that lost its state is asked again from nothing', async () => {
    const one = asker()
    await one.ask(question(head(7)))
    witness.record = null
    await one.ask(question(head(9)))
    expect(oldSizes()).toEqual([0, 7, 0])
  })

  it('is asked about one head after the other', async () => {
    const one = asker()
    await Promise.all([3, 4, 5].map((size) => one.ask(question(head(size)))))
    expect(oldSizes()).toEqual([0, 3, 4])
  })

  it('that is slow is not asked about a head that was overtaken', async () => {
    const one = asker()
    const first = one.ask(question(head(3)))
    const overtaken = one.ask({ ...question(head(4)), current: () => false })
    await expect(overtaken).rejects.toThrow(AbandonedError)
    await first
    expect(witness.received).toHaveLength(1)
  })

  it('that failed is left alone for a while, unless it is needed', async () => {
    const one = asker()
    witness.lie = (_, response) => status(response, 500)
    await kindOf(one.ask(question(head(3))))
    await expect(one.ask({ ...question(head(3)), needed: false })).rejects.toThrow(AbandonedError)
    witness.lie = () => false
    expect(await one.ask(question(head(3)))).toHaveLength(1)
    expect(one.pace.backingOff).toBe(false)
  })

  it('that says when it wants to be asked again is not asked before, needed or not', async () => {
    const one = asker()
    witness.lie = (_, response) => status(response, 429, 'slow down', { 'retry-after': '60' })
    expect(await kindOf(one.ask(question(head(3))))).toBe('busy')
    expect(await kindOf(one.ask(question(head(3))))).toBe('busy')
    expect(witness.received).toHaveLength(1)
  })

  it('is asked about the next head only after the interval, and not at all about one that was overtaken meanwhile', async () => {
    let clock = 0
    const waits: number[] = []
    const pace = new Pace({ minIntervalMs: 300, requestsPerDay: 86_400 }, () => clock)
    const sleep = async (milliseconds: number) => {
      waits.push(milliseconds)
      clock += milliseconds
    }
    const one = asker({ pace, sleep })
    for (const size of [3, 5]) await one.ask(question(head(size)))
    expect([waits, oldSizes()]).toEqual([
      [0, 300],
      [0, 3],
    ])
    let overtaken = false
    const slow = asker({
      pace,
      sleep: async () => {
        overtaken = true
      },
    })
    await expect(slow.ask({ ...question(head(8)), current: () => !overtaken })).rejects.toThrow(AbandonedError)
    expect(witness.received).toHaveLength(2)
  })

  it('whose budget for the day is used up is not asked', async () => {
    const pace = new Pace({ minIntervalMs: 0, requestsPerDay: 24 }, () => 0)
    const one = asker({ pace })
    for (let size = 1; size <= 16; size++) await one.ask(question(head(size)))
    expect(await kindOf(one.ask(question(head(17))))).toBe('budget')
    expect(witness.received).toHaveLength(16)
  })

  it('has one time-out for a head, conflicts included', async () => {
    const signals: unknown[] = []
    const watched: typeof fetch = (input, init) => {
      signals.push(init?.signal)
      return fetch(input, init)
    }
    await asker().ask(question(head(7)))
    const second = asker({ fetch: watched, timeoutMs: 10_000 })
    await second.ask(question(head(21)))
    expect(signals).toHaveLength(2)
    expect(new Set(signals).size).toBe(1)
  })

  it('is sent nothing that it would not read', async () => {
    const parts = { fetch, prefix: witness.url, signal: new AbortController().signal }
    const sent = postCheckpoint(parts, 'x'.repeat(maxRequestBytes + 1))
    expect(await kindOf(sent)).toBe('too-large')
    expect(witness.received).toHaveLength(0)
  })

  it('that contradicts this log has its copy held against the storage', async () => {
    const behind = async () => {
      throw new BehindError('an old copy')
    }
    witness.lie = (_, response) => conflict(response, '1000\n')
    await expect(asker({ examine: behind }).ask(question(head(3)))).rejects.toThrow(BehindError)
    witness.lie = (_, response) => status(response, 422)
    await expect(asker({ examine: behind }).ask(question(head(3)))).rejects.toThrow(BehindError)
  })

  it.each([200, 403, 404, 429, 500])('that answers %i contradicts nothing', async (code) => {
    witness.lie = (_, response) => status(response, code)
    await kindOf(asker().ask(question(head(3))))
    expect(examined).toBe(0)
  })

  it('is not waited for once the log stops', async () => {
    const controller = new AbortController()
    witness.lie = () => true
    const answer = asker({ timeoutMs: 60_000 }).ask(question(head(3), controller.signal))
    setTimeout(() => controller.abort(), 50)
    await expect(answer).rejects.toThrow(AbandonedError)
  })

  it('may send other lines too: its own is kept, the rest is dropped', async () => {
    const signed = head(3)
    witness.lie = (_, response) =>
      status(response, 200, lines(signed, stranger.signer, forged(witness.signer), witness.signer, witness.signer))
    const found = await asker().ask(question(signed))
    expect(found.map(({ witness, line }) => [witness.name, line.name])).toEqual([['w', witness.signer.key.name]])
  })
})

function status(
  response: ServerResponse,
  code: number,
  body: string | Uint8Array = '',
  headers: Record<string, string> = {},
): true {
  response.writeHead(code, headers).end(body)
  return true
}

function conflict(response: ServerResponse, body: string, contentType: string = SIZE_CONTENT_TYPE): true {
  return status(response, 409, body, { 'content-type': contentType })
}

/** Cosignature lines as a witness sends them. */
function lines({ checkpoint, note }: SignedCheckpoint, ...signers: NoteSigner[]): string {
  return formatSignatureLines(signers.map((signer) => signer.sign({ checkpoint, body: note.text }, now)))
}

/** Bears the name and ID of a key that it does not have. */
function forged({ key }: NoteSigner): NoteSigner {
  return {
    key,
    sign: () => ({ name: key.name, keyId: key.keyId, signature: new Uint8Array(8 + 2420).fill(1) }),
  }
}

/** States another time than the witness's clock. */
function at(signer: NoteSigner, time: number): NoteSigner {
  return { key: signer.key, sign: (subject) => signer.sign(subject, time) }
}

const other = () => signHead(keys, { size: 3, root: new Uint8Array(32) }, 1000)

describe('nothing is kept of', () => {
  it.each<[string, WitnessFailure['kind'], Lie]>([
    ['a page', 'invalid', (_, response) => status(response, 200, '<html>welcome</html>\n')],
    ['an empty answer', 'invalid', (_, response) => status(response, 200)],
    ['bytes that are no text', 'invalid', (_, response) => status(response, 200, Buffer.of(0xff, 10))],
    [
      'a line that is cut off',
      'invalid',
      (_, response) => status(response, 200, lines(head(3), witness.signer).slice(0, -9)),
    ],
    [
      'a line without its newline',
      'invalid',
      (_, response) => status(response, 200, lines(head(3), witness.signer).slice(0, -1)),
    ],
    [
      'a signature of nobody',
      'invalid',
      (_, response) => status(response, 200, lines(head(3), forged(witness.signer))),
    ],
    [
      'another witness’s cosignature',
      'invalid',
      (_, response) => status(response, 200, lines(head(3), stranger.signer)),
    ],
    [
      'the log’s own lines',
      'invalid',
      (_, response) => status(response, 200, formatSignatureLines(head(3).note.signatures)),
    ],
    [
      'a cosignature of another tree',
      'invalid',
      (_, response) => status(response, 200, lines(other(), witness.signer)),
    ],
    [
      'a cosignature of an older tree',
      'invalid',
      (_, response) => status(response, 200, lines(head(2), witness.signer)),
    ],
    [
      'a cosignature without a time',
      'invalid',
      (_, response) => status(response, 200, lines(head(3), at(witness.signer, 0))),
    ],
    [
      'a hundred lines',
      'invalid',
      (_, response) => status(response, 200, lines(head(3), ...Array(100).fill(stranger.signer))),
    ],
    ['a size above ours', 'conflict', (_, response) => conflict(response, '1000\n')],
    ['a size past 2^53', 'invalid', (_, response) => conflict(response, '9007199254740993\n')],
    [
      'a smaller size each time',
      'conflict',
      ({ oldSize }, response) => conflict(response, `${oldSize === 1 ? 2 : 1}\n`),
    ],
    ['a size with a leading zero', 'invalid', (_, response) => conflict(response, '02\n')],
    ['a size without a newline', 'invalid', (_, response) => conflict(response, '2')],
    ['a size with a sign', 'invalid', (_, response) => conflict(response, '-2\n')],
    ['a size under another type', 'refused', (_, response) => conflict(response, '2\n', 'text/plain')],
    [
      'a size under a type with a charset',
      'refused',
      (_, response) => conflict(response, '2\n', `${SIZE_CONTENT_TYPE}; charset=utf-8`),
    ],
    ['a conflict without a type', 'refused', (_, response) => status(response, 409, '2\n')],
    ['a refusal of the proof', 'refused', (_, response) => status(response, 422)],
    ['a refusal of the log', 'refused', (_, response) => status(response, 404)],
    ['a refusal of the signature', 'refused', (_, response) => status(response, 403)],
    ['a defect', 'refused', (_, response) => status(response, 500)],
    [
      'a cosignature under status 201',
      'refused',
      (_, response) => status(response, 201, lines(head(3), witness.signer)),
    ],
    ['a redirect', 'refused', (_, response) => status(response, 307, '', { location: stranger.url })],
    ['an answer that must wait', 'busy', (_, response) => status(response, 503)],
    ['silence', 'timeout', () => true],
    ['an answer that never ends', 'too-large', (_, response) => endless(response, 'x'.repeat(65_536))],
    ['an answer that comes by the byte', 'timeout', (_, response) => endless(response, 'x')],
    ['a connection that breaks', 'unreachable', (_, response) => broken(response)],
    ['an answer that breaks off', 'unreachable', (_, response) => brokenOff(response)],
  ])('%s: %s', async (_, kind, lie) => {
    witness.lie = lie
    expect(await kindOf(asker().ask(question(head(3))))).toBe(kind)
    expect(witness.received.length).toBeLessThanOrEqual(3)
    expect(stranger.received).toHaveLength(0)
  })
})

function endless(response: ServerResponse, piece: string): true {
  response.writeHead(200)
  const more = () => {
    if (!response.destroyed) response.write(piece, () => setTimeout(more, 5))
  }
  more()
  return true
}

function broken(response: ServerResponse): true {
  response.destroy()
  return true
}

function brokenOff(response: ServerResponse): true {
  response.writeHead(200, { 'content-length': '1000' })
  response.write('— ')
  setTimeout(() => response.destroy(), 20)
  return true
}
