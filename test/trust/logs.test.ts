/** Another log takes over: as planned, and with the keys of the one before lost. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { parseAnchor, parseTrust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Estate, type OwnLog } from './kit.ts'

const product = 'example.com/notes'
const names = (kind: string) => [`${kind}1`, `${kind}2`, `${kind}3`]

/** A product in a first log with three witnesses, two releases, clients of that time, and a second log with three others. */
async function twoLogs(): Promise<{ estate: Estate; old: OwnLog; next: OwnLog; oldPolicy: string; newPolicy: string }> {
  const estate = await Estate.open()
  const old = await estate.newLog('example.com/log')
  const next = await estate.newLog('example.org/log')
  const made = (kind: string, ...logs: readonly OwnLog[]) =>
    Promise.all(names(kind).map((name) => estate.newWitness(`witness.example/${name}`, ...logs)))
  const before = await made('w', old, next)
  const after = await made('v', next)
  const oldPolicy = await estate.policy('policy-1', old, before)
  const newPolicy = await estate.policy('policy-2', next, after)
  // The old witnesses under the new log's key: what keeps asking them there.
  await estate.policy('policy-between', next, before)
  const feed = ['--feed-url', `${estate.web.url}/`]
  const init = await estate.build('init', '--product', product, '--log', old.file, '--policy', oldPolicy, ...feed)
  expect(init.status).toBe(0)
  await estate.serve(old, '--policy', oldPolicy)
  for (const version of ['1.0.0', '1.1.0']) {
    expect(await estate.publish(version)).toMatchObject({ status: 0, answer: { fed: true } })
    if (version === '1.0.0') for (const client of ['follower', 'late', 'offline']) await estate.ship(client)
    if (version === '1.0.0') expect(await estate.update('follower')).toMatchObject({ status: 0 })
  }
  return { estate, old, next, oldPolicy, newPolicy }
}

/** What holds however the log was replaced: old clients get through, new ones begin in the new log, and it goes on. */
async function goesOn(estate: Estate, next: OwnLog, head: string): Promise<void> {
  const trust = parseTrust(nodeCrypto, await readFile(estate.at('trust.json')))
  expect(trust).toMatchObject({ version: 2, origin: next.folder.origin, replaces: { origin: 'example.com/log' } })
  expect(trust.heads.get('stable')).toMatchObject({ sequence: head === '1.1.0' ? 2 : 3 })
  const anchor = parseAnchor(await readFile(estate.at('example.com_notes.anchor.json')))
  expect(anchor.checkpoint.startsWith('example.org/log\n')).toBe(true)
  // The head of before is in the new log, and installs there for those who come new.
  await estate.ship('newcomer')
  expect(await estate.update('newcomer')).toMatchObject({ status: 0 })
  expect(await estate.installed('newcomer')).toBe(head)
  const published = await estate.publish('1.2.0')
  expect(published).toMatchObject({ status: 0, answer: { fed: true } })
  for (const client of ['follower', 'late', 'newcomer']) {
    const { status, stderr } = await estate.update(client)
    expect({ client, status, said: status === 0 ? '' : stderr }).toEqual({ client, status: 0, said: '' })
    expect(await estate.installed(client)).toBe('1.2.0')
  }
  expect(await estate.client('verify', 'dist/notes', '--trust', 'offline/trust.json')).toMatchObject({ status: 0 })
}

describe.skipIf(process.env['MODE'] !== 'trust')('another log, as planned', () => {
  let world: Awaited<ReturnType<typeof twoLogs>>
  beforeAll(async () => {
    world = await twoLogs()
  })
  afterAll(() => world?.estate.close())

  it('is proposed with the tree that it continues, and the heads that stay', async () => {
    const { estate, newPolicy } = world
    const { status, answer } = await estate.build('trust', 'propose', '--policy', newPolicy)
    expect(status).toBe(0)
    const texts = (answer['changes'] as { text: string }[]).map(({ text }) => text)
    expect(texts).toContainEqual('the log example.org/log takes the place of example.com/log, continuing it at size 2')
    expect(texts).toContainEqual(expect.stringMatching(/^stable has its head at sequence 2/))
  })

  it('a release after that tree would be lost: the step is refused, and proposed again', async () => {
    const { estate, newPolicy } = world
    const { status } = await estate.publish('1.1.1')
    expect(status).toBe(0)
    const refused = await estate.step(2)
    expect(refused).toMatchObject({
      status: 10,
      answer: { error: { code: 'TRUST_INVALID', detail: expect.stringContaining('1.1.1 was published after it') } },
    })
    // Nothing was logged. What is signed is not written over: it is taken away by hand, and proposed again.
    const again = ['trust', 'propose', '--policy', newPolicy]
    expect(await estate.build(...again)).toMatchObject({ status: 64, answer: { error: { code: 'USAGE' } } })
    for (const name of await readdir(estate.home)) if (name.endsWith('.entry.json')) await rm(estate.at(name))
    expect(await estate.build(...again)).toMatchObject({ status: 0 })
  })

  it('the last word is logged in the old one, which then falls silent', async () => {
    const { estate, old, next, newPolicy } = world
    const admission = { format: 1, mode: 'product', products: { [product]: 'trust-2.json' } }
    await writeFile(estate.at('admission-2.json'), JSON.stringify(admission))
    await estate.serve(next, '--policy', newPolicy, '--admission-file', estate.at('admission-2.json'))
    expect(await estate.step(2)).toMatchObject({ status: 0, answer: { step: { log: 'example.com/log' } } })
    // Frozen, but readable: online clients of before read its history to the end, and then leave it.
    await goesOn(estate, next, '1.1.1')
    await old.process?.kill('SIGKILL')
    expect(await estate.update('follower')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('nothing newer'),
    })
    expect(await estate.client('verify', 'dist/notes', '--trust', 'offline/trust.json')).toMatchObject({ status: 0 })
  })
})

describe.skipIf(process.env['MODE'] !== 'trust')('another log, the keys of the one before lost', () => {
  let world: Awaited<ReturnType<typeof twoLogs>>
  beforeAll(async () => {
    world = await twoLogs()
    await world.old.process?.kill('SIGKILL')
    await rm(world.old.folder.path, { recursive: true })
  })
  afterAll(() => world?.estate.close())

  it('is proposed from what was kept of it', async () => {
    const { estate, newPolicy } = world
    const propose = ['trust', 'propose', '--policy', newPolicy]
    expect(await estate.build(...propose, '--timeout', '1')).toMatchObject({ status: 20 })
    const wrong = await estate.build(...propose, '--replaces', 'trust.json')
    expect(wrong).toMatchObject({ status: 10, answer: { error: { code: 'REPLACES_INVALID' } } })
    const proposed = await estate.build(...propose, '--replaces', 'feed/stable.samebits.json')
    expect(proposed).toMatchObject({ status: 0, answer: { version: 2 } })
  })

  it('the old witnesses must stand behind it', async () => {
    const { estate, next, newPolicy } = world
    await estate.serve(next, '--policy', newPolicy)
    const alone = await estate.step(2, '--in-new-log', '--timeout', '4')
    expect(alone).toMatchObject({ status: 20, answer: { error: { code: 'WITNESS_QUORUM' } } })
    expect(parseTrust(nodeCrypto, await readFile(estate.at('trust.json'))).version).toBe(1)
  })

  it('with their word under its first tree it goes on', async () => {
    const { estate, next, newPolicy } = world
    await estate.serve(next, '--policy', newPolicy, '--retiring-policy', estate.at('policy-between'))
    expect(await estate.build('trust', 'publish', 'trust-2.json', '--in-new-log')).toMatchObject({
      status: 0,
      answer: { step: { log: 'example.org/log' } },
    })
    await goesOn(estate, next, '1.1.0')
  })
})
