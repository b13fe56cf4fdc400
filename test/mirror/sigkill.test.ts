/**
 * SIGKILL at random moments while clients upload: what a mirror has cosigned, it serves after every restart, whole. `npm test` kills
 * twice, `npm run test:crash-mirror` (vitest's mode `crash`) one hundred.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpTileSource, openCheckpoint, parseVkey, treeReader, verifyCheckpoint } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { expect, it } from 'vitest'
import { uploadBody } from '../../monitor/src/mirror/testing.ts'
import { TestLog } from '../../monitor/src/testing.ts'
import { newMirror, type WitnessProcess } from '../support/witness-process.ts'

const kills = process.env['MODE'] === 'crash' ? 100 : 2
const log = new TestLog('mirrored.example/log')
/** Leaves of one step: uploads end within bundles, on their edges, and past them. */
const steps = [100, 156, 1, 300, 512]

interface Progress {
  /** Sizes that were cosigned in answers. */
  cosigned: number[]
  done: boolean
}

async function post(url: string, body: string | Uint8Array<ArrayBuffer>): Promise<Response | null> {
  try {
    const headers = { 'content-type': 'application/octet-stream' }
    return await fetch(url, { method: 'POST', body, headers })
  } catch (error) {
    if (error instanceof TypeError) return null // fetch fails with TypeError when a connection breaks
    throw error
  }
}

/** Announces a larger tree, and uploads it, again and again; the mirror's answers say where to go on. */
async function keepUploading({ url }: WitnessProcess, progress: Progress): Promise<void> {
  let [accepted, next] = [0, 0]
  for (let step = 0; !progress.done; step++) {
    const size = accepted + (steps[step % steps.length] ?? 1)
    const announced = await post(`${url}/add-checkpoint`, log.body(accepted, size))
    if (announced?.status === 409) accepted = Number(await announced.text())
    else if (announced?.status === 200) {
      accepted = size
      next = await upload(url, next, size, progress)
    } else await sleep(20)
  }
}

/** Gives the next entry as far as it is known. */
async function upload(url: string, from: number, size: number, progress: Progress): Promise<number> {
  let start = from
  for (let attempt = 0; attempt < 20 && !progress.done; attempt++) {
    const answer = await post(`${url}/add-entries`, uploadBody(log, { start, end: size }))
    const text = await answer?.text().catch(() => null)
    if (answer?.status === 200 && text !== null) {
      progress.cosigned.push(size)
      return size
    }
    if (answer?.status !== 409 && answer?.status !== 202) await sleep(20)
    else start = Number(text?.split('\n')[1])
  }
  return start
}

/** What the mirror has said it has, read back from an entry on and hashed; gives the size. */
async function demandFrom(from: number, { url, vkeys }: WitnessProcess, atLeast: number): Promise<number> {
  if (atLeast === 0) return from
  const source = httpTileSource({ prefix: `${url}/${log.originHash}`, fetch, allowHttpLoopback: true })
  const keys = log.vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
  const opened = openCheckpoint(nodeCrypto, new TextDecoder().decode(await source.checkpoint()), keys, log.origin)
  const mine = vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
  assert.equal(verifyCheckpoint(nodeCrypto, opened, mine).length, 2)
  const { size, root } = opened.checkpoint
  assert.ok(size >= atLeast, `cosigned at ${atLeast}, and served is ${size}`)
  let read = from
  for await (const { index, entry } of treeReader({ hasher: nodeCrypto, source, size, root }).readEntries(from, size)) {
    assert.deepEqual(Buffer.from(entry), Buffer.from(log.entry(index)))
    read++
  }
  assert.equal(read, size)
  return size
}

it(`a mirror serves what it has cosigned, through ${kills} kills`, { timeout: 60_000 + kills * 15_000 }, async () => {
  const mirror = await newMirror('mirror.example/m1', log.vkeys)
  const progress: Progress = { cosigned: [], done: false }
  let checked = 0
  const uploading = keepUploading(mirror, progress)
  uploading.catch(() => undefined)
  try {
    for (let kill = 0; kill < kills; kill++) {
      const before = progress.cosigned.length
      while (kill % 5 !== 4 && progress.cosigned.length === before) await Promise.race([sleep(2), uploading])
      await Promise.race([sleep(Math.random() ** 2 * 200), uploading])
      await mirror.kill('SIGKILL')
      await sleep(20) // answers that came before the end are read
      const promised = progress.cosigned.at(-1) ?? 0
      await mirror.start()
      checked = await demandFrom(checked, mirror, promised)
    }
    progress.done = true
    await uploading
    const size = await demandFrom(0, mirror, progress.cosigned.at(-1) ?? 0)
    expect(progress.cosigned.length).toBeGreaterThanOrEqual(kills * 0.7)
    console.log(`${kills} kills: ${progress.cosigned.length} trees cosigned, ${size} entries kept`)
  } finally {
    progress.done = true
    await mirror.remove()
  }
})
