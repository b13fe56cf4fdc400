/** The witness over real HTTP, as C2SP tlog-witness has it: each status with its exact body and `Content-Type`. */
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import {
  checkConsistency,
  formatAddCheckpoint,
  formatNote,
  openCheckpoint,
  parseAddCheckpointResponse,
  parseSignedCheckpoint,
  verifyCheckpoint,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listOf, realTiming, TestLog, type TestWitness, WitnessFolder } from '../testing.ts'
import { defaultLimits } from './server-http.ts'

const plain = 'text/plain; charset=utf-8'

let log: TestLog
let folder: WitnessFolder
let witness: TestWitness
beforeEach(async () => {
  log = new TestLog()
  folder = new WitnessFolder()
  folder.list(listOf([log]))
  witness = await folder.start()
})
afterEach(async () => {
  await witness.stop()
  folder.remove()
})

async function restart(...how: Parameters<WitnessFolder['start']>): Promise<void> {
  await witness.stop()
  witness = await folder.start(...how)
}

/** Status, `Content-Type` as it came over the wire, body. */
async function seen(answer: Promise<Response>): Promise<[number, string | null, string]> {
  const response = await answer
  return [response.status, response.headers.get('content-type'), await response.text()]
}

const status = async (body: string) => (await witness.add(body)).status
const stale = (size: number) => [409, 'text/x.tlog.size', `${size}\n`]

/** The lines of a 200 verify under both keys of the witness, over exactly what was sent; gives their times. */
async function cosigned(body: string, checkpoint = parseSignedCheckpoint(body.slice(body.indexOf('\n\n') + 2))) {
  const response = await witness.add(body)
  const text = await response.text()
  expect([response.status, text.endsWith('\n')]).toEqual([200, true])
  const note = { text: checkpoint.note.text, signatures: parseAddCheckpointResponse(text) }
  const keys = folder.signers.map(({ key }) => key)
  const verified = verifyCheckpoint(nodeCrypto, parseSignedCheckpoint(formatNote(note)), keys)
  expect(verified.map(({ key }) => key.type)).toEqual([6, 4])
  return verified.map(({ timestamp }) => timestamp ?? 0)
}

describe('200', () => {
  it('cosigns a first checkpoint, growth, and the same tree again, with both keys and the time of now', async () => {
    const before = realTiming.now()
    const times = [
      ...(await cosigned(log.body(0, 5))),
      ...(await cosigned(log.body(5, 12))),
      ...(await cosigned(log.body(12, 12))),
      ...(await cosigned(log.body(12, 13))),
    ]
    for (const time of times) expect([time >= before, time <= realTiming.now()]).toEqual([true, true])
  })

  it('cosigns the empty tree, again and again, and growth from it', async () => {
    await cosigned(log.body(0, 0))
    await cosigned(log.body(0, 0))
    await cosigned(log.body(0, 3))
  })

  it('is persisted: another process goes on where this one ended', async () => {
    await cosigned(log.body(0, 5))
    await restart()
    expect(await seen(witness.add(log.body(0, 6)))).toEqual(stale(5))
    await cosigned(log.body(5, 6))
  })

  it('never states an earlier time than before', async () => {
    await restart({}, { timing: { now: () => 2_000_000_000 } })
    await cosigned(log.body(0, 5))
    await restart({}, { timing: { now: () => 1_900_000_000 } })
    expect(await cosigned(log.body(5, 6))).toEqual([2_000_000_000, 2_000_000_000])
    await restart({}, { timing: { now: () => 2_100_000_000 } })
    expect(await cosigned(log.body(6, 6))).toEqual([2_100_000_000, 2_100_000_000])
  })

  it('cosigns trees near 2^53', async () => {
    const root = new Uint8Array(32).fill(7)
    const checkpoint = log.sign(Number.MAX_SAFE_INTEGER, '', root)
    await cosigned(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))
    expect(await seen(witness.add(log.body(0, 3)))).toEqual(stale(Number.MAX_SAFE_INTEGER))
  })

  it('takes a log that signs with two keys, with either or both', async () => {
    const two = new TestLog('two.example', ['ed25519', 'ml-dsa-44'])
    folder.list(listOf([two]))
    await restart()
    await cosigned(two.body(0, 1))
    const half = parseSignedCheckpoint(
      formatNote({ ...two.sign(2).note, signatures: two.sign(2).note.signatures.slice(1) }),
    )
    await cosigned(formatAddCheckpoint({ ...two.request(1, 2), checkpoint: half }))
  })

  it('ignores lines of keys that it does not know', async () => {
    const { note } = log.sign(3)
    const foreign = new TestLog('other.example').sign(3).note.signatures
    const checkpoint = parseSignedCheckpoint(
      formatNote({ text: note.text, signatures: [...foreign, ...note.signatures] }),
    )
    await cosigned(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))
    expect(await (await witness.copy(log)).text()).not.toContain('other.example')
  })

  it('serves many requests over one connection', async () => {
    const ports = new Set<number | undefined>()
    for (let size = 1; size <= 4; size++) {
      const response = await raw('POST', '/witness/add-checkpoint', log.body(size - 1, size))
      expect(response.status).toBe(200)
      ports.add(response.localPort)
    }
    expect(ports.size).toBe(1)
  })
})

describe('409', () => {
  it('tells the size in exactly the type that clients compare, whatever old size is wrong', async () => {
    await cosigned(log.body(0, 5))
    for (const [old, size] of [
      [0, 9],
      [4, 9],
      [6, 9],
      [9, 9],
      [0, 5],
      [4, 4],
      [0, 0],
    ] as const)
      expect(await seen(witness.add(log.body(old, size)))).toEqual(stale(5))
  })

  it('tells 0 for a log that it never cosigned', async () => {
    expect(await seen(witness.add(log.body(4, 9)))).toEqual(stale(0))
  })

  it('sends the type raw, with nothing behind it', async () => {
    await cosigned(log.body(0, 5))
    const { headers } = await raw('POST', '/witness/add-checkpoint', log.body(0, 9))
    const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type')
    expect(headers[at + 1]).toBe('text/x.tlog.size')
  })

  it('comes before 422: the proof does not matter while the old size is wrong', async () => {
    await cosigned(log.body(0, 5))
    const request = { ...log.request(4, 9), proof: [new Uint8Array(32)] }
    expect(await seen(witness.add(formatAddCheckpoint(request)))).toEqual(stale(5))
  })
})

describe('422', () => {
  const junk = [new Uint8Array(32).fill(1)]

  it('answers a proof where the old size is 0', async () => {
    expect(await status(formatAddCheckpoint({ ...log.request(0, 5), proof: junk }))).toBe(422)
    expect((await witness.copy(log)).status).toBe(404)
  })

  it.each<readonly [string, (request: ReturnType<TestLog['request']>) => Uint8Array[]]>([
    ['a proof of another tree', () => junk],
    ['no proof', () => []],
    ['a proof cut short', ({ proof }) => proof.slice(0, -1)],
    ['a proof with more behind it', ({ proof }) => [...proof, ...junk]],
    ['a proof in another order', ({ proof }) => proof.toReversed()],
  ])('answers %s, and cosigns growth with the right one afterwards', async (_, spoil) => {
    await cosigned(log.body(0, 5))
    const request = log.request(5, 12)
    const answer = await seen(witness.add(formatAddCheckpoint({ ...request, proof: spoil(request) })))
    expect(answer.slice(0, 2)).toEqual([422, plain])
    await cosigned(log.body(5, 12))
  })

  it('answers a proof where the sizes are equal', async () => {
    await cosigned(log.body(0, 5))
    expect(await status(formatAddCheckpoint({ ...log.request(5, 5), proof: junk }))).toBe(422)
  })

  it('answers another root of the same size', async () => {
    await cosigned(log.body(0, 5))
    expect(await status(log.body(5, 5, 'other'))).toBe(422)
  })

  it('answers a fork, whose proof leads from another root', async () => {
    await cosigned(log.body(0, 5))
    expect(await status(log.body(5, 9, 'other'))).toBe(422)
  })

  it('answers an empty tree with another root than that of nothing', async () => {
    const checkpoint = log.sign(0, '', new Uint8Array(32).fill(1))
    expect(await status(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))).toBe(422)
  })
})

describe('400', () => {
  it.each<readonly [string, (body: string) => string]>([
    ['an empty body', () => ''],
    ['no old line', (body) => body.replace(/^old 0\n/, '')],
    ['an old size with a leading zero', (body) => body.replace('old 0', 'old 00')],
    ['a negative old size', (body) => body.replace('old 0', 'old -1')],
    ['two spaces', (body) => body.replace('old 0', 'old  0')],
    ['carriage returns', (body) => body.replaceAll('\n', '\r\n')],
    ['no blank line', (body) => body.replace('old 0\n\n', 'old 0\n')],
    ['a hash that is no base64', (body) => body.replace('old 0\n', 'old 0\nx\n')],
    ['a hash of 31 bytes', (body) => body.replace('old 0\n', `old 0\n${Buffer.alloc(31).toString('base64')}\n`)],
    ['64 hashes', (body) => body.replace('old 0\n', `old 0\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}`)],
    ['no signature', (body) => body.slice(0, body.lastIndexOf('— '))],
    ['a last line without a newline', (body) => body.slice(0, -1)],
    ['a size past 2^53', (body) => body.replace('\n3\n', '\n9007199254740992\n')],
    ['no size', (body) => body.replace('\n3\n', '\n\n')],
    ['an origin of 256 bytes', (body) => body.replace('example.com/log\n3', `${'x'.repeat(256)}\n3`)],
    ['65 signature lines', (body) => body + body.slice(body.lastIndexOf('— ')).repeat(64)],
  ])('answers %s', async (_, spoil) => {
    const answer = await seen(witness.add(spoil(log.body(0, 3))))
    expect(answer.slice(0, 2)).toEqual([400, plain])
    expect(answer[2]).toMatch(/^[^\n]+\n$/)
  })

  it('answers bytes that are no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(log.body(0, 3)), Buffer.from([0xff, 0x0a])])
    expect((await witness.add(new Uint8Array(bytes))).status).toBe(400)
  })

  it('answers an old size above the size, signed or not recorded', async () => {
    await cosigned(log.body(0, 5))
    const body = formatAddCheckpoint({ oldSize: 9, proof: [], checkpoint: log.sign(7) })
    expect(await seen(witness.add(body))).toEqual([400, plain, 'the old size is above the size of the checkpoint\n'])
  })
})

describe('403 and 404', () => {
  it('404 for an origin that is not listed, signed or not', async () => {
    expect(await seen(witness.add(new TestLog('other.example').body(0, 3)))).toEqual([404, plain, 'unknown origin\n'])
  })

  it('403 for a checkpoint that only others signed', async () => {
    const impostor = new TestLog()
    expect(await seen(witness.add(impostor.body(0, 3)))).toEqual([403, plain, 'no valid signature of the log\n'])
  })

  it('403 where a line names the key and does not verify, beside a good one or alone', async () => {
    const { note } = log.sign(3)
    const [line] = note.signatures
    if (line === undefined) throw new RangeError('a signed checkpoint')
    const bad = { ...line, signature: line.signature.map((byte) => byte ^ 1) }
    for (const signatures of [[bad], [bad, line], [line, bad]]) {
      const checkpoint = parseSignedCheckpoint(formatNote({ text: note.text, signatures }))
      expect(await status(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))).toBe(403)
    }
    expect((await witness.copy(log)).status).toBe(404)
  })

  it('403 for a signed checkpoint whose text was changed', async () => {
    expect(await status(log.body(0, 3).replace('\n3\n', '\n4\n'))).toBe(403)
  })
})

describe('429', () => {
  it('says when to come again once the budget is used up, for growth alone', async () => {
    folder.list(listOf([log], 1))
    await restart()
    for (let size = 1; size <= 16; size++) await cosigned(log.body(size - 1, size))
    const response = await witness.add(log.body(16, 17))
    expect(response.status).toBe(429)
    const wait = Number(response.headers.get('retry-after')) // a day, less what this test has taken
    expect([wait > 80_000, wait <= 86_400]).toEqual([true, true])
    await cosigned(log.body(16, 16))
  })

  it('is not brought about by strangers: neither by junk nor by repeating what the log has published', async () => {
    folder.list(listOf([log], 1))
    await restart()
    await cosigned(log.body(0, 5))
    const impostor = new TestLog()
    for (let i = 0; i < 40; i++) {
      expect(await status(impostor.body(5, 6))).toBe(403)
      expect(await status(formatAddCheckpoint({ oldSize: 5, proof: [], checkpoint: log.sign(7) }))).toBe(422)
      expect([200, 429]).toContain(await status(log.body(5, 5)))
    }
    await cosigned(log.body(5, 6))
  })

  it('comes from the budget of all logs as well', async () => {
    const time = { now: 0 }
    await restart({ globalPerSecond: 2 }, { timing: { clock: () => time.now } })
    const answers = [await status(log.body(0, 1)), await status(log.body(1, 2)), await status(log.body(2, 3))]
    expect(answers).toEqual([200, 200, 429])
    time.now += 1
    expect(await status(log.body(2, 3))).toBe(200)
  })
})

describe('413, 415, 405', () => {
  it('413 for a body that is too long, and goes on with the connection where its end came', async () => {
    const answer = await witness.add('x'.repeat(128 * 1024 + 1))
    expect([answer.status, await answer.text()]).toEqual([413, 'more than 131072 bytes\n'])
    expect(await status('x'.repeat(128 * 1024))).toBe(400)
  })

  it.each([
    ['announced', 'Content-Length: 9999999999'],
    ['not announced', 'Transfer-Encoding: chunked'],
  ])('413 for a body without end, %s, and closes the connection', async (_, header) => {
    const socket = connect(Number(new URL(witness.url).port), '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8').on('data', (data: string) => {
      text += data
    })
    socket.on('error', () => undefined) // a reset is one of the ways in which it may be closed
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(`POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`)
    const feed = setInterval(() => socket.write(`10000\r\n${'x'.repeat(0x10000)}\r\n`), 1)
    await closed
    clearInterval(feed)
    expect(text === '' || text.startsWith('HTTP/1.1 413 ')).toBe(true)
    await cosigned(log.body(0, 1))
  })

  it('415 for a content coding', async () => {
    const headers = { 'content-encoding': 'gzip' }
    expect((await raw('POST', '/witness/add-checkpoint', log.body(0, 1), headers)).status).toBe(415)
  })

  it('405 with the methods that there are', async () => {
    for (const [method, path, allow] of [
      ['GET', '/witness/add-checkpoint', 'POST'],
      ['HEAD', '/witness/add-checkpoint', 'POST'],
      ['PUT', '/witness/add-checkpoint', 'POST'],
      ['POST', `/witness/${log.originHash}/checkpoint`, 'GET, HEAD'],
      ['DELETE', '/metrics', 'GET, HEAD'],
    ] as const) {
      const { status, headers } = await raw(method, path, '')
      expect([status, headers[headers.indexOf('Allow') + 1]]).toEqual([405, allow])
    }
  })
})

describe('the monitoring prefix', () => {
  it('serves the last cosigned checkpoint with the lines of the log and ours, as they were answered', async () => {
    await cosigned(log.body(0, 5))
    const lines = await (await witness.add(log.body(5, 9))).text()
    const [code, type, copy] = await seen(witness.copy(log))
    expect([code, type, copy]).toEqual([200, plain, log.sign(9).text + lines])
    const opened = openCheckpoint(
      nodeCrypto,
      copy,
      log.signers.map(({ key }) => key),
      log.origin,
    )
    checkConsistency(nodeCrypto, {
      ...{ from: 5, to: 9, fromRoot: log.root(5), toRoot: opened.checkpoint.root, proof: log.proof(5, 9) },
    })
  })

  it('answers HEAD like GET, without the body', async () => {
    await cosigned(log.body(0, 5))
    const get = await raw('GET', `/witness/${log.originHash}/checkpoint`, '')
    const head = await raw('HEAD', `/witness/${log.originHash}/checkpoint`, '')
    expect([head.status, head.body]).toEqual([200, ''])
    expect(head.headers[head.headers.indexOf('Content-Length') + 1]).toBe(String(Buffer.byteLength(get.body)))
  })

  it('answers 404 for what it never cosigned, and for other spellings of the hash', async () => {
    expect((await witness.copy(log)).status).toBe(404)
    await cosigned(log.body(0, 5))
    for (const hash of [log.originHash.toUpperCase(), log.originHash.slice(1), 'f'.repeat(64), `../${log.originHash}`])
      expect((await fetch(`${witness.url}/${hash}/checkpoint`)).status).toBe(404)
  })

  it('still serves a log that is no longer listed, also after a restart', async () => {
    await cosigned(log.body(0, 5))
    folder.list(listOf([]))
    await restart()
    expect((await witness.copy(log)).status).toBe(200)
    expect(await status(log.body(5, 6))).toBe(404)
  })

  it('lies under the prefix that was asked for', async () => {
    await restart({ prefix: '' })
    await cosigned(log.body(0, 5))
    expect((await witness.copy(log)).status).toBe(200)
    await restart({ prefix: '/a/b' })
    expect((await witness.copy(log)).status).toBe(200)
    expect((await raw('GET', `/witness/${log.originHash}/checkpoint`, '')).status).toBe(404)
  })
})

describe('clients that behave badly', () => {
  const limits = { ...defaultLimits, headersTimeoutMs: 300, requestTimeoutMs: 300 }

  it.each([
    ['headers', 'POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\n'],
    ['a body', 'POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nold 0\n'],
  ])('are let go when %s does not come', async (_, begin) => {
    await restart({ limits })
    const socket = connect(Number(new URL(witness.url).port), '127.0.0.1')
    const ended = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    socket.write(begin)
    await ended
    await cosigned(log.body(0, 1))
    expect(witness.lines).toEqual([])
  })

  it('are no defect of ours when they leave in the middle', async () => {
    for (let i = 0; i < 10; i++) {
      const socket = connect(Number(new URL(witness.url).port), '127.0.0.1')
      socket.write('POST /witness/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nold 0\n')
      await new Promise((resolve) => setTimeout(resolve, 5))
      socket.destroy()
    }
    await cosigned(log.body(0, 1))
    expect(witness.lines).toEqual([])
  })
})

it('answers health and metrics, and 404 elsewhere', async () => {
  await cosigned(log.body(0, 1))
  expect((await raw('GET', '/healthz', '')).body).toBe('ok\n')
  expect((await raw('GET', '/readyz', '')).body).toBe('ready\n')
  const { body } = await raw('GET', '/metrics', '')
  expect(body).toContain('samebits_witness_answers_total{status="200"} 1')
  expect(body).toContain('samebits_witness_cosigned_logs 1')
  expect((await raw('GET', '/witness/', '')).status).toBe(404)
  expect((await raw('POST', '/witness/sign-subtree', '')).status).toBe(404)
})

interface Raw {
  readonly status: number | undefined
  /** Names and values in turn, as they came. */
  readonly headers: readonly string[]
  readonly body: string
  readonly localPort: number | undefined
}

/** Without fetch in between, over node's own keep-alive agent. */
function raw(method: string, path: string, body: string, headers: Record<string, string> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, witness.url), { method, headers }, (response) => {
      const { localPort } = response.socket
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.rawHeaders, body: text, localPort }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}
