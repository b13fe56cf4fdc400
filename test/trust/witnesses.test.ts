/** Every witness is replaced by another one; clients from before get through, however they come. */
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { parseUpdateBundle } from '@samebits/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WitnessProcess } from '../support/witness-process.ts'
import { Estate, type OwnLog } from './kit.ts'

const lines = (checkpoint: string) => [...checkpoint.matchAll(/^— (witness\.example\/\S+) /gm)].map(([, name]) => name)

describe.skipIf(process.env['MODE'] !== 'trust')('other witnesses', () => {
  let estate: Estate
  let log: OwnLog
  let before: readonly WitnessProcess[] = []
  let [oldPolicy, newPolicy] = ['', '']
  const checkpoint = async () => (await fetch(`${log.url}/checkpoint`)).text()

  beforeAll(async () => {
    estate = await Estate.open()
    log = await estate.newLog('example.com/log')
    const made = (...names: readonly string[]) =>
      Promise.all(names.map((name) => estate.newWitness(`witness.example/${name}`, log)))
    before = await made('w1', 'w2', 'w3')
    const after = await made('w4', 'w5', 'w6')
    oldPolicy = await estate.policy('policy-1', log, before)
    newPolicy = await estate.policy('policy-2', log, after)
    const init = await estate.build(
      ...['init', '--product', 'example.com/notes', '--log', log.file, '--policy', oldPolicy],
      ...['--feed-url', `${estate.web.url}/`],
    )
    expect(init.status).toBe(0)
    await estate.serve(log, '--policy', oldPolicy)
    expect(await estate.publish('1.0.0')).toMatchObject({ status: 0, answer: { fed: true } })
    for (const client of ['follower', 'offline', 'late', 'stranded']) await estate.ship(client)
    for (const client of ['follower', 'stranded']) expect(await estate.update(client)).toMatchObject({ status: 0 })
  })
  afterAll(() => estate?.close())

  it('a log that is told of the new ones alone says who is left behind', async () => {
    await estate.serve(log, '--policy', newPolicy)
    expect(log.process?.stderr()).toMatch(/"products":\["example.com\/notes"\].*--retiring-policy/)
  })

  it('with both policies a head needs the quorum of each', async () => {
    await estate.serve(log, '--policy', newPolicy, '--retiring-policy', oldPolicy)
    await expect.poll(async () => lines(await checkpoint()).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(4)
    await Promise.all(before.slice(0, 2).map((witness) => witness.kill()))
    const waiting = await estate.publish('1.0.1', '--timeout', '6')
    expect(waiting.status).toBe(20)
    await Promise.all(before.slice(0, 2).map((witness) => witness.start()))
    expect(await estate.publish('1.0.1')).toMatchObject({ status: 0 })
  })

  it('the step is published under both, and kept', async () => {
    expect(await estate.build('trust', 'propose', '--policy', newPolicy)).toMatchObject({
      status: 0,
      answer: {
        changes: expect.arrayContaining([{ text: expect.stringContaining('witness.example/w4'), weakens: false }]),
      },
    })
    expect(await estate.step(2)).toMatchObject({ status: 0, answer: { kind: 'in-force', version: 2 } })
    const [view] = parseUpdateBundle(await readFile(estate.at('trust-steps/2.samebits.json'))).views
    const names = lines(view?.checkpoint ?? '')
    expect(names.filter((name) => /w[123]$/.test(name ?? '')).length).toBeGreaterThanOrEqual(2)
    expect(names.filter((name) => /w[456]$/.test(name ?? '')).length).toBeGreaterThanOrEqual(2)
  })

  it('from then on the old ones are not asked, and may go', async () => {
    await expect
      .poll(async () => lines(await checkpoint()).every((name) => /w[456]$/.test(name ?? '')), { timeout: 30_000 })
      .toBe(true)
    await Promise.all(before.map((witness) => witness.kill()))
    await estate.serve(log, '--policy', newPolicy)
    expect(log.process?.stderr()).not.toContain('retiring')
    expect(await estate.publish('1.1.0')).toMatchObject({ status: 0, answer: { fed: true } })
  })

  it('a client that was there follows, one that comes with the old file too', async () => {
    for (const client of ['follower', 'late']) {
      expect(await estate.update(client)).toMatchObject({ status: 0 })
      expect(await estate.installed(client)).toBe('1.1.0')
    }
  })

  it('a client that is never online follows by what the bundle carries', async () => {
    const verify = ['verify', 'dist/notes', '--trust', 'offline/trust.json']
    expect(await estate.client(...verify)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/witness\.example\/w[456]/),
    })
    const bundle = JSON.parse(await readFile(estate.at('dist/notes.samebits.json'), 'utf8')) as { views: object[] }
    expect(bundle.views).toHaveLength(2)
    await writeFile(estate.at('thin.samebits.json'), JSON.stringify({ ...bundle, views: bundle.views.slice(1) }))
    const refused = await estate.client(...verify, '--bundle', 'thin.samebits.json')
    expect(refused).toMatchObject({ status: 10, stderr: expect.stringContaining('WITNESS_QUORUM') })
  })

  it('where no log can show the step, a person imports the file by its digest', async () => {
    const load = ['trust', 'import', 'trust-2.json', 'stranded/app']
    const digest = createHash('sha256')
      .update(await readFile(estate.at('trust-2.json')))
      .digest('hex')
    const asked = await estate.client(...load)
    expect(asked).toMatchObject({
      status: 64,
      stdout: expect.stringContaining('witness.example/w4'),
      stderr: expect.stringContaining(digest),
    })
    expect(await estate.client(...load, '--digest', 'ab'.repeat(32))).toMatchObject({
      status: 10,
      stderr: expect.stringContaining('TRUST_INVALID'),
    })
    expect(await estate.client('state', 'show', 'stranded/app')).toMatchObject({
      stdout: expect.stringContaining('version 1'),
    })
    expect(await estate.client(...load, '--digest', digest)).toMatchObject({ status: 0 })
    expect(await estate.client(...load, '--digest', digest)).toMatchObject({
      status: 10,
      stderr: expect.stringContaining('not newer'),
    })
    const shown = await estate.client('state', 'show', 'stranded/app')
    expect(shown.stdout).toContain('version 2')
    expect(shown.stdout).toContain('shipped or imported')
    // Its own trust file is still the first one: the newer of the two rules, and no step is asked for.
    const { status } = await estate.update('stranded')
    expect({ status, installed: await estate.installed('stranded') }).toEqual({ status: 0, installed: '1.1.0' })
  })

  it('a publisher who comes with the new file alone takes the view from the log', async () => {
    await rm(estate.at('trust-steps'), { recursive: true })
    expect(await estate.build('staple')).toMatchObject({ status: 0 })
    expect(parseUpdateBundle(await readFile(estate.at('trust-steps/2.samebits.json'))).views).toHaveLength(1)
    const verify = ['verify', 'dist/notes', '--trust', 'offline/trust.json']
    expect(await estate.client(...verify)).toMatchObject({ status: 0 })
  })
})
