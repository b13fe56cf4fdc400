import { mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareRun, type State } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { acquireLock } from '@samebits/host'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { me, temporaryFolder } from '../test-support/folders.ts'
import { createPublisher, type Publisher, product } from '../test-support/publisher.ts'
import { createStateKeeper } from './state-keeper.ts'
import { createStateStore, readState, type StateStore } from './state-store.ts'

let publisher: Publisher
let first: State
beforeAll(async () => {
  publisher = await createPublisher()
  const want = {
    channel: 'stable',
    platform: 'linux-x64',
    artifact: null,
    mediaType: null,
    online: true,
    acceptStale: null,
    maxAge: null,
    downgradeTo: null,
  }
  const input = {
    crypto: nodeCrypto,
    now: 1,
    want: { action: 'update' as const, ...want },
    installed: null,
    trust: publisher.trust(),
    anchor: null,
    state: null,
  }
  const prepared = prepareRun(input)
  if (prepared.kind !== 'ready') throw new Error(prepared.refusal.detail)
  first = prepared.state
})
afterAll(() => publisher[Symbol.asyncDispose]())

async function place(lockTimeoutMs = 100) {
  const temporary = await temporaryFolder()
  const directory = join(temporary.path, 'state')
  const store = createStateStore({ directory, hasher: nodeCrypto, identity: me, lockTimeoutMs })
  return { directory, store, [Symbol.asyncDispose]: temporary[Symbol.asyncDispose] }
}
const about = { product, hasInstallRecord: false }
const at = (time: number): State => ({ ...first, time })
async function timeIn(store: StateStore): Promise<number | string | undefined> {
  const opened = await store.load(about)
  return opened.kind === 'opened' ? opened.state?.time : (opened.refusal.code ?? '')
}

describe('a state', () => {
  test('is none at first contact', async () => {
    await using it = await place()
    expect(await it.store.load(about)).toMatchObject({ kind: 'opened', state: null })
  })

  test('is the one that was stored last, whatever came before', async () => {
    await using it = await place()
    for (let generation = 0; generation < 5; generation++) await it.store.save(at(generation + 1), generation)
    expect(await timeIn(it.store)).toBe(5)
    expect((await readdir(it.directory)).sort()).toEqual(['lock', 'state-0.json', 'state-1.json'])
  })

  test('is private', async () => {
    await using it = await place()
    await it.store.save(first, 0)
    expect((await stat(it.directory)).mode & 0o777).toBe(0o700)
    expect((await stat(join(it.directory, 'state-1.json'))).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['torn', (path: string) => truncate(path, 100)],
    ['emptied', (path: string) => truncate(path, 0)],
    ['edited', async (path: string) => writeFile(path, (await readFile(path, 'utf8')).replace('"time":2', '"time":9'))],
    [
      'overwritten with the other one',
      async (path: string) => writeFile(path, await readFile(path.replace('-0', '-1'))),
    ],
  ])('whose newer file is %s is the older one, and the next write repairs it', async (_, damage) => {
    await using it = await place()
    await it.store.save(at(1), 0)
    await it.store.save(at(2), 1)
    await damage(join(it.directory, 'state-0.json'))
    expect(await timeIn(it.store)).toBe(1)
    await it.store.save(at(3), 1)
    expect(await timeIn(it.store)).toBe(3)
    const opened = await it.store.load(about)
    expect(opened.kind === 'opened' ? opened.notices : null).toEqual([])
  })

  test.each(['', 'x', '{}', `${'0'.repeat(64)}\n{}`])('whose files are both %j is STATE_INVALID', async (text) => {
    await using it = await place()
    await mkdir(it.directory)
    for (const name of ['state-0.json', 'state-1.json']) await writeFile(join(it.directory, name), text)
    expect(await timeIn(it.store)).toBe('STATE_INVALID')
    await it.store.reset()
    expect(await it.store.load(about)).toMatchObject({ kind: 'opened', state: null })
  })

  test('that is missing although something is installed is STATE_INVALID', async () => {
    await using it = await place()
    expect(await it.store.load({ product, hasInstallRecord: true })).toMatchObject({
      kind: 'stopped',
      refusal: { code: 'STATE_INVALID' },
    })
  })

  test('of another product is STATE_INVALID', async () => {
    await using it = await place()
    await it.store.save(first, 0)
    expect(await it.store.load({ ...about, product: 'example.com/other' })).toMatchObject({
      kind: 'stopped',
      refusal: { code: 'STATE_INVALID' },
    })
    expect((await readState(it.directory, nodeCrypto))?.product).toBe(product)
  })

  test('that is a link, or lies behind one, is refused', async () => {
    await using it = await place()
    await mkdir(it.directory)
    await symlink('/etc/hostname', join(it.directory, 'state-0.json'))
    await expect(it.store.load(about)).rejects.toMatchObject({ code: 'STATE_INVALID' })
    await symlink(it.directory, `${it.directory}-link`)
    const linked = createStateStore({ directory: `${it.directory}-link`, hasher: nodeCrypto, identity: me })
    await expect(linked.save(first, 0)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  })
})

describe('a state that does not fit', () => {
  const releases = (count: number): State['known']['releases'] =>
    Array.from({ length: count }, (_, at) => ({
      ...{ id: at.toString(16).padStart(64, '0'), channel: 'stable', sequence: at + 1, version: `1.${at}.0` },
      ...{ previous: null, artifacts: [], entries: [{ index: at, member: publisherKey }], ripeAt: null },
    }))
  const publisherKey = 'a'.repeat(64)
  const knowing = (count: number): State => ({ ...first, known: { ...first.known, releases: releases(count) } })

  test('is STATE_FULL, says how much it is, and leaves what was stored', async () => {
    await using it = await place()
    await it.store.save(knowing(1000), 0)
    await expect(it.store.save(knowing(20_000), 1)).rejects.toMatchObject({
      code: 'STATE_FULL',
      detail: '20000 releases, 0 other statements, 0 votes are more than a state can hold',
    })
    const opened = await it.store.load(about)
    expect(opened).toMatchObject({ kind: 'opened', state: { generation: 1 } })
    const keeper = createStateKeeper(it.store, opened.kind === 'opened' ? opened.state : null)
    await expect(keeper.keep(knowing(20_000))).rejects.toMatchObject({ code: 'STATE_FULL' })
    await keeper.keep(knowing(1001))
    expect(await it.store.load(about)).toMatchObject({ state: { generation: 2 } })
  })

  test('is not STATE_FULL where it cannot be stored for another reason', async () => {
    await using it = await place()
    await expect(it.store.save({ ...first, time: -1 }, 0)).rejects.toMatchObject({ code: 'STATE_INVALID' })
  })
})

describe('two writers', () => {
  test('from one generation: the first wins, the second is STATE_BUSY', async () => {
    await using it = await place()
    await it.store.save(at(1), 0)
    await it.store.save(at(2), 1)
    await expect(it.store.save(at(3), 1)).rejects.toMatchObject({
      code: 'STATE_BUSY',
      detail: expect.stringMatching(/generation 2/),
    })
    expect(await timeIn(it.store)).toBe(2)
  })

  test('at once: exactly one wins', async () => {
    await using it = await place(5_000)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, time) =>
        it.store.save(at(time + 1), 0).then(
          () => 'won',
          (error) => error.code,
        ),
      ),
    )
    expect(outcomes.toSorted()).toEqual([...Array(7).fill('STATE_BUSY'), 'won'])
  })

  test('one of which never ends: the other gives way', async () => {
    await using it = await place(60)
    await it.store.save(first, 0)
    const lock = acquireLock(join(it.directory, 'lock'))
    await expect(it.store.save(at(1), 1)).rejects.toMatchObject({
      code: 'STATE_BUSY',
      detail: expect.stringMatching(/another run is writing/),
    })
    lock?.release()
    await it.store.save(at(1), 1)
  })
})

test('a keeper stores what changed and nothing else', async () => {
  await using it = await place()
  const keeper = createStateKeeper(it.store, null)
  await keeper.keep(at(1))
  await keeper.keep({ ...at(1) })
  await keeper.keep(at(2))
  const opened = await it.store.load(about)
  expect(opened.kind === 'opened' ? opened.state?.generation : 0).toBe(2)
})
