/** A copy of a log that is honest, goes back, forks, lies about its entries, or is cut off: over real HTTP. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatNote, memoryTileSource, parseEntriesPath, parseTilePath, SourceError } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listOf, TestLog } from '../testing.ts'
import { MirrorFolder, type TestMirror } from './testing.ts'

const log = new TestLog('followed.example/log')

/** What the log's address serves now. */
interface Shown {
  checkpoint: string
  size: number
  salt: string
  /** Serves something else in the place of this path. */
  lie: ((path: string) => Uint8Array | null) | null
  asked: string[]
}

let shown: Shown
let server: Server
let url: string
let folder: MirrorFolder
let copy: TestMirror | null
beforeEach(async () => {
  shown = { checkpoint: log.sign(0).text, size: 0, salt: '', lie: null, asked: [] }
  server = createServer(async (req, res) => {
    const path = (req.url ?? '').slice(1)
    shown.asked.push(path)
    try {
      const bytes = shown.lie?.(path) ?? (await read(path))
      res.end(bytes)
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      res.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  folder = new MirrorFolder()
  folder.list(listOf([log]))
  copy = null
})
afterEach(async () => {
  await copy?.stop()
  server.closeAllConnections()
  server.close()
  folder.remove()
})

function read(path: string): Uint8Array | Promise<Uint8Array> {
  if (path === 'checkpoint') return new TextEncoder().encode(shown.checkpoint)
  const { size, salt } = shown
  const source = memoryTileSource(
    nodeCrypto,
    Array.from({ length: size }, (_, at) => log.entry(at, salt)),
  )
  if (!path.startsWith('tile/entries/')) return source.tile(parseTilePath(path))
  const { index, width } = parseEntriesPath(path)
  return source.entries(index, width)
}

function show(size: number, salt = ''): void {
  Object.assign(shown, { checkpoint: log.sign(size, salt).text, size, salt })
}

function showText(checkpoint: string): void {
  shown.checkpoint = checkpoint
}

const start = async () => {
  copy = await folder.start({ follow: [url], pollMs: 20 }, [])
}

async function copiedSize(): Promise<number | null> {
  const response = await copy?.get(log, 'checkpoint')
  return response?.status === 200 ? Number((await response.text()).split('\n')[1]) : null
}

const waited = { timeout: 20_000 }
const complaints = () =>
  (copy?.lines ?? []).flatMap(({ level, fields }) =>
    level === 'info' ? [] : [(fields as { err?: { code?: string; name?: string } }).err?.code ?? ''],
  )

describe('a copy', () => {
  it('follows an honest log, tree after tree, and asks for nothing twice', async () => {
    await start()
    for (const size of [0, 1, 300, 300, 700]) {
      show(size)
      await expect.poll(copiedSize, waited).toBe(size)
    }
    expect(complaints()).toEqual([])
    const bundles = shown.asked.filter((path) => path.startsWith('tile/entries/000'))
    expect(bundles).toEqual([...new Set(bundles)])
  })

  it.each([
    ['goes back', () => show(200), 'LOG_WENT_BACK'],
    ['forks', () => show(500, 'another'), 'CHECKPOINT_REFUSED'],
    ['shows another tree of the same size', () => show(300, 'another'), 'CHECKPOINT_REFUSED'],
    ['is signed by somebody else', () => showText(new TestLog(log.origin).sign(400).text), 'CHECKPOINT_REFUSED'],
    ['is of another name', () => showText(new TestLog('other.example').sign(400).text), 'CHECKPOINT_REFUSED'],
    ['is no checkpoint', () => showText('<html>'), 'CHECKPOINT_UNUSABLE'],
  ])('of a log that %s stays what it was, and says so', async (_, turn, code) => {
    show(300)
    await start()
    await expect.poll(copiedSize, waited).toBe(300)
    turn()
    await expect.poll(complaints, waited).toContain(code)
    expect(await copiedSize()).toBe(300)
    show(700)
    await expect.poll(copiedSize, waited).toBe(700)
  })

  it.each([
    ['entries', /^tile\/entries\/001\.p\/44$/],
    ['tiles', /^tile\/0\/001\.p\/44$/],
  ])('takes no %s that the signed tree does not cover, and goes on once they are right', async (_, path) => {
    shown.lie = (asked) => (path.test(asked) ? new Uint8Array(44 * 32) : null)
    show(300)
    await start()
    await expect.poll(() => complaints().length, waited).toBeGreaterThan(1)
    expect(await copiedSize()).toBe(null)
    shown.lie = null
    await expect.poll(copiedSize, waited).toBe(300)
  })

  it('goes on where it was after a restart', async () => {
    show(600)
    await start()
    await expect.poll(copiedSize, waited).toBe(600)
    await copy?.stop()
    shown.asked = []
    show(900)
    await start()
    await expect.poll(copiedSize, waited).toBe(900)
    expect(shown.asked.filter((path) => /^tile\/entries\/00[01]/.test(path))).toEqual([])
  })
})

it('a mirror whose published copy is ahead of its state does not start: a restored backup', async () => {
  const mirror = await folder.start()
  await mirror.accept(log.body(0, 5))
  await mirror.stop()
  // What is published elsewhere is ahead: cosigned by this mirror's key at size 9.
  const [signer] = folder.signers
  const ahead = log.sign(9)
  const line = await signer?.sign({ checkpoint: ahead.checkpoint, body: ahead.note.text }, 1_800_000_001)
  const published = formatNote({
    text: ahead.note.text,
    signatures: [...ahead.note.signatures, ...(line ? [line] : [])],
  })
  shown.lie = () => new TextEncoder().encode(published)
  await expect(folder.start({ monitoringUrl: url })).rejects.toMatchObject({ code: 'WITNESS_BEHIND' })
})
