/** Mirrors and programs that others wrote in Go (`npm run test:peers`). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  formatNote,
  fromUtf8,
  httpTileSource,
  openCheckpoint,
  parseAddCheckpointResponse,
  parseSignedCheckpoint,
  parseVkey,
  toHex,
  utf8,
  verifyCheckpoint,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogFolder, type LogFolder, type LogProcess, startLog } from '../support/log-process.ts'
import { newMirror } from '../support/witness-process.ts'
import { buildMirrorClient, missing, runBuilt, runToEnd } from './go-programs.ts'

const why = await missing()
const origin = 'example.com/mirrored'

describe.skipIf(why !== null)('our mirror', { timeout: 900_000 }, () => {
  let folder: string
  let logFolder: LogFolder
  let log: LogProcess
  let vkey = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'samebits-peers-'))
    logFolder = await createLogFolder(origin)
    log = await startLog(logFolder, ['--mode', 'raw', '--log-level', 'error'])
    vkey = logFolder.vkeys.find((text) => parseVkey(nodeCrypto, text).type === 1) ?? ''
  })
  afterAll(async () => {
    await log.kill('SIGKILL')
    await logFolder.remove()
    await rm(folder, { recursive: true, force: true })
  })

  async function grow(by: number): Promise<void> {
    const add = (leaf: string) => fetch(`${log.url}/add`, { method: 'POST', body: leaf })
    const answers = await Promise.all(Array.from({ length: by }, () => add(`entry ${crypto.randomUUID()}`)))
    expect(answers.map(({ status }) => status)).toEqual(new Array(by).fill(200))
  }

  const copyOf = (url: string) => `${url}/${toHex(nodeCrypto.sha256(utf8(origin)))}/`
  const sizeOf = async (prefix: string) => (await (await fetch(`${prefix}checkpoint`)).text()).split('\n')[1]

  async function demandFsck(prefix: string): Promise<void> {
    const key = join(folder, 'log.pub')
    await writeFile(key, vkey)
    await runToEnd('fsck', [`--storage_url=${prefix}`, `--public_key=${key}`, '--ui=false', '--N=2'])
  }

  it('that follows a log serves a copy that passes Tessera’s fsck', async () => {
    await grow(700)
    const mirror = await newMirror('mirror.example/follows', [vkey], ['--follow', `${log.url}/`, '--poll-seconds', '1'])
    try {
      await expect.poll(() => sizeOf(copyOf(mirror.url)), { timeout: 60_000 }).toBe('700')
      await demandFsck(copyOf(mirror.url))
    } finally {
      await mirror.remove()
    }
  })

  it('is the target of Tessera’s client', async ({ skip }) => {
    const client = await buildMirrorClient(folder)
    if (client === null) return skip('TESSERA names no checkout with the client: the last release has none')
    const mirror = await newMirror('mirror.example/ours', [vkey])
    try {
      for (const by of [0, 1, 600, 0]) {
        await grow(by)
        const body = await runBuilt(client, [`${log.url}/`, `${mirror.url}/`])
        const source = httpTileSource({ prefix: copyOf(mirror.url), fetch, allowHttpLoopback: true })
        const text = fromUtf8(await source.checkpoint())
        const opened = openCheckpoint(nodeCrypto, text, [parseVkey(nodeCrypto, vkey)], origin)
        const note = { text: opened.note.text, signatures: parseAddCheckpointResponse(body) }
        const keys = mirror.vkeys.map((line) => parseVkey(nodeCrypto, line))
        expect(verifyCheckpoint(nodeCrypto, parseSignedCheckpoint(formatNote(note)), keys)).toHaveLength(2)
        expect(await sizeOf(`${log.url}/`)).toBe(String(opened.checkpoint.size))
        await demandFsck(copyOf(mirror.url))
      }
    } finally {
      await mirror.remove()
    }
  })
})
