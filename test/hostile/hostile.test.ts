/**
 * Clients that want to harm a log: thousands that say nothing, that speak one byte at a time, that never stop, and ten times more
 * load than it takes. Others must be served meanwhile, and its memory stays what its options say. `npm run test:hostile`; the short
 * forms are among the log server's own tests.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { TappedLog } from '../faults/tapped-log.ts'

const long = process.env['MODE'] === 'hostile'
const mib = 1 << 20

let log: TappedLog
let sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets = []
  await log?.remove()
})

/** Opens connections that live on; how many of them the server kept shows a moment later. */
async function open(count: number, first: string | null, opened: (socket: Socket) => void = () => undefined) {
  const port = Number(new URL(log.url).port)
  for (let at = 0; at < count; at += 250) {
    await Promise.all(
      Array.from(
        { length: Math.min(250, count - at) },
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve())
            socket.on('error', () => resolve()).on('close', () => resolve())
            if (first !== null) socket.write(first)
            opened(socket)
            sockets.push(socket)
          }),
      ),
    )
  }
  await sleep(500)
  return sockets.filter(({ destroyed }) => !destroyed).length
}

/** Milliseconds that entries take, one after the other. */
async function timeOf(name: string, entries: number): Promise<number> {
  const started = performance.now()
  for (let at = 0; at < entries; at++) expect(await log.add(`${name} ${at}`)).toBe(200)
  return performance.now() - started
}

/** Resident memory of the server, in MiB. */
function memory(): number {
  const status = readFileSync(`/proc/${log.server?.child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

describe.skipIf(!long || process.platform !== 'linux')('a log among hostile clients', { timeout: 300_000 }, () => {
  it.each<[string, number, string | null]>([
    ['ten thousand idle connections', 10_000, null],
    ['two thousand that send half of their headers', 2000, 'POST /add HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['two thousand that send half of a body', 2000, 'POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf'],
  ])('%s: others are served', async (name, count, first) => {
    log = await TappedLog.create(undefined, { connectionsPerAddress: 100_000 })
    await log.start()
    const alone = await timeOf('alone', 200)
    const before = memory()
    const held = await open(count, first)
    expect(held).toBeGreaterThan(count * 0.99)
    const among = await timeOf('among them', 200)
    console.log(
      `${name}: ${held} held, ${(memory() - before).toFixed(0)} MiB more; 200 entries took ${(among / alone).toFixed(2)} times as long`,
    )
    expect(memory() - before).toBeLessThan(400)
  })

  it('one address gets the connections that it may have, and others theirs', async () => {
    log = await TappedLog.create(undefined, { connectionsPerAddress: 500 })
    await log.start()
    await open(3000, null)
    const kept = () => sockets.filter(({ destroyed }) => !destroyed)
    await expect.poll(() => kept().length, { timeout: 60_000 }).toBe(500)
    for (const socket of kept().slice(0, 100)) socket.destroy()
    await expect.poll(() => log.add('after that').catch(() => 0), { timeout: 60_000 }).toBe(200)
  })

  it('bytes one at a time end when their time is over', async () => {
    log = await TappedLog.create(undefined, { headersTimeoutMs: 1000, requestTimeoutMs: 2000 })
    await log.start()
    const timers: NodeJS.Timeout[] = []
    const drip = (socket: Socket) => timers.push(setInterval(() => !socket.destroyed && socket.write('x'), 100))
    await open(500, 'POST /add HTTP/1.1\r\nHost: x\r\nX-Slow: ', drip)
    await open(500, 'POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n', drip)
    await timeOf('meanwhile', 50)
    await expect.poll(() => sockets.filter(({ destroyed }) => !destroyed).length, { timeout: 20_000 }).toBe(0)
    for (const timer of timers) clearInterval(timer)
  })

  it('ten times the load that it takes: 503 with Retry-After for what is too much, and memory as its options say', async () => {
    const limits = { maxPendingEntries: 20, maxPendingBytes: mib, headersTimeoutMs: 120_000, requestTimeoutMs: 300_000 }
    log = await TappedLog.create(undefined, limits)
    await log.start()
    await timeOf('before', 50)
    const before = memory()
    let highest = 0
    const watch = setInterval(() => {
      highest = Math.max(highest, memory())
    }, 20)
    const answers = new Map<number, number>()
    const body = 'x'.repeat(50_000)
    const client = async (name: number) => {
      for (let at = 0; at < 10; at++) {
        const response = await fetch(`${log.url}/add`, { method: 'POST', body: `${name} ${at} ${body}` })
        await response.arrayBuffer()
        answers.set(response.status, (answers.get(response.status) ?? 0) + 1)
        if (response.status === 503) expect(response.headers.get('retry-after')).toMatch(/^[1-9]/)
      }
    }
    try {
      await Promise.all(Array.from({ length: 1000 }, (_, name) => client(name)))
    } finally {
      clearInterval(watch)
    }
    console.log(`answers ${JSON.stringify([...answers])}, ${(highest - before).toFixed(0)} MiB more at most`)
    expect([...answers.keys()].sort()).toEqual([200, 503])
    expect(highest - before).toBeLessThan(250)
    expect(await log.add('afterwards')).toBe(200)
  })
})
