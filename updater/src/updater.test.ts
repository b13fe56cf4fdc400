import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkEvidence, parseEvidence, parseTrust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { describe, expect, test } from 'vitest'
import { me, temporaryFolder } from '../test-support/folders.ts'
import { createPublisher, day, type Publisher, type PublisherOptions } from '../test-support/publisher.ts'
import { createUpdater, type Updater, type UpdaterEvent, type UpdaterOptions } from './index.ts'

interface House extends AsyncDisposable {
  readonly publisher: Publisher
  readonly folder: string
  readonly events: UpdaterEvent[]
  updater(more?: Partial<UpdaterOptions>): Promise<Updater>
  /** check, download, apply: the code or kind in which it ends. */
  run(more?: Partial<UpdaterOptions>): Promise<string>
  installed(): Promise<string | null>
  record(): Promise<string | null>
}

async function house(options: PublisherOptions = {}): Promise<House> {
  const temporary = await temporaryFolder()
  const publisher = await createPublisher(options)
  const folder = join(temporary.path, 'app')
  const events: UpdaterEvent[] = []
  await publisher.release('1.0.0')
  const anchor = await publisher.anchor()
  const it: House = {
    publisher,
    folder,
    events,
    async updater(more = {}) {
      return createUpdater({
        trust: publisher.trust(),
        anchor,
        stateDir: join(folder, '.samebits', 'state'),
        installDir: folder,
        channel: 'stable',
        platform: 'linux-x64',
        fetch,
        clock: () => publisher.now + 60,
        stopwatch: () => performance.now(),
        random: Math.random,
        os: process.platform,
        uid: me.uid,
        crypto: nodeCrypto,
        retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 2 },
        idleTimeoutMs: 500,
        onEvent: (event) => void events.push(event),
        ...more,
      })
    },
    async run(more = {}) {
      const updater = await it.updater(more)
      const found = await updater.check()
      if (found.kind === 'stopped') return codeOf(found)
      if (found.kind === 'current') return found.current.flaw ?? 'current'
      const fetched = await updater.download()
      if (fetched.kind === 'stopped') return codeOf(fetched)
      const done = await updater.apply()
      return done.kind === 'stopped' ? codeOf(done) : done.kind
    },
    installed: () => readFile(join(folder, 'notes'), 'utf8').catch(() => null),
    record: () => readFile(join(folder, 'installed.json'), 'utf8').catch(() => null),
    async [Symbol.asyncDispose]() {
      await publisher[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
  return it
}

function codeOf({ refusal }: { refusal: { kind: string; code: string | null; detail: string } }): string {
  return refusal.kind === 'refused' ? `${refusal.code}` : `${refusal.kind} ${refusal.code}`
}

describe('the straight path', () => {
  test('first contact, nothing newer, the next version', async () => {
    await using it = await house()
    expect(await it.run()).toBe('installed')
    expect(await it.installed()).toBe('notes 1.0.0\n')
    expect(await it.run()).toBe('current')
    it.publisher.now += day
    await it.publisher.release('1.1.0')
    expect(await it.run()).toBe('installed')
    expect(await it.installed()).toBe('notes 1.1.0\n')
    expect(JSON.parse((await it.record()) ?? '')).toMatchObject({ version: '1.1.0', sequence: 2 })
    expect(await readFile(join(it.folder, '.samebits', 'previous', 'notes'), 'utf8')).toBe('notes 1.0.0\n')
    expect(await it.run()).toBe('current')
  })

  test('installs where everyone may read, and keeps what it knows to itself', async () => {
    await using it = await house()
    await it.run()
    const modes = [it.folder, join(it.folder, '.samebits'), join(it.folder, '.samebits', 'state')].map(async (path) =>
      ((await stat(path)).mode & 0o777).toString(8),
    )
    expect(await Promise.all(modes)).toEqual([(0o755 & ~process.umask()).toString(8), '700', '700'])
  })

  test('says what was proven', async () => {
    await using it = await house()
    const found = await (await it.updater()).check()
    expect(found).toMatchObject({
      kind: 'accepted',
      release: {
        version: '1.0.0',
        proven: {
          publishers: { operators: ['publisher'], threshold: 1 },
          witnesses: { of: 3, forkCost: 1 },
          rebuilders: { operators: ['rebuilder-1', 'rebuilder-2'], required: 2 },
          consistentFrom: [3],
          history: { completeTo: 3 },
          age: 60,
        },
      },
    })
  })

  test('works where the bundle and the artifact were brought by hand, offline', async () => {
    await using it = await house({
      freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m', offlineMaxAge: '90d' },
    })
    const offlineTrust = it.publisher.trust()
    const local = join(it.folder, '..', 'usb')
    await mkdir(local)
    await writeFile(join(local, 'notes'), 'notes 1.0.0\n')
    const response = await fetch(`${it.publisher.feed}/stable.samebits.json`)
    const bundle = new Uint8Array(await response.arrayBuffer())
    const before = it.publisher.server.requests.length
    expect(await it.run({ trust: offlineTrust, online: false, bundle, localFiles: local })).toBe('installed')
    expect(it.publisher.server.requests.length).toBe(before)
  })

  test('asks the feeds that the application names', async () => {
    await using it = await house()
    expect(await it.run({ anchor: null, feeds: [it.publisher.feed] })).toBe('installed')
  })

  test('sends the headers of the application to the feeds alone', async () => {
    await using it = await house()
    await it.run({ feedHeaders: { authorization: 'Bearer secret' }, feeds: [it.publisher.feed] })
    const seen = it.publisher.server.requests.map(({ path, headers }) => [path.split('/')[1], headers['authorization']])
    expect(seen.filter(([room, header]) => (room === 'feed') !== (header === 'Bearer secret'))).toEqual([])
  })

  test('tells its status', async () => {
    await using it = await house()
    await it.run()
    const status = await (await it.updater({ clock: () => it.publisher.now + 3 * day })).status()
    expect(status).toMatchObject({
      kind: 'status',
      treeSize: 3,
      daysSinceLog: 3,
      installed: { version: '1.0.0' },
      staged: null,
    })
  })

  test('reads a long history in parts, and keeps what was read when the time is spent', async () => {
    await using it = await house()
    await it.run()
    for (let at = 0; at < 3000; at++) it.publisher.entries.push(new Uint8Array([at >> 8, at & 255]))
    await it.publisher.release('1.1.0')
    let ticks = 0
    const stopwatch = () => ++ticks * 70_000
    expect(await it.run({ stopwatch })).toBe('undecided HISTORY_INCOMPLETE')
    const status = await (await it.updater()).status()
    expect(status).toMatchObject({ read: { to: expect.any(Number) } })
    expect(status.kind === 'status' ? status.read.to : 0).toBeGreaterThan(3)
    expect(await it.run()).toBe('installed')
  })
})

describe('refusals', () => {
  const cases: readonly [
    what: string,
    code: string,
    arrange: (it: House) => Promise<Partial<UpdaterOptions> | undefined>,
  ][] = [
    [
      'altered bytes',
      'DIGEST_MISMATCH',
      async ({ publisher }) => {
        const next = await publisher.release('1.1.0')
        publisher.put(`feed/${next.id}/notes`, Buffer.from('Notes 1.1.0\n'))
        return undefined
      },
    ],
    [
      'bytes past the signed length',
      'SIZE_EXCEEDED',
      async ({ publisher }) => {
        const next = await publisher.release('1.1.0')
        publisher.put(`feed/${next.id}/notes`, Buffer.from('notes 1.1.0\nand more'))
        return undefined
      },
    ],
    [
      'an artifact that the feed does not have',
      'undecided TRANSPORT',
      async ({ publisher }) => {
        const next = await publisher.release('1.1.0')
        publisher.hostile = ({ url }, response) =>
          url?.endsWith(`${next.id}/notes`) === true && void response.writeHead(404).end() === undefined
        return undefined
      },
    ],
    [
      'a revoked release',
      'REVOKED',
      async ({ publisher }) => {
        const next = await publisher.release('1.1.0')
        publisher.revoke(next.id)
        publisher.publish()
        return undefined
      },
    ],
    [
      'one rebuild short',
      'REBUILD_QUORUM',
      async ({ publisher }) => {
        await publisher.release('1.1.0', { votes: 1 })
        return undefined
      },
    ],
    ['a clock set back', 'undecided CLOCK', async ({ publisher }) => ({ clock: () => publisher.now - 3600 })],
    ['a clock far ahead', 'STALE', async ({ publisher }) => ({ clock: () => publisher.now + 60 * day })],
    [
      'a log that does not answer',
      'undecided TRANSPORT',
      async ({ publisher }) => {
        await publisher.release('1.1.0')
        publisher.hostile = (_, response) => void response.writeHead(503).end() === undefined
        return undefined
      },
    ],
    [
      'a captive portal',
      'undecided TRANSPORT',
      async ({ publisher }) => {
        await publisher.release('1.1.0')
        publisher.hostile = (_, response) =>
          void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>') === undefined
        return undefined
      },
    ],
    [
      'entry bundles withheld',
      'undecided HISTORY_INCOMPLETE',
      async ({ publisher }) => {
        await publisher.release('1.1.0')
        publisher.hostile = ({ url }, response) =>
          url?.startsWith('/log/tile/entries/') === true && void response.writeHead(404).end() === undefined
        return undefined
      },
    ],
    [
      'a feed that offers an older release',
      'DOWNGRADE',
      async ({ publisher, run }) => {
        const old = await (await fetch(`${publisher.feed}/stable.samebits.json`)).arrayBuffer()
        await publisher.release('1.1.0')
        await run()
        publisher.put('feed/stable.samebits.json', new Uint8Array(old))
        return undefined
      },
    ],
    [
      'another channel',
      'WRONG_CHANNEL',
      async ({ publisher }) => {
        const next = await publisher.release('1.1.0')
        publisher.put('feed/beta.samebits.json', await publisher.bundle(next))
        return { channel: 'beta' }
      },
    ],
    [
      'a trust file of another product',
      'STATE_INVALID',
      async ({ publisher }) => ({ trust: publisher.trust({ product: 'example.com/other' }) }),
    ],
    ['a damaged trust file', 'TRUST_INVALID', async () => ({ trust: new Uint8Array([123]) })],
    [
      'a state that was deleted',
      'STATE_INVALID',
      async ({ folder }) => {
        await rm(join(folder, '.samebits', 'state'), { recursive: true })
        return undefined
      },
    ],
    [
      'a state that was edited',
      'STATE_INVALID',
      async ({ folder }) => {
        for (const name of ['state-0.json', 'state-1.json'])
          await writeFile(join(folder, '.samebits', 'state', name), 'x')
        return undefined
      },
    ],
    [
      'a link in place of the artifact',
      'PATH_REFUSED',
      async ({ publisher, folder }) => {
        await publisher.release('1.1.0')
        await rm(join(folder, 'notes'))
        await symlink('/etc/hostname', join(folder, 'notes'))
        return undefined
      },
    ],
    [
      'a version that does not run',
      'INSTALL_FAILED',
      async ({ publisher }) => {
        await publisher.release('1.1.0')
        return { healthCheck: { command: ['false'], timeoutMs: 5000 } }
      },
    ],
  ]
  test.each(cases)('%s: %s', async (_, code, arrange) => {
    await using it = await house()
    expect(await it.run()).toBe('installed')
    const more = await arrange(it)
    const before = await it.record()
    const bytes = await it.installed()
    expect(await it.run(more)).toBe(code)
    expect(await it.record()).toBe(before)
    expect(await it.installed()).toBe(bytes)
  })

  test('a release that did not run is held and not tried again, the next one is', async () => {
    await using it = await house()
    await it.run()
    await it.publisher.release('1.1.0')
    expect(await it.run({ healthCheck: { command: ['false'], timeoutMs: 5000 } })).toBe('INSTALL_FAILED')
    expect(await it.run()).toBe('current')
    await it.publisher.release('1.2.0')
    expect(await it.run()).toBe('installed')
  })

  test('an installed release that was revoked is said', async () => {
    await using it = await house()
    await it.run()
    const id = JSON.parse((await it.record()) ?? '').id
    it.publisher.revoke(id)
    it.publisher.publish()
    expect(await it.run()).toBe('revoked')
  })
})

describe('a fork', () => {
  test('is evidence in a file, and the log stays convicted', async () => {
    await using it = await house()
    await it.run()
    const forked = [...it.publisher.entries]
    forked[1] = new Uint8Array([1, 2, 3])
    const { text } = it.publisher.signTree(forked)
    it.publisher.hostile = ({ url }, response) => url === '/log/checkpoint' && void response.end(text) === undefined
    const found = await (await it.updater()).check()
    expect(found).toMatchObject({
      kind: 'stopped',
      refusal: { code: 'FORK' },
      evidencePath: expect.stringContaining('evidence-'),
    })
    if (found.kind !== 'stopped' || found.evidencePath === null) throw new Error('no evidence')
    const evidence = parseEvidence(new Uint8Array(await readFile(found.evidencePath)))
    const trust = parseTrust(nodeCrypto, it.publisher.trust())
    expect(checkEvidence({ crypto: nodeCrypto, evidence, trust })).toMatchObject({ verdict: 'convicts' })
    it.publisher.hostile = null
    expect(await it.run()).toBe('FORK')
    expect(await readdir(join(it.folder, '.samebits', 'state', 'evidence'))).toHaveLength(1)
  })
})

describe('two updaters on one state', () => {
  test('one wins, none corrupts, the loser is undecided', async () => {
    await using it = await house()
    await it.run()
    await it.publisher.release('1.1.0')
    const outcomes = (await Promise.all([it.run(), it.run(), it.run()])).sort()
    expect(outcomes.filter((outcome) => !['installed', 'current', 'undecided STATE_BUSY'].includes(outcome))).toEqual(
      [],
    )
    expect(await it.run()).toMatch(/^(?:installed|current)$/)
    expect(await it.installed()).toBe('notes 1.1.0\n')
  })
})

test('an abort ends a check with its own reason', async () => {
  await using it = await house()
  const reason = new Error('enough')
  const controller = new AbortController()
  it.publisher.hostile = () => {
    controller.abort(reason)
    return true
  }
  const updater = await it.updater()
  await expect(updater.check({ signal: controller.signal })).rejects.toBe(reason)
  expect(await stat(join(it.folder, 'notes')).catch(() => null)).toBeNull()
})

describe('a repair', () => {
  test('installs again what is installed, and is no way back', async () => {
    await using it = await house()
    await it.run()
    const feed = '/feed/stable.samebits.json'
    const old = await it.publisher.bundle({ ...(await it.publisher.release('1.1.0')) })
    await it.run()
    await writeFile(join(it.folder, 'notes'), 'notes 1.0.0\n')
    expect(await it.run()).toBe('current')
    expect(await it.run({ repair: true })).toBe('installed')
    expect(await it.installed()).toBe('notes 1.1.0\n')
    await it.publisher.release('1.2.0')
    await it.run()
    it.publisher.put(feed.slice(1), old)
    expect(await it.run({ repair: true })).toBe('DOWNGRADE')
    expect(await it.installed()).toBe('notes 1.2.0\n')
  })
})

describe('an application that installs by itself', () => {
  const own = async (it: House) => await it.updater({ installDir: null, stateDir: join(it.folder, 'state') })
  const staged = async (it: House) => {
    const updater = await own(it)
    await updater.check()
    const fetched = await updater.download()
    if (fetched.kind !== 'downloaded') throw new Error(fetched.kind)
    return { updater, path: join(fetched.directory, (await readdir(fetched.directory))[0] ?? '') }
  }

  test('is handed open files with the bytes that were hashed, and tells when it is done', async () => {
    await using it = await house()
    const { updater, path } = await staged(it)
    const given = await updater.handOver()
    if (given.kind !== 'handed-over') throw new Error(given.kind)
    await rm(path)
    await writeFile(path, 'another file')
    expect(await given.files[0].handle.readFile('utf8')).toBe('notes 1.0.0\n')
    await given.files[0].assertUnchanged()
    await given.done()
    await given[Symbol.asyncDispose]()
    expect(await updater.handOver()).toMatchObject({ kind: 'nothing-staged' })
    expect(await updater.status()).toMatchObject({ staged: null })
  })

  test('is not handed a file that was altered, and is told of one that is altered later', async () => {
    await using it = await house()
    const { updater, path } = await staged(it)
    const given = await updater.handOver()
    if (given.kind !== 'handed-over') throw new Error(given.kind)
    await using held = given
    await writeFile(path, 'evil')
    await expect(held.files[0].assertUnchanged()).rejects.toMatchObject({ code: 'INSTALL_FAILED' })
    expect(await updater.handOver()).toMatchObject({ kind: 'stopped', refusal: { code: 'DIGEST_MISMATCH' } })
  })

  test('is not handed what was revoked meanwhile', async () => {
    await using it = await house()
    const { updater } = await staged(it)
    const { id } = await it.publisher.release('1.1.0')
    it.publisher.revoke(id)
    const state = await updater.status()
    const release = state.kind === 'status' ? (state.staged?.id ?? '') : ''
    it.publisher.revoke(release)
    it.publisher.publish()
    await updater.check()
    expect(await updater.handOver()).toMatchObject({ kind: 'stopped', refusal: { code: 'REVOKED' } })
  })

  test('is not handed a file that is a link, nor anything where it has an install folder', async () => {
    await using it = await house()
    const { updater, path } = await staged(it)
    await rm(path)
    await symlink('/etc/hostname', path)
    expect(await updater.handOver()).toMatchObject({ kind: 'stopped', refusal: { code: 'PATH_REFUSED' } })
    await expect((await it.updater()).handOver()).rejects.toThrow('by the application alone')
  })
})
