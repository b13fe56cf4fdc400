import { spawn } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../updater/test-support/folders.ts'
import { createPublisher, type Publisher, type Release } from '../../updater/test-support/publisher.ts'

/** A product whose witnesses sign with today's time: the program reads the real clock. */
let publisher: Publisher
let release: Release
let folder: string
let dispose: () => Promise<void>
beforeAll(async () => {
  const temporary = await temporaryFolder()
  folder = temporary.path
  await build(join(folder, 'dist'))
  publisher = await createPublisher()
  publisher.now = Math.floor(Date.now() / 1000) - 60
  release = await publisher.release('1.0.0')
  await writeFile(join(folder, 'trust.json'), publisher.trust())
  await writeFile(join(folder, 'example.com_notes.anchor.json'), await publisher.anchor())
  await writeFile(join(folder, 'notes'), release.bytes)
  await writeFile(join(folder, 'notes.samebits.json'), await publisher.bundle(release))
  dispose = async () => {
    await publisher[Symbol.asyncDispose]()
    await temporary[Symbol.asyncDispose]()
  }
})
afterAll(() => dispose())

/** What users have: the bundled program. */
async function build(out: string): Promise<void> {
  const script = join(import.meta.dirname, '../../scripts/build-cli.mjs')
  const child = spawn(process.execPath, [script, out], { stdio: ['ignore', 'ignore', 'inherit'] })
  const status = await new Promise((resolve) => child.on('close', resolve))
  if (status !== 0) throw new Error('the command line cannot be built')
}

interface Ended {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** Runs the program in the folder as a child process. */
async function samebits(...args: string[]): Promise<Ended> {
  return await samebitsWith({}, ...args)
}

async function samebitsWith(more: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1', ...more }
  const child = spawn(process.execPath, [join(folder, 'dist', 'samebits.cjs'), ...args], { cwd: folder, env })
  let [out, err] = ['', '']
  child.stdout.on('data', (text) => {
    out += text
  })
  child.stderr.on('data', (text) => {
    err += text
  })
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { status, out, err }
}

describe('verify', () => {
  test('draws what was proven', async () => {
    const { status, out, err } = await samebits('verify', 'notes', '--trust', 'trust.json')
    expect([status, err]).toEqual([0, ''])
    expect(out.split('\n')).toEqual([
      'VERIFIED notes is notes 1.0.0 (stable 1)',
      expect.stringMatching(/✓ publisher +publisher \(1 of 1 needed\)/),
      expect.stringMatching(/✓ log +in example.com\/log, a tree of 3 entries/),
      expect.stringMatching(/✓ witnesses +3 of 3: .*alpha.*; a fork would cost 1 witness that signs twice/),
      expect.stringMatching(/✓ rebuilders +rebuilder-1, rebuilder-2 \(2 of 2 needed\) got the same bytes/),
      expect.stringMatching(/✓ consistency +extends the tree of size 3 seen before/),
      expect.stringMatching(/- history +offered to entry 3/),
      expect.stringMatching(/✓ freshness +witnessed 1 minute ago/),
      expect.stringMatching(/✓ bytes +12 bytes, SHA-256 [0-9a-f]{64}/),
      '',
    ])
  })

  test('answers as JSON', async () => {
    const { status, out } = await samebits('verify', 'notes', '--trust', 'trust.json', '--json')
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      result: 'verified',
      exit: 0,
      release: { version: '1.0.0', sequence: 1 },
      artifact: { name: 'notes', size: 12 },
    })
  })

  test('remembers nothing, unless told where', async () => {
    const before = await readdir(folder)
    await samebits('verify', 'notes', '--trust', 'trust.json')
    expect(await readdir(folder)).toEqual(before)
    expect((await samebits('verify', 'notes', '--trust', 'trust.json', '--state', 'memory')).status).toBe(0)
    expect(await readdir(join(folder, 'memory'))).toContain('state-1.json')
    expect((await samebits('state', 'show', 'memory')).out).toMatch(/tree size +3/)
    await rm(join(folder, 'memory'), { recursive: true })
  })

  test('loads no more of node than it needs: a first answer is mostly loading', async () => {
    const trace = `const { Module } = require('node:module'), load = Module._load, seen = new Set()
Module._load = function (name) { seen.add(name); return load.apply(this, arguments) }
process.on('exit', () => process._rawDebug([...seen].filter((name) => name.startsWith('node:')).sort().join(' ')))`
    await writeFile(join(folder, 'trace.cjs'), trace)
    const more = { NODE_OPTIONS: `--require ${join(folder, 'trace.cjs')}` }
    const { err } = await samebitsWith(more, 'verify', 'notes', '--trust', 'trust.json')
    const modules = ['crypto', 'fs', 'fs/promises', 'module', 'os', 'path', 'timers/promises', 'util']
    const needed = new Set(modules.map((name) => `node:${name}`))
    expect(
      err
        .trim()
        .split(' ')
        .filter((name) => !needed.has(name)),
    ).toEqual([])
  })

  test('is offline: the servers are not asked', async () => {
    const before = publisher.server.requests.length
    await samebits('verify', 'notes', '--trust', 'trust.json')
    expect(publisher.server.requests.length).toBe(before)
  })
})

describe('what is refused, in at most five lines with code, sight and remedy', () => {
  type Arrange = () => Promise<string[]>
  const verify = (...more: string[]) => ['verify', 'notes', '--trust', 'trust.json', ...more]
  const write = async (name: string, bytes: Uint8Array | string) => {
    await writeFile(join(folder, name), bytes)
    return name
  }
  const bundleText = () => readFile(join(folder, 'notes.samebits.json'), 'utf8')
  const cases: readonly [what: string, status: number, code: string, arrange: Arrange][] = [
    ['no command like that', 64, 'USAGE', async () => ['verfy']],
    ['half a command', 64, 'USAGE', async () => ['trust']],
    ['half a command with a wrong half', 64, 'USAGE', async () => ['trust', 'shew']],
    ['no artifact', 64, 'USAGE', async () => ['verify', '--trust', 'trust.json']],
    ['two artifacts', 64, 'USAGE', async () => verify('other')],
    ['no trust file', 64, 'USAGE', async () => ['verify', 'notes']],
    ['an unknown option', 64, 'USAGE', async () => verify('--trsut', 'x')],
    ['an option twice', 64, 'USAGE', async () => verify('--trust', 'trust.json')],
    ['an option without its value', 64, 'USAGE', async () => verify('--bundle')],
    ['an empty value', 64, 'USAGE', async () => verify('--bundle=')],
    ['a switch with a value', 64, 'USAGE', async () => verify('--json=yes')],
    ['no duration', 64, 'USAGE', async () => verify('--max-age', 'a month')],
    ['no channel name', 64, 'USAGE', async () => verify('--channel', '../x')],
    ['no platform', 64, 'USAGE', async () => verify('--platform', 'Linux')],
    ['a trust file that is not there', 64, 'FILE_UNREADABLE', async () => ['verify', 'notes', '--trust', 'none.json']],
    ['a trust file that is a folder', 64, 'FILE_UNREADABLE', async () => ['verify', 'notes', '--trust', '.']],
    [
      'an artifact that is not there',
      64,
      'FILE_UNREADABLE',
      async () => ['verify', 'none', '--trust', 'trust.json', '--bundle', 'notes.samebits.json'],
    ],
    [
      'an artifact that is a folder',
      64,
      'FILE_UNREADABLE',
      async () => ['verify', '.', '--trust', 'trust.json', '--bundle', 'notes.samebits.json'],
    ],
    ['a bundle that was named and is not there', 64, 'FILE_UNREADABLE', async () => verify('--bundle', 'none')],
    [
      'no bundle beside the file',
      10,
      'PROOF_MISSING',
      async () => ['verify', await write('alone', 'x'), '--trust', 'trust.json'],
    ],
    ['an empty bundle', 10, 'STATEMENT_INVALID', async () => verify('--bundle', await write('b', ''))],
    ['a bundle that is no JSON', 10, 'STATEMENT_INVALID', async () => verify('--bundle', await write('b', '<html>'))],
    [
      'a bundle of another media type',
      10,
      'STATEMENT_INVALID',
      async () => verify('--bundle', await write('b', (await bundleText()).replace('version=1', 'version=2'))),
    ],
    [
      'a bundle with another hash in a proof',
      10,
      'PROOF_INVALID',
      async () => verify('--bundle', await write('b', swapInclusion(await bundleText()))),
    ],
    [
      'a bundle whose checkpoint nobody signed',
      10,
      'CHECKPOINT_INVALID',
      async () =>
        verify('--bundle', await write('b', (await bundleText()).replace(/— example\.com\/log [^\\]*\\n/g, ''))),
    ],
    [
      'altered bytes',
      10,
      'DIGEST_MISMATCH',
      async () => [
        'verify',
        await write('altered', 'Notes 1.0.0\n'),
        '--trust',
        'trust.json',
        '--bundle',
        'notes.samebits.json',
      ],
    ],
    [
      'truncated bytes',
      10,
      'DIGEST_MISMATCH',
      async () => [
        'verify',
        await write('short', 'notes 1.0.0'),
        '--trust',
        'trust.json',
        '--bundle',
        'notes.samebits.json',
      ],
    ],
    ['another channel', 10, 'WRONG_CHANNEL', async () => verify('--channel', 'beta')],
    ['an artifact of another name', 10, 'WRONG_PLATFORM', async () => verify('--artifact', 'other')],
    ['a view that is too old', 10, 'STALE', async () => verify('--max-age', '1s')],
    ['an empty trust file', 10, 'TRUST_INVALID', async () => ['verify', 'notes', '--trust', await write('t', '')]],
    [
      'a trust file with an unknown field',
      10,
      'TRUST_INVALID',
      async () => ['verify', 'notes', '--trust', await write('t', publisher.trust({ more: 1 }))],
    ],
    [
      'a trust file of no product',
      10,
      'TRUST_INVALID',
      async () => ['verify', 'notes', '--trust', await write('t', publisher.trust({ product: '../x' }))],
    ],
    [
      'a trust file without channels',
      10,
      'TRUST_INVALID',
      async () => ['verify', 'notes', '--trust', await write('t', publisher.trust({ channels: [] }))],
    ],
    [
      'a trust file that is a list',
      10,
      'TRUST_INVALID',
      async () => ['verify', 'notes', '--trust', await write('t', '[]')],
    ],
    [
      'a trust file with an unknown field, and a state',
      10,
      'TRUST_INVALID',
      async () => [
        'verify',
        'notes',
        '--bundle',
        'notes.samebits.json',
        '--state',
        'fresh',
        '--trust',
        await write('t', publisher.trust({ more: 1 })),
      ],
    ],
    [
      'a threshold of 0',
      10,
      'TRUST_INVALID',
      async () => [
        'verify',
        'notes',
        '--trust',
        await write('t', publisher.trust({ publishers: { threshold: 0, members: [] } })),
      ],
    ],
    [
      'a trust file of other publishers',
      10,
      'SIGNATURE_INVALID',
      async () => [
        'verify',
        'notes',
        '--bundle',
        'notes.samebits.json',
        '--trust',
        await write('t', otherPublishers()),
        '--anchor',
        'example.com_notes.anchor.json',
      ],
    ],
    ['an anchor that is no anchor', 10, 'TRUST_INVALID', async () => verify('--anchor', await write('a', '{}'))],
    [
      'a state folder with a torn state',
      10,
      'STATE_INVALID',
      async () => {
        await mkdir(join(folder, 'torn'), { recursive: true })
        await write('torn/state-0.json', 'x')
        return verify('--state', 'torn')
      },
    ],
    [
      'a state folder that is a link',
      10,
      'PATH_REFUSED',
      async () => {
        await symlink(folder, join(folder, 'link')).catch(() => undefined)
        return verify('--state', 'link')
      },
    ],
    [
      'an install folder that everyone may write to',
      10,
      'PATH_REFUSED',
      async () => {
        await mkdir(join(folder, 'open'), { recursive: true })
        await chmod(join(folder, 'open'), 0o777)
        return ['update', '--trust', 'trust.json', '--into', 'open']
      },
    ],
    ['an update without a folder', 64, 'USAGE', async () => ['update', '--trust', 'trust.json']],
    [
      'a health check without a command',
      64,
      'USAGE',
      async () => ['update', '--trust', 'trust.json', '--into', 'app', '--health-check', '[]'],
    ],
    [
      'headers that are none',
      64,
      'USAGE',
      async () => [
        'update',
        '--trust',
        'trust.json',
        '--into',
        'app',
        '--feed-headers',
        await write('h', 'secret token'),
      ],
    ],
    [
      'an update that is offline without a limit for that',
      10,
      'STALE',
      async () => ['update', '--trust', 'trust.json', '--into', 'off', '--offline', '--bundle', 'notes.samebits.json'],
    ],
    ['a file of no kind', 64, 'FORMAT_INVALID', async () => ['inspect', await write('x', 'nothing')]],
    ['a file that is not there', 64, 'FILE_UNREADABLE', async () => ['inspect', 'none']],
    [
      'a proof that is not in the bundle',
      10,
      'PROOF_MISSING',
      async () => ['proof', 'export', 'notes.samebits.json', '--index', '99'],
    ],
    ['an index that is none', 64, 'USAGE', async () => ['proof', 'export', 'notes.samebits.json', '--index', '01']],
    ['proofs of what is no bundle', 64, 'FORMAT_INVALID', async () => ['proof', 'export', 'trust.json']],
    [
      'another digest of the trust file',
      10,
      'TRUST_INVALID',
      async () => ['trust', 'verify', 'trust.json', '--digest', '0'.repeat(64)],
    ],
    ['half a digest', 64, 'USAGE', async () => ['trust', 'verify', 'trust.json', '--digest', 'abcd']],
    [
      'another product',
      10,
      'TRUST_INVALID',
      async () => ['trust', 'verify', 'trust.json', '--product', 'example.com/other'],
    ],
    ['a folder without a state', 64, 'STATE_MISSING', async () => ['state', 'show', '.']],
    ['a reset that was not meant', 64, 'USAGE', async () => ['state', 'reset', '.']],
    ['a code that is none', 64, 'USAGE', async () => ['explain', 'NONSENSE']],
  ]

  function swapInclusion(text: string): string {
    const bundle = JSON.parse(text)
    const [first, second] = bundle.views[0].entries
    ;[first.inclusion, second.inclusion] = [second.inclusion, first.inclusion]
    return JSON.stringify(bundle)
  }
  function otherPublishers(): Uint8Array {
    const { publishers, authority } = JSON.parse(new TextDecoder().decode(publisher.trust()))
    const swapped = {
      ...publishers,
      members: [{ ...publishers.members[0], publicKey: authority.members[0].publicKey }],
    }
    const other = { ...authority, members: [{ ...authority.members[0], publicKey: publishers.members[0].publicKey }] }
    return publisher.trust({ publishers: swapped, authority: other })
  }

  test.each(cases)(
    '%s',
    async (_, status, code, arrange) => {
      const args = await arrange()
      const plain = await samebits(...args)
      const json = await samebits(...args, '--json')
      expect(plain.err).toContain(code)
      expect([plain.status, plain.out]).toEqual([status, ''])
      expect(plain.err.trimEnd().split('\n').length).toBeLessThanOrEqual(5)
      expect(plain.err).not.toMatch(/\n\s+at |node:internal|\.ts:\d/)
      expect([json.status, JSON.parse(json.out)]).toMatchObject([
        status,
        { exit: status, code, detail: expect.any(String) },
      ])
    },
    60_000,
  )
})

describe('text from elsewhere', () => {
  test('cannot reach the terminal as escapes', async () => {
    await writeFile(join(folder, 'x\u001b[31m'), 'nothing')
    const { out, err } = await samebits('inspect', 'x\u001b[31m')
    expect(`${out}${err}`).not.toContain('\u001b')
  })
})

describe('update', () => {
  test('installs, says that nothing is newer, updates, shows and forgets', async () => {
    const update = (...more: string[]) => samebits('update', '--trust', 'trust.json', '--into', 'app', ...more)
    expect(await update('--check')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^1\.0\.0 \(stable 1\)[\s\S]*accepted, not installed: notes\n$/),
    })
    expect(await update()).toMatchObject({ status: 0, out: expect.stringMatching(/installed notes\n$/) })
    expect(await readFile(join(folder, 'app', 'notes'), 'utf8')).toBe('notes 1.0.0\n')
    expect(await update()).toMatchObject({ status: 0, out: expect.stringMatching(/^nothing newer/) })
    await publisher.release('1.1.0')
    const answer = await update('--json', '--health-check', 'test -f {file}')
    expect(JSON.parse(answer.out)).toMatchObject({ result: 'installed', exit: 0, release: { version: '1.1.0' } })
    expect((await samebits('state', 'show', 'app')).out).toMatch(/floor of stable +sequence 2/)
    expect(JSON.parse((await samebits('state', 'show', 'app', '--json')).out)).toMatchObject({
      kind: 'status',
      treeSize: 6,
    })
    expect((await samebits('state', 'reset', 'app', '--yes')).status).toBe(0)
    expect(await readdir(join(folder, 'app'))).toContain('installed.json.before-reset')
    expect((await update()).status).toBe(0)
  }, 60_000)

  test('goes through the proxy of the environment, and is undecided where that wants a password', async () => {
    const asked: string[] = []
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(407).end()
    })
    proxy.on('connect', ({ url }, socket) => {
      asked.push(url ?? '')
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    const update = ['update', '--trust', 'trust.json', '--into', 'proxied'] as const
    const { status, err } = await samebitsWith({ HTTP_PROXY: `http://127.0.0.1:${port}` }, ...update)
    proxy.closeAllConnections()
    proxy.close()
    expect(asked.join()).toContain(new URL(publisher.url).host)
    expect([status, err]).toEqual([20, expect.stringContaining('UNDECIDED TRANSPORT')])
  }, 60_000)

  test('writes the evidence of a fork, and exits with 11', async () => {
    const forked = [...publisher.entries]
    forked[0] = new Uint8Array([7])
    const { text } = publisher.signTree(forked)
    publisher.hostile = ({ url }, response) => url === '/log/checkpoint' && void response.end(text) === undefined
    const { status, err } = await samebits('update', '--trust', 'trust.json', '--into', 'forked')
    publisher.hostile = null
    expect(status).toBe(11)
    const path = /evidence {2}(.*)\n/.exec(err)?.[1] ?? ''
    expect((await samebits('inspect', path)).out).toMatch(/^evidence/)
    expect((await samebits('update', '--trust', 'trust.json', '--into', 'forked')).status).toBe(11)
  }, 60_000)
})

describe('looking at files', () => {
  test.each([
    ['notes.samebits.json', /update bundle[\s\S]*entry 0: release[\s\S]*release +1\.0\.0, stable 1/],
    ['trust.json', /trust file[\s\S]*a fork costs +the log's key and 1 witness that signs twice/],
    ['example.com_notes.anchor.json', /anchor of example\.com\/notes[\s\S]*head of stable +sequence 1/],
  ])('inspect %s', async (name, pattern) => {
    const { status, out } = await samebits('inspect', name)
    expect([status, out]).toEqual([0, expect.stringMatching(pattern)])
  })

  test('proof export writes what inspect reads', async () => {
    const { status } = await samebits('proof', 'export', 'notes.samebits.json', '--out', 'proofs')
    expect(status).toBe(0)
    expect((await readdir(join(folder, 'proofs'))).sort()).toEqual([
      '0.entry',
      '0.tlog-proof',
      '1.entry',
      '1.tlog-proof',
      '2.entry',
      '2.tlog-proof',
    ])
    expect((await samebits('inspect', 'proofs/1.tlog-proof')).out).toMatch(/tlog-proof[\s\S]*index +1/)
    expect((await samebits('inspect', 'proofs/1.entry')).out).toMatch(/entry: rebuild/)
  })

  test('trust show and trust verify', async () => {
    expect((await samebits('trust', 'show', 'trust.json')).out).toMatch(
      /publishers \(sign releases; may revoke\): 1 of 1/,
    )
    expect((await samebits('trust', 'verify', 'trust.json', '--product', 'example.com/notes')).status).toBe(0)
  })
})

test('every command explains itself', async () => {
  const { out } = await samebits('--help')
  for (const name of [
    'verify',
    'update',
    'inspect',
    'proof export',
    'trust show',
    'trust verify',
    'trust import',
    'state show',
    'state reset',
    'explain',
    'completion',
    'manual',
  ]) {
    expect(out).toContain(`\n  ${name}`)
    expect((await samebits(...name.split(' '), '--help')).out).toMatch(/Options\n[\s\S]*Examples\n {2}.*samebits /)
  }
  for (const words of [
    ['trust', '--help'],
    ['help', 'trust'],
  ]) {
    const page = await samebits(...words)
    expect([page.status, page.out.match(/^ {2}\S+ \S+/gm)]).toEqual([
      0,
      ['trust show', 'trust verify', 'trust import'].map((name) => `  ${name}`),
    ])
  }
  for (const words of [
    ['help', 'nonsense'],
    ['nonsense', '--help'],
    ['help', 'trust', 'nonsense'],
  ])
    expect((await samebits(...words)).status).toBe(64)
  expect((await samebits('explain')).out.split('\n').length).toBeGreaterThan(25)
}, 60_000)
