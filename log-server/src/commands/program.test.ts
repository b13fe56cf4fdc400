import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { flagName, optionNames } from '../options.ts'
import { type Ran, runIn } from './testing.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'samebits-command-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const run = (...given: Rest<Parameters<typeof runIn>>) => runIn(cwd, ...given)
type Rest<T> = T extends [unknown, ...infer R] ? R : never

const origin = '--origin example.com/log'

async function initialise(): Promise<string[]> {
  const { stdout } = await run(`keygen ${origin} --json`)
  expect((await run(`init ${origin}`)).status).toBe(0)
  return (JSON.parse(stdout) as { vkeys: string[] }).vkeys
}

/** The first three one after the other, the rest together: parts begin at 0, 1, 2 and 3. */
async function serveAndAdd(count: number): Promise<void> {
  const ran = await run('serve --mode raw --port 0 --json --log-level silent', {}, async (url) => {
    const add = (at: number) => fetch(`${url}/add`, { method: 'POST', body: `entry ${at}` })
    for (let at = 0; at < Math.min(3, count); at++) await add(at)
    await Promise.all(Array.from({ length: Math.max(0, count - 3) }, (_, at) => add(at + 3)))
  })
  expect(ran.status).toBe(0)
}

/** One line `CODE: …`, nothing on standard output, nothing of a stack. */
function expectRefusal(ran: Ran, code: string): void {
  expect(ran.stderr).toMatch(new RegExp(`^${code}: [^\n]+\n$`))
  expect(ran.stderr).not.toMatch(/\bat .*:\d+:\d+/)
  expect([ran.stdout, ran.status > 0]).toEqual(['', true])
}

describe('help', () => {
  it.each(['--help', 'keygen --help', 'init --help', 'serve --help', 'fsck --help'])('%s explains', async (args) => {
    const { status, stdout } = await run(args)
    expect(status).toBe(0)
    expect(stdout).toContain('Usage: samebits-log')
  })

  it('names every option of serve with its default', async () => {
    const { stdout } = await run('serve --help')
    for (const text of [
      '--data-dir <DIR>',
      '--mode <NAME>',
      'one of product, open, raw',
      '(default: 4096)',
      'SAMEBITS_LOG_DATA_DIR',
    ])
      expect(stdout.replaceAll(/\s+/g, ' ')).toContain(text)
  })

  it.each([
    ['', 'USAGE'],
    ['sing', 'USAGE'],
    ['keygen', 'USAGE'],
    ['keygen --origin', 'USAGE'],
    [`keygen ${origin} --algorithm rsa`, 'USAGE'],
    [`keygen ${origin} extra`, 'USAGE'],
    ['serve --prot 1', 'USAGE'],
    ['serve --port x', 'CONFIG_INVALID'],
    ['serve --config missing.json', 'IO'],
    ['fsck', 'USAGE'],
    ['fsck data', 'USAGE'],
    ['fsck data --key nonsense', 'USAGE'],
    ['fsck data --key k --workers 0', 'USAGE'],
  ])('refuses "%s" with one line', async (args, code) => {
    expectRefusal(await run(args), code)
  })

  it('offers every option of the table as a flag', async () => {
    const { stdout } = await run('serve --help')
    for (const name of optionNames) expect(stdout).toMatch(new RegExp(`^ +${flagName(name)}[ \n]`, 'm'))
  })

  it.each([
    'serve --database postgres://samebits:sesame@db/log',
    'serve --database postgres://samebits@db/log?password=sesame',
    'serve --published-url https://user:sesame@log.example.com',
    'serve --export-to s3://key:sesame@bucket/log',
    'doctor --database postgres://samebits:sesame@db/log',
  ])('refuses "%s": whoever lists processes would read it', async (args) => {
    const ran = await run(args)
    expectRefusal(ran, 'CONFIG_INVALID')
    expect(ran.stderr).not.toContain('sesame')
  })

  it.skipIf(process.platform === 'win32')('refuses a file with a password that everybody may read', async () => {
    const path = join(cwd, 'log.json')
    writeFileSync(path, '{"database": "postgres://samebits:sesame@127.0.0.1:1/log"}')
    for (const [mode, refused] of [
      [0o644, true],
      [0o640, false],
    ] as const) {
      chmodSync(path, mode)
      const { stderr } = await run('serve --config log.json') // there are no keys: a later refusal
      expect(stderr).not.toContain('sesame')
      expect(stderr.startsWith('CONFIG_INVALID')).toBe(refused)
    }
  })

  it('refuses a configuration file that is not JSON', async () => {
    writeFileSync(join(cwd, 'log.json'), '{port: 1}')
    expectRefusal(await run('serve --config log.json'), 'CONFIG_INVALID')
    expectRefusal(await run('serve', { SAMEBITS_LOG_CONFIG: 'log.json' }), 'CONFIG_INVALID')
  })
})

describe('keygen', () => {
  it('makes two keys that only their owner reads, and prints two vkeys of one name', async () => {
    const { status, stdout } = await run(`keygen ${origin}`)
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^example\.com\/log\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{43}$/),
      expect.stringMatching(/^example\.com\/log\+[0-9a-f]{8}\+B[A-Za-z0-9+/]+=*$/),
    ])
    for (const name of readdirSync(join(cwd, 'keys')))
      expect(statSync(join(cwd, 'keys', name)).mode & 0o777).toBe(0o600)
  })

  it('never overwrites', async () => {
    await run(`keygen ${origin}`)
    const before = readFileSync(join(cwd, 'keys', 'ed25519.pem'))
    expectRefusal(await run(`keygen ${origin}`), 'KEY_FILE')
    expect(readFileSync(join(cwd, 'keys', 'ed25519.pem'))).toEqual(before)
  })

  it.each(['a b', 'a+b', `${'x'.repeat(256)}`])('refuses the origin "%s" before it writes anything', async (name) => {
    const ran = await run(`keygen --origin=${name.replace(' ', '\u00a0')}`)
    expectRefusal(ran, 'ORIGIN_INVALID')
    expect(existsSync(join(cwd, 'keys'))).toBe(false)
  })
})

describe('init', () => {
  it('signs, marks and publishes the empty tree, once', async () => {
    await initialise()
    expect(readdirSync(join(cwd, 'data')).sort()).toEqual(['lock', 'log.db', 'marker'])
    expectRefusal(await run(`init ${origin}`), 'LOG_EXISTS')
  })

  it('refuses keys that others can read', async () => {
    await run(`keygen ${origin}`)
    chmodSync(join(cwd, 'keys', 'ed25519.pem'), 0o644)
    expectRefusal(await run(`init ${origin}`), 'KEY_FILE')
    expect(existsSync(join(cwd, 'data'))).toBe(false)
  })

  it('refuses keys that are swapped, and keys that are none', async () => {
    await run(`keygen ${origin}`)
    cpSync(join(cwd, 'keys', 'ml-dsa-44.pem'), join(cwd, 'keys', 'ed25519.pem'))
    expectRefusal(await run(`init ${origin}`), 'KEY_FILE')
    writeFileSync(join(cwd, 'keys', 'ed25519.pem'), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
    expectRefusal(await run(`init ${origin}`), 'KEY_FILE')
  })

  it('refuses where a checkpoint of this origin is published, and where nobody answers', async () => {
    await initialise()
    const args = `init ${origin} --data-dir other`
    await run('serve --mode raw --port 0 --json --log-level silent', {}, async (url) => {
      expectRefusal(await run(`${args} --published-url ${url}`), 'LOG_EXISTS')
      expect((await run(`init --origin example.com/other --data-dir third --published-url ${url}`)).status).toBe(0)
    })
    expectRefusal(await run(`${args} --published-url http://127.0.0.1:9`), 'PLACE_UNREACHABLE')
    expect((await run(args)).status).toBe(0)
  })

  it('is finished by a second run when it was interrupted before the marker', async () => {
    await initialise()
    rmSync(join(cwd, 'data', 'marker'))
    const database = new Database(join(cwd, 'data', 'log.db'))
    database.exec('DELETE FROM published')
    database.close()
    expect((await run(`init ${origin}`)).status).toBe(0)
  })

  it('refuses a log that lost its marker', async () => {
    await initialise()
    await serveAndAdd(1)
    rmSync(join(cwd, 'data', 'marker'))
    expectRefusal(await run(`init ${origin}`), 'LOG_EXISTS')
  })
})

describe('serve', () => {
  it.each([
    ['before init', async () => void (await run(`keygen ${origin}`)), 'NOT_INITIALISED'],
    [
      'without keys',
      async () => {
        await initialise()
        rmSync(join(cwd, 'keys'), { recursive: true })
      },
      'KEY_FILE',
    ],
    [
      'with a damaged marker',
      async () => {
        await initialise()
        writeFileSync(join(cwd, 'data', 'marker'), 'x')
      },
      'MARKER_DAMAGED',
    ],
    [
      'with a database that is none',
      async () => {
        await initialise()
        writeFileSync(join(cwd, 'data', 'log.db'), 'x'.repeat(10_000))
      },
      'STORAGE_DAMAGED',
    ],
  ])('refuses to start %s', async (_what, prepare, code) => {
    await prepare()
    expectRefusal(await run('serve --mode raw --port 0'), code)
  })

  it('refuses a port that is taken, and leaves the folder free', async () => {
    await initialise()
    await run('serve --mode raw --port 0 --json --log-level silent', {}, async (url) => {
      await run(`init ${origin} --data-dir other`)
      expectRefusal(await run(`serve --mode raw --data-dir other --port ${new URL(url).port}`), 'IO')
    })
    await serveAndAdd(1)
  })
})

describe('fsck', () => {
  const fsck = (vkeys: readonly string[], source = 'data') =>
    run(`fsck ${source} ${vkeys.map((vkey) => `--key ${vkey}`).join(' ')}`)

  it('finds a log whole, from its folder and from its URL, served or not', async () => {
    const vkeys = await initialise()
    expect((await fsck(vkeys)).stdout).toContain('example.com/log is whole: 0 entries')
    await serveAndAdd(5)
    expect((await fsck(vkeys)).stdout).toContain('is whole: 5 entries')
    await run('serve --mode raw --port 0 --json --log-level silent', {}, async (url) => {
      expect((await fsck(vkeys, url)).stdout).toContain('is whole: 5 entries')
      expect((await fsck(vkeys)).status).toBe(0)
    })
  })

  it.each([
    ['an entry', "UPDATE parts SET entries = CAST(x'0007' || 'ENTRY 1' AS BLOB) WHERE first = 1"],
    ['a longer bundle', "UPDATE parts SET entries = CAST(entries || x'00' AS BLOB) WHERE first = 2"],
    ['a leaf hash', 'UPDATE parts SET hashes = zeroblob(32) WHERE first = 1'],
    ['a missing entry', 'DELETE FROM parts WHERE first = 2'],
    ['a tile of level 1', 'UPDATE tiles SET hashes = zeroblob(32) WHERE level = 1'],
    ['a missing tile of level 1', 'DELETE FROM tiles'],
    ['the root', 'UPDATE head SET root = zeroblob(32)'],
    ['the head', 'DELETE FROM head'],
    ['a head that lags', 'UPDATE head SET size = size - 1'],
    ['the checkpoint', "UPDATE published SET checkpoint = replace(checkpoint, 'example', 'Example')"],
    ['a checkpoint that is none', "UPDATE published SET checkpoint = 'hello'"],
    ['no checkpoint', 'DELETE FROM published'],
  ])('notices %s, and exits 1', async (_what, damage) => {
    const vkeys = await initialise()
    await serveAndAdd(260)
    const database = new Database(join(cwd, 'data', 'log.db'))
    expect(database.prepare(damage).run().changes).toBeGreaterThan(0)
    database.close()
    const ran = await fsck(vkeys)
    expectRefusal(ran, 'LOG_DAMAGED')
    expect(ran.status).toBe(1)
  })

  it('notices a marker that is ahead of the storage, or damaged', async () => {
    const vkeys = await initialise()
    await serveAndAdd(1)
    cpSync(join(cwd, 'data', 'log.db'), join(cwd, 'old.db'))
    await serveAndAdd(2)
    cpSync(join(cwd, 'old.db'), join(cwd, 'data', 'log.db'))
    expectRefusal(await fsck(vkeys), 'LOG_DAMAGED')
    writeFileSync(join(cwd, 'data', 'marker'), 'x')
    expectRefusal(await fsck(vkeys), 'LOG_DAMAGED')
  })

  it('notices another key', async () => {
    await initialise()
    const other = JSON.parse((await run(`keygen ${origin} --keys-dir other --json`)).stdout) as { vkeys: string[] }
    expectRefusal(await fsck(other.vkeys), 'LOG_DAMAGED')
  })

  it('says when it cannot read, and exits 74', async () => {
    const vkeys = await initialise()
    const ran = await fsck(vkeys, 'http://127.0.0.1:9')
    expectRefusal(ran, 'LOG_UNREADABLE')
    expect(ran.status).toBe(74)
    expect((await fsck(vkeys, 'nowhere')).status).not.toBe(0)
  })
})
