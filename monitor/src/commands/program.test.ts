import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatEvidence, parseVkey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { runProgram } from '@samebits/host'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { uploadBody } from '../mirror/testing.ts'
import { listOf, realTiming, TestLog } from '../testing.ts'
import type { CommandIo } from './io.ts'
import { runCommandLine } from './program.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'samebits-command-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command line as main.ts does. `started` is called with the URL that `witness` answers, which ends when it settles. */
async function run(words: readonly string[], started?: (url: string) => Promise<unknown>): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []]
  const stop = new AbortController()
  const stdout = {
    write(text: string) {
      out.push(text)
      const url = /"url":"([^"]+)"/.exec(text)?.[1]
      if (url !== undefined) void (started?.(url) ?? Promise.resolve()).finally(() => stop.abort())
    },
  }
  const stderr = { write: (text: string) => err.push(text) }
  const json = words.includes('--json')
  const io: CommandIo = { cwd, stdout, stderr, timing: realTiming, fetch, signal: stop.signal, json }
  const signals = { on: () => undefined, off: () => undefined }
  const main = () => runCommandLine(words, io, '1.2.3')
  const status = await runProgram(main, { stderr, stdout, json, signals, exit: () => undefined })
  return { status, stdout: out.join(''), stderr: err.join('') }
}

const line = (text: string) => run(text.split(' ').filter((word) => word !== ''))
const witnessFlags = 'witness --logs logs --port 0 --json --log-level error'
const serve = (flags = '', started?: (url: string) => Promise<unknown>) =>
  run(
    `${witnessFlags} ${flags}`.split(' ').filter((word) => word !== ''),
    started,
  )

describe('keygen', () => {
  it('makes two keys that only their owner can read, and prints their vkeys', async () => {
    const { status, stdout, stderr } = await line('keygen --name witness.example/w1')
    expect(status).toBe(0)
    const keys = stdout
      .trim()
      .split('\n')
      .map((vkey) => parseVkey(nodeCrypto, vkey))
    expect(keys.map(({ name, type }) => [name, type])).toEqual([
      ['witness.example/w1', 6],
      ['witness.example/w1', 4],
    ])
    for (const file of ['ed25519.pem', 'ml-dsa-44.pem'])
      expect(statSync(join(cwd, 'keys', file)).mode & 0o777).toBe(0o600)
    expect(statSync(join(cwd, 'keys')).mode & 0o777).toBe(0o700)
    expect(stderr).not.toContain('PRIVATE')
  })

  it('never replaces a key', async () => {
    await line('keygen --name witness.example/w1')
    const before = readFileSync(join(cwd, 'keys', 'ed25519.pem'), 'utf8')
    expect((await line('keygen --name witness.example/w2')).stderr).toMatch(/^KEY_FILE: /m)
    expect(readFileSync(join(cwd, 'keys', 'ed25519.pem'), 'utf8')).toBe(before)
  })

  it.each([['a b'], ['a+b'], [''], ['x'.repeat(256)], ['a\nb'], ['a\u2003b']])(
    'refuses the name %j, and makes nothing',
    async (name) => {
      const { status, stderr } = await run(['keygen', '--name', name])
      expect([status, stderr.split(':')[0]]).toEqual([64, 'NAME_INVALID'])
      expect(readdirSync(cwd)).toEqual([])
    },
  )
})

describe('witness', () => {
  const log = new TestLog()
  beforeEach(async () => {
    writeFileSync(join(cwd, 'logs'), listOf([log]))
    await line('keygen --name witness.example/w1')
  })

  it('says where it is, cosigns, and ends on request', async () => {
    const ran = await serve('', async (url) => {
      expect((await fetch(`${url}/add-checkpoint`, { method: 'POST', body: log.body(0, 3) })).status).toBe(200)
    })
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    expect(JSON.parse(ran.stdout)).toEqual({
      name: 'witness.example/w1',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/witness$/),
    })
  })

  it('signs for one state only: keys that have been used refuse an empty data folder', async () => {
    expect((await serve()).status).toBe(0)
    expect((await serve()).status).toBe(0)
    renameSync(join(cwd, 'data'), join(cwd, 'moved'))
    const { status, stderr } = await serve()
    expect([status, stderr.split(':')[0]]).toEqual([64, 'STATE_MISMATCH'])
    expect((await serve('--data-dir moved')).status).toBe(0)
    expect((await serve('--data-dir other')).stderr).toMatch(/^STATE_MISMATCH: /)
  })

  it.each([
    ['--prefix witness', 'USAGE'],
    ['--prefix /a/', 'USAGE'],
    ['--prefix /a?b', 'USAGE'],
    ['--port 65536', 'USAGE'],
    ['--port 1x', 'USAGE'],
    ['--requests-per-second 0', 'USAGE'],
    ['--log-level loud', 'USAGE'],
    ['--unknown', 'USAGE'],
    ['more words', 'USAGE'],
    ['--keys-dir nowhere', 'IO'],
    ['--monitoring-url http://example.com/', 'MONITORING_UNREACHABLE'],
    ['--monitoring-url nonsense', 'MONITORING_UNREACHABLE'],
  ])('refuses %s', async (flags, code) => {
    const { status, stderr, stdout } = await serve(flags)
    expect([status === 0, stderr.split(':')[0]]).toEqual([false, code])
    expect(JSON.parse(stdout)).toMatchObject({ error: { code } })
  })

  it('refuses keys that others can read, of another kind, or under a name that is none', async () => {
    chmodSync(join(cwd, 'keys', 'ed25519.pem'), 0o644)
    expect((await serve()).stderr).toMatch(/^KEY_FILE: .*open to others/)
    writeFileSync(join(cwd, 'keys', 'ed25519.pem'), readFileSync(join(cwd, 'keys', 'ml-dsa-44.pem')))
    chmodSync(join(cwd, 'keys', 'ed25519.pem'), 0o600)
    expect((await serve()).stderr).toMatch(/^KEY_FILE: .*holds a key for ml-dsa-44/)
    for (const [text, code] of [
      ['witness.example/w1', 'KEY_FILE'],
      ['witness.example/w1\n\n', 'NAME_INVALID'],
      ['\n', 'NAME_INVALID'],
      ['', 'KEY_FILE'],
    ] as const) {
      writeFileSync(join(cwd, 'keys', 'name'), text)
      expect((await serve()).stderr.split(':')[0]).toBe(code)
    }
  })
})

describe('evidence check', () => {
  const log = new TestLog()
  const write = (name: string, kind: 'split' | 'unproven', a: string, b: string) =>
    writeFileSync(join(cwd, name), formatEvidence({ kind, origin: log.origin, a, b }))
  const check = (...more: readonly string[]) => run(['evidence', 'check', 'file', ...more])
  const [key = ''] = log.vkeys

  it('says in words what is proven', async () => {
    write('file', 'split', log.sign(5).text, log.sign(5, 'other').text)
    const { status, stdout, stderr } = await check('--key', key)
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^split in example\.com\/log: proven\n {2}\S/)
  })

  it('ends with 10, and one document, where nothing is proven: a question, one tree twice, another key', async () => {
    write('file', 'unproven', log.sign(5).text, log.sign(9).text)
    expect((await check('--key', key)).status).toBe(10)
    write('file', 'split', log.sign(5).text, log.sign(5).text)
    expect((await check('--key', key)).status).toBe(10)
    write('file', 'split', log.sign(5).text, log.sign(5, 'other').text)
    const { status, stdout, stderr } = await check('--json', ...new TestLog().vkeys.flatMap((vkey) => ['--key', vkey]))
    expect([status, stderr, JSON.parse(stdout)]).toEqual([
      10,
      '',
      expect.objectContaining({ verdict: 'nothing', convicted: null }),
    ])
  })

  it('cannot be fooled into writing to the terminal', async () => {
    const evil = new TestLog('evil\u009b2J.example')
    writeFileSync(
      join(cwd, 'file'),
      formatEvidence({ kind: 'split', origin: evil.origin, a: evil.sign(5).text, b: evil.sign(5, 'x').text }),
    )
    const { status, stdout } = await check(...evil.vkeys.flatMap((vkey) => ['--key', vkey]))
    expect([status, stdout.includes('\u009b')]).toEqual([0, false])
  })

  it.each([
    ['no file', null, ['--key', key], 'IO', null],
    ['a file that is no evidence', '{}', ['--key', key], 'FORMAT_INVALID', 'as it was handed out'],
    ['an empty file', '', ['--key', key], 'FORMAT_INVALID', 'as it was handed out'],
    ['no key', '{}', [], 'USAGE', 'Give --key or --trust.'],
    ['a key that is none', null, ['--key', 'x'], 'FORMAT_INVALID', 'NAME+HASH+KEY'],
    ['a trust file that is none', null, ['--trust', 'file'], 'TRUST_INVALID', 'trust.json'],
  ])('refuses %s, and says what to do', async (what, text, flags, code, remedy) => {
    if (text !== null) writeFileSync(join(cwd, 'file'), text)
    else if (what !== 'no file') write('file', 'split', log.sign(5).text, log.sign(5, 'other').text)
    const { status, stderr } = await check(...flags)
    expect([status === 0, stderr.split(':')[0]]).toEqual([false, code])
    if (remedy !== null) expect(stderr).toContain(remedy)
  })
})

describe('mirror', () => {
  const log = new TestLog()
  const mirror = (flags: string, started?: (url: string) => Promise<unknown>) =>
    run(`mirror --logs logs --port 0 --json --log-level error ${flags}`.split(' ').filter(Boolean), started)
  beforeEach(async () => {
    writeFileSync(join(cwd, 'logs'), listOf([log]))
    await line('keygen --name mirror.example/m1')
  })

  it('says where it is, keeps what is uploaded, and ends on request', async () => {
    const ran = await mirror('--keys-dir keys', async (url) => {
      expect((await fetch(`${url}/add-checkpoint`, { method: 'POST', body: log.body(0, 3) })).status).toBe(200)
      const headers = { 'content-type': 'application/octet-stream' }
      const body = uploadBody(log, { start: 0, end: 3 })
      expect((await fetch(`${url}/add-entries`, { method: 'POST', body, headers })).status).toBe(200)
      expect(await (await fetch(`${url}/${log.originHash}/checkpoint`)).text()).toContain('— mirror.example/m1 ')
    })
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    expect(JSON.parse(ran.stdout)).toMatchObject({ name: 'mirror.example/m1', url: expect.stringMatching(/\/mirror$/) })
  })

  it('has keys that no witness has', async () => {
    expect((await serve()).status).toBe(0)
    expect((await mirror('--keys-dir keys')).stderr).toMatch(/^STATE_MISMATCH: /)
  })

  it.each([
    ['', 'USAGE'],
    ['--follow nonsense', 'USAGE'],
    ['--follow ftp://log.example.com/', 'USAGE'],
    ['--keys-dir keys --prefix mirror', 'USAGE'],
    ['--keys-dir keys --poll-seconds 0', 'USAGE'],
    ['--keys-dir nowhere', 'IO'],
    ['--keys-dir keys --monitoring-url http://example.com/', 'MONITORING_UNREACHABLE'],
  ])('refuses %j', async (flags, code) => {
    const { status, stderr } = await mirror(flags)
    expect([status === 0, stderr.split(':')[0]]).toEqual([false, code])
  })
})

describe('the command line', () => {
  it('names its commands and nothing that is not there', async () => {
    const { status, stdout } = await line('--help')
    expect(status).toBe(0)
    for (const name of ['run', 'keygen', 'witness', 'mirror', 'evidence']) expect(stdout).toContain(name)
    for (const name of ['dashboard', 'gossip']) expect(stdout).not.toContain(name)
  })

  it('tells its version, and refuses what it does not know', async () => {
    expect((await line('--version')).stdout).toBe('1.2.3\n')
    for (const text of ['', 'run', 'evidence', 'evidence judge', '--loud'])
      expect(await line(text)).toMatchObject({ status: 64, stderr: expect.stringMatching(/^USAGE: /) })
  })
})
