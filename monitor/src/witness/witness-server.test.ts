/** A witness as a whole: what it keeps, what it refuses to start on, and that many at once make one history. */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { formatAddCheckpoint, formatNote, type SignedCheckpoint } from '@samebits/core'
import { closeServer, listen } from '@samebits/host'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listOf, makeSigners, TestLog, type TestWitness, WitnessFolder } from '../testing.ts'

let log: TestLog
let folder: WitnessFolder
let witness: TestWitness | null
beforeEach(() => {
  log = new TestLog()
  folder = new WitnessFolder()
  folder.list(listOf([log]))
  witness = null
})
afterEach(async () => {
  await witness?.stop()
  folder.remove()
})

async function start(...how: Parameters<WitnessFolder['start']>): Promise<TestWitness> {
  await witness?.stop()
  witness = await folder.start(...how)
  return witness
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(10)
}

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

/** `samebits-monitor evidence check`, in a process of its own that sees the file and the keys alone. */
function judge(file: string, keys: readonly string[]): Promise<{ status: number; document: Record<string, unknown> }> {
  const args = [
    '--conditions=samebits-source',
    main,
    'evidence',
    'check',
    file,
    '--json',
    ...keys.flatMap((key) => ['--key', key]),
  ]
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout) =>
      resolve({
        status: error === null ? 0 : Number(error.code),
        document: JSON.parse(stdout) as Record<string, unknown>,
      }),
    )
  })
}

const files = () => readdirSync(folder.evidence).filter((name) => name.endsWith('.json'))
const keptOf = (kind: string) => until(() => files().some((name) => name.startsWith(`${kind}-`)))

describe('what does not fit', () => {
  it('is evidence that convicts the log, for two roots of one size', async () => {
    const { add } = await start()
    await add(log.body(0, 5))
    expect((await add(log.body(5, 5, 'other'))).status).toBe(422)
    await keptOf('split')
    const { status, document } = await judge(join(folder.evidence, files()[0] ?? ''), log.vkeys)
    expect([status, document['kind'], document['verdict'], document['convicted']]).toEqual([
      ...[0, 'split', 'convicts'],
      { kind: 'log', name: log.origin },
    ])
    expect((await judge(join(folder.evidence, files()[0] ?? ''), new TestLog().vkeys)).status).toBe(10)
  })

  it('is found whatever old size came with it', async () => {
    const { add } = await start()
    await add(log.body(0, 5))
    expect((await add(log.body(0, 5, 'other'))).status).toBe(409)
    await keptOf('split')
  })

  it('is evidence that convicts the log, for an empty tree that is not empty', async () => {
    const { add } = await start()
    const checkpoint = log.sign(0, '', new Uint8Array(32).fill(1))
    expect((await add(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint }))).status).toBe(422)
    await keptOf('empty-root')
    const { status, document } = await judge(join(folder.evidence, files()[0] ?? ''), log.vkeys)
    expect([status, document['verdict']]).toEqual([0, 'convicts'])
  })

  it('is a question that convicts nobody, for a proof that does not verify', async () => {
    const { add } = await start()
    await add(log.body(0, 5))
    expect((await add(formatAddCheckpoint({ ...log.request(5, 9), proof: [new Uint8Array(32)] }))).status).toBe(422)
    await keptOf('unproven')
    const { status, document } = await judge(join(folder.evidence, files()[0] ?? ''), log.vkeys)
    expect([status, document['verdict'], document['convicted']]).toEqual([10, 'question', null])
  })

  it('is kept once, and a few times an hour, and questions leave convictions their room', async () => {
    const { add, url } = await start()
    await add(log.body(0, 5))
    for (let size = 6; size < 30; size++)
      for (let again = 0; again < 2; again++)
        await add(formatAddCheckpoint({ oldSize: 5, proof: [], checkpoint: log.sign(size) }))
    for (let salt = 0; salt < 20; salt++) await add(log.body(5, 5, `other ${salt}`))
    await sleep(200)
    const kinds = files().map((name) => name.split('-')[0])
    expect([
      kinds.filter((kind) => kind === 'unproven').length,
      kinds.filter((kind) => kind === 'split').length,
    ]).toEqual([6, 6])
    const metrics = await (await fetch(new URL('/metrics', url))).text()
    expect(metrics).toContain('samebits_witness_suspicions_total{kind="split",kept="false"} 14')
  })

  it('is not even looked at where the log did not sign it', async () => {
    const { add } = await start()
    await add(log.body(0, 5))
    expect((await add(new TestLog().body(5, 5, 'other'))).status).toBe(403)
    await sleep(50)
    expect(files()).toEqual([])
  })
})

describe('a log whose budget for repeating is used up', () => {
  const lines = async (response: Response) => [response.status, await response.text()]

  it('still gets the newest lines there are for the tree that was cosigned last, and they are no work', async () => {
    folder.list(listOf([log], 16))
    const time = { now: 1_800_000_000 }
    const { add, copy } = await start({}, { timing: { now: () => time.now++, clock: () => 0 } })
    expect((await add(log.body(0, 5))).status).toBe(200)
    for (let at = 0; at < 15; at++) await add(log.body(5, 5))
    const newest = await lines(await add(log.body(5, 5)))
    const copied = await (await copy(log)).text()
    expect(newest[0]).toBe(200)
    expect(await lines(await add(log.body(5, 5)))).toEqual(newest)
    expect(await (await copy(log)).text()).toBe(copied)
    expect(copied).toContain(newest[1])
    expect(await lines(await add(log.body(5, 8)))).toEqual([200, expect.stringContaining('— ')])
    expect((await add(log.body(8, 8))).status).toBe(200)
  })

  it('gets nothing for another tree, another size, or without the log’s signature', async () => {
    folder.list(listOf([log], 16))
    const { add } = await start({}, { timing: { clock: () => 0 } })
    expect((await add(log.body(0, 5))).status).toBe(200)
    for (let at = 0; at < 16; at++) expect((await add(log.body(5, 5))).status).toBe(200)
    expect((await add(log.body(5, 5, 'other'))).status).toBe(429)
    expect((await add(log.body(4, 4))).status).toBe(429)
    const { checkpoint } = log.request(5, 5)
    const unsigned = { ...checkpoint, text: new TestLog().body(5, 5).split('\n\n').slice(1).join('\n\n') }
    expect((await add(formatAddCheckpoint({ oldSize: 5, proof: [], checkpoint: unsigned }))).status).toBe(403)
  })
})

describe('many at once', () => {
  it('500 submissions for one log make one history', async () => {
    const { add, copy } = await start()
    const [odd, even] = ['odd', 'even']
    const answered: SignedCheckpoint[] = []
    const roots = new Map<number, string>()
    const submit = async (at: number) => {
      const salt = at % 2 === 0 ? even : odd
      let old = 0
      for (let tries = 0; tries < 4; tries++) {
        const size = Math.max(old, 1 + (at % 40))
        const response = await add(log.body(old, size, salt))
        const text = await response.text()
        if (response.status === 200) {
          const checkpoint = log.sign(size, salt)
          answered.push(checkpoint)
          const root = Buffer.from(checkpoint.checkpoint.root).toString('hex')
          expect(roots.get(size) ?? root).toBe(root)
          roots.set(size, root)
        }
        expect([200, 409, 422]).toContain(response.status)
        if (response.status !== 409) return
        old = Number(text)
      }
    }
    await Promise.all(Array.from({ length: 500 }, (_, at) => submit(at)))
    const winner =
      roots.get(Math.min(...roots.keys())) === Buffer.from(log.root(Math.min(...roots.keys()), even)).toString('hex')
        ? even
        : odd
    for (const { checkpoint } of answered) expect(checkpoint.root).toEqual(log.root(checkpoint.size, winner))
    const last = Math.max(...roots.keys())
    expect(await (await copy(log)).text()).toContain(`${log.origin}\n${last}\n`)
    expect((await add(log.body(last, 50, winner))).status).toBe(200)
  })

  it('many logs at once are each cosigned', async () => {
    const logs = Array.from({ length: 100 }, (_, at) => new TestLog(`log${at}.example`))
    folder.list(listOf(logs))
    const { add } = await start()
    for (const size of [1, 2]) {
      const answers = await Promise.all(logs.map((one) => add(one.body(size - 1, size))))
      expect(answers.map(({ status }) => status)).toEqual(new Array(100).fill(200))
    }
  })
})

describe('the log list', () => {
  it('is followed while the witness runs: logs come, logs go', async () => {
    const { add } = await start()
    const other = new TestLog('other.example')
    expect((await add(other.body(0, 1))).status).toBe(404)
    folder.list(listOf([log, other]))
    await until(async () => (await add(other.body(0, 1))).status !== 404)
    expect((await add(other.body(1, 2))).status).toBe(200)
    folder.list(listOf([log]))
    await until(async () => (await add(other.body(2, 3))).status === 404)
    expect((await add(log.body(0, 1))).status).toBe(200)
  })

  it.each([
    ['is broken', 'logs/v0\nvkey x\n'],
    ['is half a file', 'logs/v0'],
    ['is empty', ''],
  ])('stays in force when the new one %s, and that is said once', async (_, text) => {
    const { add, lines } = await start()
    folder.list(text)
    await until(() => lines.length > 0)
    await sleep(200)
    expect(lines.map(({ level }) => level)).toEqual(['warn'])
    expect((await add(log.body(0, 1))).status).toBe(200)
    const other = new TestLog('other.example')
    folder.list(listOf([other]))
    await until(async () => (await add(other.body(0, 1))).status === 200)
  })

  it.each([
    ['missing', null],
    ['malformed', 'logs/v0\nqpd 1\n'],
    ['no text', Buffer.from([0x6c, 0xff])],
  ])('is needed to start: %s', async (_, text) => {
    if (text === null) folder.list('')
    else writeFileSync(folder.logList, text)
    const missing = text === null ? { logList: join(folder.path, 'nothing') } : {}
    await expect(folder.start(missing)).rejects.toMatchObject({ code: 'LOG_LIST' })
    folder.list(listOf([log]))
    await start() // the refusal has freed the folder
  })
})

describe('the data folder', () => {
  it('belongs to one process at a time', async () => {
    await start()
    await expect(folder.start()).rejects.toMatchObject({ code: 'IN_USE' })
    await witness?.stop()
    await start()
  })

  it('of a newer version is refused, and left as it is', async () => {
    await start()
    await witness?.stop()
    witness = null
    const path = join(folder.dataDir, 'witness.db')
    const bytes = readFileSync(path)
    bytes.writeUInt32BE(7, 60) // user_version, sqlite.org/fileformat.html §1.3
    writeFileSync(path, bytes)
    await expect(folder.start()).rejects.toMatchObject({ code: 'STATE_NEWER' })
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })
})

describe('a state that is behind what was signed', () => {
  const old = () => join(folder.path, 'old.db')
  let published: Server
  /** What stands at the place where the copies are published. */
  let answer: () => { status: number; body: string }
  let monitoringUrl: string
  beforeEach(async () => {
    published = createServer((_, res) => {
      const { status, body } = answer()
      res.writeHead(status).end(body)
    })
    monitoringUrl = `http://127.0.0.1:${await listen(published, '127.0.0.1', 0)}`
    answer = () => ({ status: 404, body: '' })
  })
  afterEach(() => closeServer(published, 100))

  /** A witness that cosigned 5, was backed up, cosigned `size`, published that, and was restored. */
  async function restore(size: number, salt = ''): Promise<void> {
    const first = await start({ monitoringUrl })
    await first.add(log.body(0, 5))
    await first.stop()
    witness = null
    copyFileSync(join(folder.dataDir, 'witness.db'), old())
    const second = new WitnessFolder()
    second.list(listOf([log]))
    if (salt === '') {
      mkdirSync(second.dataDir)
      copyFileSync(old(), join(second.dataDir, 'witness.db'))
    }
    const later = await second.start({}, { signers: folder.signers })
    expect((await later.add(log.body(salt === '' ? 5 : 0, size, salt))).status).toBe(200)
    const text = await (await later.copy(log)).text()
    answer = () => ({ status: 200, body: text })
    await later.stop()
    second.remove()
  }
  const refused = (code: string) => expect(folder.start({ monitoringUrl })).rejects.toMatchObject({ code })

  it('is refused where a larger tree bears our cosignature', async () => {
    await restore(9)
    await refused('WITNESS_BEHIND')
  })

  it('is refused where another root of the same size does', async () => {
    await restore(5, 'other')
    await refused('WITNESS_BEHIND')
  })

  it('is refused where that tree bears our cosignature of a later time', async () => {
    const first = await start({ monitoringUrl }, { timing: { now: () => 1_800_000_000 } })
    await first.add(log.body(0, 5))
    await first.stop()
    copyFileSync(join(folder.dataDir, 'witness.db'), old())
    const second = await start({ monitoringUrl }, { timing: { now: () => 1_800_000_060 } })
    expect((await second.add(log.body(5, 5))).status).toBe(200)
    const text = await (await second.copy(log)).text()
    answer = () => ({ status: 200, body: text })
    await (await start({ monitoringUrl })).stop()
    witness = null
    copyFileSync(old(), join(folder.dataDir, 'witness.db'))
    await refused('WITNESS_BEHIND')
  })

  it('is refused where it knows nothing of the log', async () => {
    await restore(9)
    const fresh = { monitoringUrl, dataDir: join(folder.path, 'fresh') }
    await expect(folder.start(fresh)).rejects.toMatchObject({ code: 'WITNESS_BEHIND' })
  })

  it('is refused even if a junk line under one of our keys was put beside the good ones', async () => {
    await restore(9)
    const { body } = answer()
    const [key] = folder.signers
    if (key === undefined) throw new RangeError('a witness has keys')
    const signature = new Uint8Array(2428).fill(1)
    const junk = formatNote({ text: 'x\n', signatures: [{ name: key.key.name, keyId: key.key.keyId, signature }] })
    answer = () => ({ status: 200, body: body + junk.slice(3) })
    await refused('WITNESS_BEHIND')
  })

  it('is not assumed where the copies fit: the same, or an older one', async () => {
    await restore(5)
    await start({ monitoringUrl })
    await witness?.add(log.body(5, 9))
    await start({ monitoringUrl })
    expect(witness?.lines).toEqual([])
  })

  it('is not assumed for a 404, nor for a copy that bears no line of ours', async () => {
    const first = await start({ monitoringUrl })
    await first.add(log.body(0, 5))
    answer = () => ({ status: 200, body: log.sign(99).text })
    const second = await start({ monitoringUrl })
    expect(second.lines.map(({ level, fields }) => [level, fields])).toEqual([['warn', { origin: log.origin }]])
  })

  it.each([
    ['the place cannot be reached', null],
    ['it answers 500', { status: 500, body: '' }],
    ['it answers something else than a checkpoint', { status: 200, body: '<html>' }],
    ['it answers nothing', { status: 200, body: '' }],
    ['it answers more than any copy has', { status: 200, body: 'x'.repeat(1 << 20) }],
  ])('cannot be told when %s, and so it is not worked on', async (_, said) => {
    if (said === null) await closeServer(published, 100)
    else answer = () => said
    await refused('MONITORING_UNREACHABLE')
  })

  it('is looked for again when a log is added to the list of a running witness', async () => {
    await restore(9)
    folder.list(listOf([]))
    const { add, lines } = await start({ monitoringUrl })
    folder.list(listOf([log]))
    await until(() => lines.length > 0)
    expect(lines[0]?.fields).toMatchObject({ reason: expect.stringContaining('at size 9, and its state has size 5') })
    expect((await add(log.body(5, 6))).status).toBe(404)
    answer = () => ({ status: 404, body: '' })
    await until(async () => (await add(log.body(5, 6))).status === 200)
  })

  it('is nobody else’s: another witness’s cosignature does not stop this one', async () => {
    await restore(9)
    await (await folder.start({ monitoringUrl }, { signers: makeSigners() })).stop()
  })
})
