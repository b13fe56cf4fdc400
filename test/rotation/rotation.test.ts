/** A log with a product, witnesses and clients is rotated as its operator would: one command, again and again. */

import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { parseTrust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LogProcess, startLog } from '../support/log-process.ts'
import { Estate, type OwnLog } from '../trust/kit.ts'
import { type RotateAnswer, rotateLog } from './kit.ts'

const product = 'example.com/notes'
const next = 'example.org/log'

describe.skipIf(process.env['MODE'] !== 'rotation')('a log with clients is rotated', () => {
  let estate: Estate
  let old: OwnLog
  let successor: OwnLog
  let serving: LogProcess | null = null
  let policy = ''
  const serveFlags = () => ['--policy', policy, '--export-to', estate.at('export')]
  const rotated = (...flags: readonly string[]): Promise<RotateAnswer> =>
    rotateLog(old.folder, [...admission(), ...serveFlags(), ...flags])
  const admission = () => ['--mode', 'product', '--admission-file', estate.at('admission.json')]
  const begin = () => [
    ...['--url', old.url, '--to-origin', next, '--to-url', successor.url],
    ...['--to-keys-dir', join(successor.folder.path, 'new-keys'), '--to-data-dir', data()],
  ]
  const data = (...names: readonly string[]) => join(successor.folder.path, 'new-data', ...names)

  beforeAll(async () => {
    estate = await Estate.open()
    old = await estate.newLog('example.com/log')
    successor = await estate.newLog('example.org/unused') // its port and its folder are what is used
    const witnesses = await Promise.all(
      ['w1', 'w2', 'w3'].map((name) => estate.newWitness(`witness.example/${name}`, old)),
    )
    policy = await estate.policy('policy-1', old, witnesses)
    const init = ['init', '--product', product, '--log', old.file, '--policy', policy]
    expect((await estate.build(...init, '--feed-url', `${estate.web.url}/`)).status).toBe(0)
    await estate.serve(old, ...serveFlags())
    for (const version of ['1.0.0', '1.1.0']) {
      expect(await estate.publish(version)).toMatchObject({ status: 0, answer: { fed: true } })
      if (version === '1.0.0') for (const client of ['follower', 'late', 'later']) await estate.ship(client)
      if (version === '1.0.0') expect(await estate.update('follower')).toMatchObject({ status: 0 })
    }
  })
  afterAll(async () => {
    await serving?.kill('SIGKILL')
    await estate?.close()
  })

  it('keys, configuration and the empty successor are made, and it is to be served', async () => {
    expect(await rotated()).toMatchObject({ status: 64, stderr: expect.stringContaining('--to-origin') })
    const { status, done, waits } = await rotated(...begin())
    expect([status, done, waits?.step]).toEqual([20, ['keys', 'hand-out', 'init'], 'served'])
    expect(waits?.todo.join('\n')).toContain(data('serve.json'))
    expect(await rotated('--to-origin', 'example.net/log')).toMatchObject({ status: 64 })
    expect(JSON.parse(await readFile(data('serve.json'), 'utf8'))).toMatchObject({
      ...{ mode: 'product', admissionFile: data('admission.json'), policy: data('policy') },
    })
  })

  it('it serves with what was handed out, once its witnesses know it', async () => {
    const vkeys = (await readFile(data('hand-out/vkeys'), 'utf8')).trim().split('\n')
    for (const witness of estate.witnesses) await witness.learn(vkeys)
    serving = await startLog(
      { ...successor.folder, vkeys },
      ['--config', data('serve.json'), '--port', new URL(successor.url).port, '--log-level', 'warn'].concat([
        ...['--keys-dir', join(successor.folder.path, 'new-keys'), '--data-dir', data()],
        ...['--resign-seconds', '1', '--witness-min-interval-ms', '20'],
      ]),
    )
    await expect
      .poll(async () => (await rotated()).waits, { timeout: 60_000 })
      .toMatchObject({ step: 'moved', why: expect.stringContaining(product) })
  })

  it('nobody is left behind: it is not frozen while a product has not moved, however it is asked', async () => {
    const { status, waits } = await rotated('--confirm', old.folder.origin)
    expect([status, waits?.step]).toEqual([20, 'moved'])
    expect(await rotated('--confirm', next)).toMatchObject({ status: 64 })
  })

  it('the authority takes what was handed out, and the product moves', async () => {
    const proposed = await estate.build('trust', 'propose', '--policy', data('hand-out/example.com_notes.policy'))
    expect(proposed).toMatchObject({ status: 0, answer: { version: 2 } })
    expect(await rotated('--trust', estate.at('trust.json'))).toMatchObject({ status: 64 })
    expect((await rotated('--trust', estate.at('trust-2.json'))).waits?.step).toBe('moved')
    expect(await estate.step(2)).toMatchObject({ status: 0, answer: { step: { log: 'example.com/log' } } })
    expect((await rotated()).waits).toMatchObject({ step: 'frozen', todo: [expect.stringContaining('--confirm')] })
    // Without the word of a person, and beside a running server, nothing ends.
    expect((await rotated()).waits?.step).toBe('frozen')
    expect((await rotated('--confirm', old.folder.origin)).waits).toMatchObject({ step: 'frozen' })
    expect(await status(old.url)).not.toHaveProperty('frozen')
  })

  it('the old log ends, is served again, and says where to go', async () => {
    await old.process?.kill('SIGTERM')
    const { done, waits, stderr } = await rotated('--confirm', old.folder.origin)
    expect([done.includes('frozen'), waits?.step, stderr.includes('INTERNAL')]).toEqual([true, 'told', false])
    await estate.serve(old, ...serveFlags())
    expect(await rotated()).toMatchObject({ status: 0, waits: null })
    expect(await rotated()).toMatchObject({ status: 0, waits: null })
    expect(await status(old.url)).toMatchObject({
      state: 'frozen',
      frozen: { successor: { origin: next, url: successor.url } },
    })
    const refused = await fetch(`${old.url}/add`, { method: 'POST', body: 'late' })
    expect([refused.status, await refused.json()]).toEqual([
      410,
      expect.objectContaining({ code: 'log-frozen', successor: expect.objectContaining({ origin: next }) }),
    ])
  })

  it('clients that were away follow to the successor, and update there', async () => {
    const trust = parseTrust(nodeCrypto, await readFile(estate.at('trust.json')))
    expect(trust).toMatchObject({ version: 2, origin: next, replaces: { origin: 'example.com/log' } })
    await estate.ship('newcomer')
    expect(await estate.update('newcomer')).toMatchObject({ status: 0 })
    expect(await estate.installed('newcomer')).toBe('1.1.0')
    expect(await estate.publish('1.2.0')).toMatchObject({ status: 0, answer: { fed: true } })
    for (const client of ['follower', 'late', 'newcomer']) await getsThrough(client)
  })

  it('and from the files of the old log alone, whose last checkpoint gets old', async () => {
    await old.process?.kill('SIGTERM')
    const files = await serveFiles(estate.at('export'), Number(new URL(old.url).port))
    await getsThrough('later')
    await new Promise((resolve) => files.close(resolve))
  })

  async function getsThrough(client: string): Promise<void> {
    const { status: code, stderr } = await estate.update(client)
    expect({ client, code, said: code === 0 ? '' : stderr }).toEqual({ client, code: 0, said: '' })
    expect(await estate.installed(client)).toBe('1.2.0')
  }
})

async function status(url: string): Promise<object> {
  return (await (await fetch(`${url}/v1/status`)).json()) as object
}

/** Any web server. */
async function serveFiles(folder: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    readFile(join(folder, request.url ?? '')).then(
      (bytes) => response.writeHead(200).end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}
