/** `samebits-log serve --readers`: several processes on one port that behave as one, whatever connection a client gets. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createLogFolder, type LogFolder, type LogProcess, startLog } from './support/log-process.ts'

let folder: LogFolder
let log: LogProcess
beforeAll(async () => {
  folder = await createLogFolder()
})
afterAll(() => folder.remove())
afterEach(async () => void (await log.kill('SIGKILL')))

const serve = async (...flags: string[]) => {
  log = await startLog(folder, ['--mode', 'raw', '--log-level', 'error', '--readers', '2', ...flags])
}

interface Answer {
  readonly status: number
  readonly body: string
}

/** On a connection of its own, so that any of the processes may get it. */
function ask(path: string, options: { body?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false })
    const method = options.body === undefined ? 'GET' : 'POST'
    const asked = request(`${log.url}${path}`, { agent, method, headers: options.headers ?? {} }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      answer.on('error', reject).on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
    })
    asked.on('error', reject).end(options.body)
  })
}

async function metric(line: RegExp): Promise<number> {
  return Number(line.exec((await ask('/metrics')).body)?.[1] ?? Number.NaN)
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50)
}

function readerPids(): number[] {
  const pid = log.child.pid
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return children.filter((text) => text !== '').map(Number)
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe.skipIf(process.platform !== 'linux')('a log with readers', () => {
  it('is one log: what was acknowledged on one connection is published on every other', async () => {
    await serve()
    const indexes = new Set<number>()
    for (let round = 0; round < 4; round++)
      await Promise.all(
        Array.from({ length: 12 }, async (_, at) => {
          const { status, body } = await ask('/add', { body: `entry ${round} ${at}` })
          expect(status).toBe(200)
          indexes.add(Number(body))
          const size = Number((await ask('/checkpoint')).body.split('\n')[1])
          expect(size).toBeGreaterThan(Number(body))
          const tile = await ask(`/tile/0/000.p/${Number(body) + 1}`)
          expect(tile.status).toBe(200)
        }),
      )
    expect(indexes.size).toBe(48)
    expect((await ask('/tile/0/000.p/200')).status).toBe(404)
    expect((await ask('/tile/0/xyz')).status).toBe(400)
    expect((await ask('/healthz')).body).toBe('ok\n')
    await until(async () => (await metric(/^samebits_log_reader_answers_total\{reader="\d",by="writer"\} (\d+)$/m)) > 0)
  })

  it('counts what one address asks over all of its processes, whatever it claims to be', async () => {
    await serve('--requests-per-minute', '5')
    const statuses: number[] = []
    for (let at = 0; at < 16; at++)
      statuses.push((await ask('/v1/sizes', { headers: { 'x-forwarded-for': `192.0.2.${at}` } })).status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(5)
    expect(statuses.filter((status) => status === 429)).toHaveLength(11)
  })

  it('starts a reader that died again, and ends with all of them', async () => {
    await serve()
    const [victim = 0, other = 0] = readerPids()
    expect(lives(victim) && lives(other)).toBe(true)
    process.kill(victim, 'SIGKILL')
    await until(async () => (await metric(/^samebits_log_reader_restarts_total (\d+)$/m)) === 1)
    await until(async () => (await metric(/^samebits_log_readers (\d+)$/m)) === 2)
    expect((await ask('/add', { body: 'still here' })).status).toBe(200)
    const pids = readerPids()
    expect(pids).toHaveLength(2)
    for (const pid of pids) process.kill(pid, 'SIGTERM') // as systemd and terminals do, to the whole group
    expect(await log.kill('SIGTERM')).toBe(0)
    expect(pids.filter(lives)).toEqual([])
  })

  it('leaves no reader behind that would keep the port, when it is killed', async () => {
    await serve()
    const pids = readerPids()
    await log.kill('SIGKILL')
    await until(async () => !pids.some(lives))
    await serve('--port', String(log.port))
    expect((await ask('/add', { body: 'again' })).status).toBe(200)
  })
})
