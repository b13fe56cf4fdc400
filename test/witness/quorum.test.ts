/** A log and three witnesses, all of them processes, over real HTTP. */
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { evaluateQuorum, type Policy, parsePolicy, parseSignedCheckpoint } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogFolder, type LogFolder, type LogProcess, runFsck, startLog } from '../support/log-process.ts'
import { newWitness, type WitnessProcess } from '../support/witness-process.ts'

let folder: LogFolder
let log: LogProcess
let witnesses: WitnessProcess[]
let policy: Policy
let flags: string[]

beforeAll(async () => {
  folder = await createLogFolder('example.com/witnessed')
  const names = ['witness.example/w1', 'witness.example/w2', 'witness.example/w3']
  witnesses = await Promise.all(names.map((name) => newWitness(name, folder.vkeys)))
  // One by its Ed25519 key (0x04), two by their ML-DSA-44 keys (0x06).
  const lines = witnesses.map(({ vkeys, url }, at) => `witness w${at + 1} ${vkeys[at === 0 ? 0 : 1]} ${url}\n`)
  const text = `log ${folder.vkeys[1]}\n${lines.join('')}group two 2 w1 w2 w3\nquorum two\n`
  policy = parsePolicy(nodeCrypto, text)
  const path = join(folder.path, 'policy')
  await writeFile(path, text)
  flags = ['--mode', 'raw', '--log-level', 'error', '--policy', path]
  flags.push('--witness-timeout-ms', '1500', '--witness-min-interval-ms', '50')
  log = await startLog(folder, flags)
}, 120_000)
afterAll(async () => {
  await log?.kill('SIGKILL')
  await Promise.all((witnesses ?? []).map((witness) => witness.remove()))
  await folder?.remove()
}, 60_000)

const add = (text: string) => fetch(`${log.url}/add`, { method: 'POST', body: text })
const added = async (text: string) => {
  const response = await add(text)
  return response.status === 200 ? Number(await response.text()) : response.status
}
const checkpoint = async () => (await fetch(`${log.url}/checkpoint`)).text()
const cosigners = async () => {
  const { satisfied, cosigners } = evaluateQuorum(nodeCrypto, policy, parseSignedCheckpoint(await checkpoint()))
  return { satisfied, names: cosigners.map(({ witness }) => witness.name) }
}
const metric = async (name: string) => {
  const text = await (await fetch(`${log.url}/metrics`)).text()
  const line = text.split('\n').find((line) => line.startsWith(name) && line[name.length] === ' ')
  return line === undefined ? null : Number(line.split(' ')[1])
}
/** Why the log does not write. */
const reason = async () => JSON.stringify(await (await fetch(`${log.url}/readyz`)).json())
/** Posts again until the log has taken it. */
async function addPatiently(text: string): Promise<number> {
  for (;;) {
    const response = await add(text)
    const body = await response.text()
    if (response.status === 200) return Number(body)
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    await sleep(250)
  }
}
const [first, second, third] = [0, 1, 2].map((at) => () => witnesses[at] as WitnessProcess) as [
  () => WitnessProcess,
  () => WitnessProcess,
  () => WitnessProcess,
]

describe('two of three witnesses', () => {
  test('cosign every checkpoint that is published, and the third one is added to it', async () => {
    expect(await added('one')).toBe(0)
    expect((await cosigners()).satisfied).toBe(true)
    await expect.poll(cosigners, { timeout: 10_000 }).toEqual({ satisfied: true, names: ['w1', 'w2', 'w3'] })
    expect(parseSignedCheckpoint(await checkpoint()).checkpoint.size).toBe(1)
  })

  test('suffice while one is down; restarted with its state, it cosigns again', async () => {
    await third().kill('SIGKILL')
    expect(await added('two')).toBe(1)
    expect(await cosigners()).toEqual({ satisfied: true, names: ['w1', 'w2'] })
    expect(await metric('samebits_log_witness_failures_total{witness="w3",kind="unreachable"}')).toBeGreaterThan(0)
    await third().start()
    await sleep(1100)
    expect(await added('three')).toBe(2)
    await expect.poll(cosigners, { timeout: 10_000 }).toEqual({ satisfied: true, names: ['w1', 'w2', 'w3'] })
  })

  test('suffice while one does not answer, and nobody waits for it', async () => {
    second().pause()
    try {
      const started = performance.now()
      expect(await added('four')).toBe(3)
      expect(await added('five')).toBe(4)
      expect(performance.now() - started).toBeLessThan(1500)
      expect(await cosigners()).toEqual({ satisfied: true, names: ['w1', 'w3'] })
      const timeouts = () => metric('samebits_log_witness_failures_total{witness="w2",kind="timeout"}')
      await expect.poll(timeouts, { timeout: 10_000 }).toBeGreaterThan(0)
    } finally {
      second().resume()
    }
  })

  test('are not there: nothing is acknowledged; once they are back, nothing is lost', async () => {
    const before = await checkpoint()
    await first().kill('SIGKILL')
    await second().kill('SIGKILL')
    const refused = await add('six')
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await checkpoint()).toBe(before)
    expect((await add('seven')).status).toBe(503)
    expect(await metric('samebits_log_witness_quorum_failures_total')).toBeGreaterThan(0)
    await first().start()
    await second().start()
    const places = [await addPatiently('six'), await addPatiently('seven')]
    expect(new Set(places)).toEqual(new Set([5, 6]))
    expect((await cosigners()).satisfied).toBe(true)
  }, 90_000)

  test('are asked again about a quiet tree', async () => {
    await log.kill('SIGTERM')
    log = await startLog(folder, [...flags, '--resign-seconds', '1'])
    const q = async () => evaluateQuorum(nodeCrypto, policy, parseSignedCheckpoint(await checkpoint())).q ?? 0
    const before = await q()
    await expect.poll(q, { timeout: 15_000 }).toBeGreaterThan(before + 1)
    expect(parseSignedCheckpoint(await checkpoint()).checkpoint.size).toBe(7)
  })

  test('do not see a log that is killed between signing and publishing go back', async () => {
    for (const witness of witnesses) witness.pause()
    const unanswered = add('eight').catch(() => null)
    await sleep(500)
    await log.kill('SIGKILL')
    expect(await unanswered).toBeNull()
    for (const witness of witnesses) witness.resume()
    log = await startLog(folder, flags)
    expect(await addPatiently('eight')).toBe(7)
    await log.kill('SIGTERM')
    expect((await runFsck(folder)).entries).toBe(8)
    log = await startLog(folder, flags)
  }, 60_000)

  test('must be heard before a log signs anything: until then it serves reads', async () => {
    await log.kill('SIGTERM')
    await first().kill()
    await third().kill()
    log = await startLog(folder, flags)
    expect(await reason()).toContain('PLACE_UNREACHABLE')
    expect((await add('nine')).status).toBe(503)
    expect((await cosigners()).satisfied).toBe(true)
    await first().start()
    await third().start()
    expect(await addPatiently('nine')).toBe(8)
  }, 60_000)

  test('notice that the log was restored from a backup, marker and all: it serves, and signs nothing', async () => {
    await log.kill('SIGTERM')
    const [data, backup] = [join(folder.path, 'data'), join(folder.path, 'backup')]
    await cp(data, backup, { recursive: true })
    log = await startLog(folder, flags)
    expect(await addPatiently('ten')).toBe(9)
    await log.kill('SIGTERM')
    await rm(data, { recursive: true })
    await cp(backup, data, { recursive: true })
    log = await startLog(folder, flags)
    expect(await reason()).toContain('STORAGE_BEHIND')
    expect((await add('another ten')).status).toBe(503)
    expect(parseSignedCheckpoint(await checkpoint()).checkpoint.size).toBe(9)
    await log.kill('SIGTERM')
    // One checkpoint under the log's own signature is proof, however few answer.
    await first().kill()
    await third().kill()
    log = await startLog(folder, flags)
    expect(await reason()).toContain('STORAGE_BEHIND')
  }, 60_000)
})
