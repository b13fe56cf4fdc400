/** A log with the witnesses of a policy: real storage, real sockets, witnesses that a test can have lie. */
import { writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import {
  evaluateQuorum,
  formatVkey,
  parsePolicy,
  parseSignedCheckpoint,
  SIZE_CONTENT_TYPE,
  type VerifierKey,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../create-log.ts'
import type { LogServerOptions } from '../options.ts'
import { makeTestLog, realTiming, signHead, type TestLog, type TestServer } from '../testing.ts'
import { copiesBeforeInit } from './open-witnesses.ts'
import { startTestWitness, type TestWitness } from './testing.ts'

let log: TestLog
let witnesses: TestWitness[]
let text: string
let server: TestServer | null
beforeEach(async () => {
  server = null
  log = await makeTestLog()
  const logKeys = log.signer.keys
  witnesses = await Promise.all(
    ['w1', 'w2', 'w3'].map((name) =>
      startTestWitness({ name: `witness.example/${name}`, logKeys, now: realTiming.now }),
    ),
  )
  const lines = witnesses.map(({ vkeys, url }, at) => `witness w${at + 1} ${vkeys[0]} ${url}\n`)
  text = `log ${formatVkey(log.signer.keys[1] as VerifierKey)}\n${lines.join('')}group two 2 w1 w2 w3\nquorum two\n`
})
afterEach(async () => {
  await server?.stop()
  for (const witness of witnesses) await witness.stop()
  log.remove()
})

async function start(options: Partial<LogServerOptions> = {}): Promise<TestServer> {
  await server?.stop()
  const policy = join(log.folder, 'policy')
  writeFileSync(policy, text)
  server = await log.start({ policy, witnessMinIntervalMs: 0, witnessTimeoutMs: 1000, ...options })
  return server
}

async function published(from: TestServer): Promise<{ size: number; satisfied: boolean; names: string[] }> {
  const signed = parseSignedCheckpoint(await (await fetch(`${from.url}/checkpoint`)).text())
  const { satisfied, cosigners } = evaluateQuorum(nodeCrypto, parsePolicy(nodeCrypto, text), signed)
  return { size: signed.checkpoint.size, satisfied, names: cosigners.map(({ witness }) => witness.name) }
}
const metrics = async (from: TestServer) => (await fetch(`${from.url}/metrics`)).text()
/** Until the first head of this start is cosigned by everybody. */
async function settled(from: TestServer): Promise<TestServer> {
  await expect.poll(async () => (await published(from)).names, { timeout: 5000 }).toEqual(['w1', 'w2', 'w3'])
  return from
}
const index = async (answer: Promise<Response>) => Number(await (await answer).text())
const witness = (at: number) => witnesses[at] as TestWitness
const refuse = (code: number) => (_: unknown, response: ServerResponse) => {
  response.writeHead(code).end()
  return true
}
const claim = (size: number) => (_: unknown, response: ServerResponse) => {
  response.writeHead(409, { 'content-type': SIZE_CONTENT_TYPE }).end(`${size}\n`)
  return true
}
/** A tree that this log signed elsewhere: after a restore, or in a copy of the machine. */
const signedElsewhere = (size: number) => {
  const root = nodeCrypto.sha256(Buffer.from('another tree'))
  return signHead(log.keys, { size, root }, realTiming.now()).text
}
const show = (body: string) => (response: ServerResponse) => void response.writeHead(200).end(body)

describe('a log with witnesses', () => {
  it('publishes what a quorum cosigned, and the same tree again with who comes later', async () => {
    const log = await settled(await start())
    const held = Promise.withResolvers<boolean>()
    witness(2).lie = () => held.promise
    expect(await index(log.add('one'))).toBe(0)
    expect(await published(log)).toEqual({ size: 1, satisfied: true, names: ['w1', 'w2'] })
    held.resolve(false)
    await expect.poll(() => published(log)).toEqual({ size: 1, satisfied: true, names: ['w1', 'w2', 'w3'] })
  })

  it('does not mix the cosignatures of a head that was overtaken with those of the next', async () => {
    const log = await settled(await start())
    const held = Promise.withResolvers<boolean>()
    witness(2).lie = ({ size }, response) => (size === 1 ? held.promise : refuse(500)(null, response))
    expect(await index(log.add('one'))).toBe(0)
    expect(await index(log.add('two'))).toBe(1)
    held.resolve(false)
    await expect.poll(() => witness(2).received.at(-1)?.size).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await published(log)).toEqual({ size: 2, satisfied: true, names: ['w1', 'w2'] })
  })

  it('asks again when nothing comes, so that the quorum time stays fresh', async () => {
    const log = await settled(await start({ resignSeconds: 1 }))
    const timesOf = async () => {
      const signed = parseSignedCheckpoint(await (await fetch(`${log.url}/checkpoint`)).text())
      return evaluateQuorum(nodeCrypto, parsePolicy(nodeCrypto, text), signed).cosigners.map(
        ({ timestamp }) => timestamp,
      )
    }
    const [first = 0] = await timesOf()
    await expect.poll(async () => Math.min(...(await timesOf())), { timeout: 20_000 }).toBeGreaterThan(first)
    expect(await published(log)).toMatchObject({ size: 0, satisfied: true })
    expect(new Set(witness(0).received.map(({ size }) => size))).toEqual(new Set([0]))
  })

  it('coalesces what comes while a witness may not be asked again', async () => {
    const log = await start({ witnessMinIntervalMs: 300 })
    const before = witness(0).received.length
    const answers: Promise<number>[] = []
    for (let at = 0; at < 12; at++) {
      answers.push(index(log.add(`entry ${at}`)))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect((await Promise.all(answers)).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(witness(0).received.length - before).toBeLessThan(8)
    expect((await published(log)).satisfied).toBe(true)
  })

  it('needs no witness that lies, and keeps nothing of it', async () => {
    const log = await settled(await start())
    witness(2).lie = (_, response) => {
      const forged = Buffer.concat([Buffer.alloc(4), Buffer.alloc(72, 7)])
      forged.writeUInt32BE(witness(2).signer.key.keyId)
      response.writeHead(200).end(`— witness.example/w3 ${forged.toString('base64')}\n`)
      return true
    }
    expect(await index(log.add('one'))).toBe(0)
    expect(await published(log)).toEqual({ size: 1, satisfied: true, names: ['w1', 'w2'] })
    await expect.poll(() => metrics(log)).toMatch(/failures_total\{witness="w3",kind="invalid"\} [1-9]/)
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ witness: 'w3', kind: 'invalid' }) }),
    )
  })

  it('fails closed: nothing is published, nobody is told otherwise, and it says why', async () => {
    const log = await settled(await start())
    witness(0).lie = refuse(500)
    witness(1).lie = refuse(403)
    const refused = await log.add('one')
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await published(log)).toMatchObject({ size: 0, satisfied: true })
    expect(log.gate()).toMatchObject({ state: 'read-only', code: 'WITNESS_QUORUM', retrySeconds: 5 })
    expect(await metrics(log)).toMatch(/samebits_log_witness_quorum_failures_total 1\n/)
    expect(await metrics(log)).toMatch(/samebits_log_witness_fail_open 0\n/)
    for (const at of [0, 1]) witness(at).lie = () => false
    expect(await index((await start()).add('one'))).toBe(0)
  })

  it('fails open where it is told to, and is loud', async () => {
    const log = await settled(await start({ witnessFailOpen: true }))
    witness(0).lie = refuse(500)
    witness(1).lie = refuse(500)
    expect(await index(log.add('one'))).toBe(0)
    expect(await published(log)).toMatchObject({ size: 1, satisfied: false })
    expect(await metrics(log)).toMatch(/samebits_log_witness_fail_open 1\n/)
    expect(await metrics(log)).toMatch(/samebits_log_witness_fail_open_published_total 1\n/)
    expect(log.lines.filter(({ message }) => message.includes('WITHOUT A QUORUM'))).toHaveLength(1)
    expect(log.lines.some(({ level, message }) => level === 'warn' && message.includes('FAIL OPEN'))).toBe(true)
  })

  it('can be stopped while nobody cosigns', async () => {
    const log = await settled(await start())
    const before = witness(0).received.length
    for (const one of witnesses) one.lie = () => true
    const answer = log.add('one').then(
      ({ status }) => status,
      () => 0,
    )
    await expect.poll(() => witness(0).received.length).toBeGreaterThan(before)
    server = null
    await log.stop()
    expect([0, 503]).toContain(await answer)
  })

  it('says when each witness last cosigned', async () => {
    const log = await start()
    await expect.poll(() => metrics(log)).toMatch(/last_success_timestamp_seconds\{witness="w1"\} 1[0-9]{9}/)
    expect(await metrics(log)).toMatch(/witness_cosigned_size\{witness="w1"\} 0\n/)
  })

  it('asks a witness with two keys once, and publishes both its lines', async () => {
    const name = 'witness.example/two'
    const algorithms = ['ed25519', 'ml-dsa-44'] as const
    const two = await startTestWitness({ name, algorithms, logKeys: log.signer.keys, now: realTiming.now })
    witnesses.push(two)
    const lines = two.vkeys.map((vkey, at) => `witness k${at} ${vkey} ${two.url}\n`)
    text = `${text.split('\n')[0]}\n${lines.join('')}group two any k0 k1\nquorum two\n`
    const server = await start()
    expect(await index(server.add('one'))).toBe(0)
    expect(await published(server)).toEqual({ size: 1, satisfied: true, names: ['k0', 'k1'] })
    expect(two.received.filter(({ size }) => size === 1)).toHaveLength(1)
  })

  it('with quorum none waits for nobody, and collects all the same', async () => {
    text = text.replace('quorum two', 'quorum none')
    for (const one of witnesses) one.lie = refuse(500)
    const log = await start()
    expect(await index(log.add('one'))).toBe(0)
    for (const one of witnesses) one.lie = () => false
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(await index(log.add('two'))).toBe(1)
    await expect.poll(() => published(log)).toEqual({ size: 2, satisfied: true, names: ['w1', 'w2', 'w3'] })
  })

  it.each<[string, (text: string) => string]>([
    ['another log', (text) => text.replace(/^log .*$/m, `log ${witness(0).vkeys[0]}`)],
    ['no quorum line', (text) => text.replace(/^quorum.*\n/m, '')],
    ['no URLs', (text) => text.replaceAll(/ http:.*$/gm, '')],
    ['nothing', () => ''],
  ])('does not start on a policy with %s', async (_, change) => {
    text = change(text)
    await expect(start()).rejects.toMatchObject({ code: 'POLICY_INVALID' })
  })
})

describe('a log that is about to begin', () => {
  const begin = async () => {
    const policy = join(log.folder, 'policy')
    writeFileSync(policy, text)
    const options = { policy, witnessMonitoring: '', witnessTimeoutMs: 1000 }
    const copies = await copiesBeforeInit(options, { signer: log.signer, fetch })
    const dataDir = join(log.folder, 'new')
    return createLog({ dataDir, signer: log.signer, publishedUrl: '', copies, fetch, now: realTiming.now })
  }

  it('begins where no witness knows it', async () => {
    expect(await begin()).toMatchObject({ origin: log.signer.origin })
  })

  it('does not begin again where one witness knows it', async () => {
    witness(1).copy = show(signedElsewhere(5))
    await expect(begin()).rejects.toMatchObject({ code: 'LOG_EXISTS' })
  })

  it('does not begin where too few say', async () => {
    for (const at of [0, 1]) witness(at).copy = (response) => void response.writeHead(500).end()
    await expect(begin()).rejects.toMatchObject({ code: 'WITNESS_UNREACHABLE' })
  })
})

describe('before anything is signed', () => {
  it.each<[string, (at: number) => ((response: ServerResponse) => void) | null]>([
    ['an error', () => (response) => void response.writeHead(500).end()],
    ['a page', () => show('<html>welcome</html>')],
    ['bytes that are no text', () => (response) => void response.writeHead(200).end(Buffer.of(0xff))],
    ['nothing at all', () => () => undefined],
    [
      'a checkpoint of another log',
      () => {
        const keys = [generateSigningKey('ed25519')]
        return show(signHead(keys, { size: 5, root: new Uint8Array(32) }, 1000).text)
      },
    ],
  ])('%s from two of three witnesses is no answer: the log serves reads only', async (_, copy) => {
    for (const at of [0, 1]) witness(at).copy = copy(at)
    const log = await start()
    expect(log.gate()).toMatchObject({ state: 'read-only', code: 'PLACE_UNREACHABLE', retrySeconds: 5 })
    expect((await log.add('one')).status).toBe(503)
    expect(witnesses.flatMap(({ received }) => received)).toEqual([])
  })

  it('“none” is an answer', async () => {
    const gone = (response: ServerResponse) => void response.writeHead(404).end()
    for (const one of witnesses) one.copy = gone
    expect((await start()).gate()).toEqual({ state: 'writing' })
  })

  it.each([
    ['a larger tree', 5, 'STORAGE_BEHIND'],
    ['another tree', 1, 'TREE_MISMATCH'],
  ])(
    'one witness that shows %s under the log’s own signature ends writing, whoever else is away',
    async (_, size, code) => {
      expect(await index((await start()).add('one'))).toBe(0)
      witness(0).copy = show(signedElsewhere(size))
      for (const at of [1, 2]) witness(at).copy = (response) => void response.writeHead(500).end()
      const log = await start()
      expect(log.gate()).toMatchObject({ state: 'read-only', code, retrySeconds: null })
      expect((await fetch(`${log.url}/checkpoint`)).status).toBe(200)
    },
  )
})

describe('a witness that says it knows more', () => {
  it('is not believed: a bare number stops nothing', async () => {
    const log = await start()
    witness(0).lie = claim(1000)
    expect(await index(log.add('one'))).toBe(0)
    expect(await published(log)).toMatchObject({ size: 1, names: ['w2', 'w3'] })
    await expect.poll(() => metrics(log)).toMatch(/failures_total\{witness="w1",kind="conflict"\} [1-9]/)
    expect(log.gate()).toEqual({ state: 'writing' })
  })

  it.each([
    ['larger tree', 1000, claim(1000), 'STORAGE_BEHIND'],
    ['tree of this size', 1, refuse(422), 'TREE_MISMATCH'],
    ['tree of this size, with a 409 in place of a 422', 1, refuse(409), 'TREE_MISMATCH'],
  ] as const)('and shows a %s under the log’s own signature ends writing', async (_, size, lie, code) => {
    const log = await start()
    witness(0).lie = lie
    witness(0).copy = show(signedElsewhere(size))
    await log.add('one')
    await expect.poll(() => log.gate()).toMatchObject({ state: 'read-only', code, retrySeconds: null })
    expect((await log.add('two')).status).toBe(503)
  })
})
