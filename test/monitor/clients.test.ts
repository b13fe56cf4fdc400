/** Clients that hand a monitor what they were shown: the updater and the program, against the monitor's own HTTP. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatVkey, parseTrust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { parseConfig, type RunningMonitor, resolveConfig, startMonitor } from '@samebits/monitor'
import { createUpdater, type UpdaterEvent, type UpdaterOptions } from '@samebits/updater'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../updater/test-support/folders.ts'
import { type Loopback, serve } from '../../updater/test-support/loopback.ts'
import { createPublisher, origin, type Publisher } from '../../updater/test-support/publisher.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let publisher: Publisher
let anchor: Uint8Array
const events: UpdaterEvent[] = []
const servers: Loopback[] = []
let monitor: RunningMonitor | null = null

beforeEach(async () => {
  folder = await temporaryFolder()
  publisher = await createPublisher({ rebuilders: 1 })
  publisher.now = Math.floor(Date.now() / 1000)
  await publisher.release('1.0.0')
  anchor = await publisher.anchor()
  await publisher.release('1.1.0')
})
afterEach(async () => {
  await monitor?.stop()
  monitor = null
  events.length = 0
  for (const server of servers.splice(0)) await server.close()
  await publisher[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** A monitor that follows the log, and has read it. */
async function follow(): Promise<{ readonly url: string; readonly store: RunningMonitor['store'] }> {
  const logs = [{ keys: [formatVkey(parseTrust(nodeCrypto, publisher.trust()).log.key)], url: `${publisher.url}/log` }]
  const text = JSON.stringify({ format: 1, logs, sinks: [], listen: { host: '127.0.0.1', port: 0 } })
  const config = await resolveConfig(parseConfig(text, 'test'), join(folder.path, 'config.json'))
  monitor = await startMonitor(config, join(folder.path, 'data'), {
    timing: {
      now: () => publisher.now,
      clock: () => performance.now() / 1000,
      defer: setImmediate,
      every: () => () => undefined,
    },
    ...{ fetch, stdout: { write: () => true }, processors: 1, onProgress() {} },
    operator: { info() {}, warn() {}, error() {} },
  })
  await monitor.pollAll()
  return { url: `http://127.0.0.1:${monitor.port}/`, store: monitor.store }
}

const updater = (more: Partial<UpdaterOptions> = {}) =>
  createUpdater({
    ...{ trust: publisher.trust(), anchor, stateDir: join(folder.path, 'state'), installDir: join(folder.path, 'app') },
    ...{ channel: 'stable', platform: 'linux-x64', fetch, clock: () => publisher.now + 60, random: Math.random },
    ...{ stopwatch: () => performance.now(), os: process.platform, uid: process.getuid?.(), crypto: nodeCrypto },
    ...{
      retry: { attempts: 1, baseDelayMs: 1, maxDelayMs: 1 },
      onEvent: (event: UpdaterEvent) => void events.push(event),
    },
    ...more,
  })

async function checks(more: Partial<UpdaterOptions> = {}): Promise<string> {
  const found = await updater(more).check()
  return found.kind === 'stopped' ? `${found.refusal.kind} ${found.refusal.code}` : found.kind
}

const gossip = () => events.filter((event) => event.kind === 'gossip')
const kinds = (store: RunningMonitor['store']) =>
  store.evidenceList(origin, 10).map(({ kind, convicted, from }) => `${kind} by ${from}: ${convicted}`)

/** From here on the client is shown another tree than the monitor was; `withholding`: and nothing besides. */
function forkForTheClient({ withholding = false } = {}): void {
  const other = [...publisher.entries.slice(0, -1), new TextEncoder().encode('only for some')]
  const { text } = publisher.signTree(other)
  publisher.hostile = ({ url }, response) => {
    if (url === '/log/checkpoint') response.end(text)
    else if (withholding) response.writeHead(404).end()
    return url === '/log/checkpoint' || withholding
  }
}

/** Something that is told in place of a monitor. */
async function listener(
  answer: Parameters<typeof serve>[0],
): Promise<{ readonly url: string; readonly told: string[] }> {
  const told: string[] = []
  const server = await serve(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    told.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${Buffer.concat(parts)}`)
    answer(request, response)
  })
  servers.push(server)
  return { url: server.url, told }
}

describe('what clients were shown', () => {
  it('is kept by a monitor that is shown the same, and says nothing', async () => {
    const { url, store } = await follow()
    expect(await checks({ gossip: [url] })).toBe('accepted')
    expect(gossip()).toEqual([{ kind: 'gossip', url, taken: true, detail: '' }])
    expect(store.views(origin).map(({ kind, standing }) => `${kind} ${standing}`)).toContain('client agrees')
    expect(kinds(store)).toEqual([])
  })

  it('convicts a log that shows a client another tree: by the evidence of the client that refused it', async () => {
    const { url, store } = await follow()
    expect(await checks()).toBe('accepted')
    forkForTheClient()
    expect(await checks({ gossip: [url] })).toBe('refused FORK')
    expect(kinds(store)).toEqual([expect.stringMatching(/^(split|fork) by (monitor|gossip): example.com\/log$/)])
  })

  it('convicts it also where the client is shown too little to know, and stays undecided', async () => {
    const { url, store } = await follow()
    forkForTheClient({ withholding: true })
    expect(await checks({ gossip: [url] })).toMatch(/^undecided /)
    expect(gossip()).toMatchObject([{ taken: true }])
    expect(kinds(store)).toContain(`split by monitor: ${origin}`)
    expect(store.alerts({ limit: 10 }).map(({ rule }) => rule)).toContain('fork')
  })

  it("is the log's signed material alone: no header of the feed, no page that stands in for a checkpoint", async () => {
    const { url, told } = await listener((_, response) => response.end('{}'))
    const feedHeaders = { authorization: 'Bearer secret', cookie: 'who=me' }
    expect(await checks({ gossip: [url], feedHeaders })).toBe('accepted')
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/^POST \/v1\/gossip /)
    expect(told[0]).not.toMatch(/secret|who=me|linux|stable|1\.1\.0|cookie/i)
    const body = JSON.parse(told[0]?.slice(told[0].indexOf('{"mediaType"')) ?? '')
    expect(Object.keys(body)).toEqual(['mediaType', 'checkpoints', 'evidence'])
    expect(body.checkpoints.every((text: string) => text.startsWith(`${origin}\n`))).toBe(true)

    publisher.hostile = (_, response) => void response.end(`${origin}\n5\nAAAA\n\nsession=me\n`) === undefined
    await checks({ gossip: [url], stateDir: join(folder.path, 'other'), anchor: null })
    expect(told.slice(1).join()).not.toContain('session=me')
  })

  it('stays here offline', async () => {
    const { url, told } = await listener((_, response) => response.end('{}'))
    const bundle = await readFile(await bundleFile())
    await checks({ gossip: [url], online: false, bundle })
    expect([told, gossip()]).toEqual([[], []])
  })
})

async function bundleFile(): Promise<string> {
  const answer = await fetch(`${publisher.feed}/stable.samebits.json`)
  const path = join(folder.path, 'notes.samebits.json')
  await writeFile(path, new Uint8Array(await answer.arrayBuffer()))
  return path
}

describe('a monitor', () => {
  it.each<[string, () => Promise<string>, RegExp]>([
    [
      'that is gone',
      async () => {
        const { url, close } = await serve(() => undefined)
        await close()
        return url
      },
      /ECONNREFUSED|fetch failed/,
    ],
    [
      'that refuses',
      async () => (await listener((_, response) => response.writeHead(500).end('x'))).url,
      /answers with 500/,
    ],
    [
      'that sends it elsewhere',
      async () => {
        const { url } = await listener((_, response) =>
          response.writeHead(307, { location: `${publisher.url}/log` }).end(),
        )
        return url
      },
      /answers with 307/,
    ],
    ['that never ends its answer', async () => (await listener((_, response) => response.write('x'))).url, /^$/],
    ['on plain http beyond this machine', async () => 'http://monitor.example/', /plain http/],
    ['with credentials', async () => 'https://me:secret@monitor.example/', /credentials/],
  ])('%s changes no result', async (_what, place, detail) => {
    const url = await place()
    expect(await checks({ gossip: [url] })).toBe('accepted')
    expect(gossip()).toMatchObject([{ url, detail: expect.stringMatching(detail) }])
    expect(publisher.server.requests.some(({ path }) => path === '/log' || path === '/v1/gossip')).toBe(false)
  })

  it('that is silent is waited for so long and no longer, also where a fetch does not heed its signal', async () => {
    const { url } = await listener(() => undefined)
    const deaf: UpdaterOptions['fetch'] = (target, init) =>
      init.method === 'POST' ? new Promise(() => undefined) : fetch(target, init)
    expect(await checks({ gossip: [url], fetch: deaf })).toBe('accepted')
    expect(gossip()).toMatchObject([{ taken: false, detail: expect.stringContaining('no answer within') }])
  })
})

describe('samebits --gossip', () => {
  const root = join(import.meta.dirname, '../..')
  const samebits = (...args: string[]) =>
    new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
      const words = ['--conditions=samebits-source', join(root, 'verifier-cli/src/main.ts'), ...args]
      execFile(process.execPath, words, { cwd: folder.path }, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : error.code, stdout, stderr }),
      )
    })

  it('update and verify tell the monitor; one that is gone is a note', async () => {
    const { url, told } = await listener((_, response) => response.end('{}'))
    await writeFile(join(folder.path, 'trust.json'), publisher.trust())
    await writeFile(join(folder.path, 'anchor.json'), anchor)
    const given = ['--trust', 'trust.json', '--anchor', 'anchor.json', '--gossip', url]
    const updated = await samebits('update', ...given, '--into', 'app')
    expect(updated).toMatchObject({ status: 0, stdout: expect.stringContaining('installed') })
    expect(updated.stderr).not.toContain('gossip')
    expect(told).toHaveLength(1)

    const bundle = ['--bundle', await bundleFile()]
    await servers.pop()?.close()
    const verified = await samebits('verify', 'app/notes', ...given, ...bundle)
    expect(verified).toMatchObject({ status: 0, stdout: expect.stringContaining('VERIFIED') })
    expect(verified.stderr).toMatch(/^note gossip: http:\/\/127.0.0.1:\d+ took nothing: .+$/m)
    expect(
      await samebits('verify', 'app/notes', ...given.slice(0, 4), ...bundle, '--gossip', 'http://a.example'),
    ).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('USAGE'),
    })
  })
})
