/**
 * Interoperation with programs that others wrote in Go (`npm run test:peers`): their witnesses cosign our log, our witness cosigns
 * their log, their checker passes over ours.
 */
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  emptyRoot,
  evaluateQuorum,
  formatAddCheckpoint,
  formatNote,
  formatVkey,
  fromUtf8,
  httpTileSource,
  makeVkey,
  openCheckpoint,
  parseAddCheckpointResponse,
  parseConflictSize,
  parsePolicy,
  parseSignedCheckpoint,
  parseVkey,
  SIZE_CONTENT_TYPE,
  type SignedCheckpoint,
  TYPE_ED25519,
  toBase64,
  treeReader,
  verifyCheckpoint,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveFolder } from '../../scripts/demo/web.ts'
import { createLogFolder, type LogFolder, type LogProcess, startLog } from '../support/log-process.ts'
import { newWitness } from '../support/witness-process.ts'
import { end, freePort, missing, runToEnd, type Server, startServer } from './go-programs.ts'

const why = await missing()
if (why !== null) console.log(`programs in Go are not tried: ${why}`)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-peers-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.skipIf(why !== null)('our log', { timeout: 900_000 }, () => {
  let logFolder: LogFolder
  let log: LogProcess
  let entries = 0
  beforeAll(async () => {
    logFolder = await createLogFolder('example.com/log')
    log = await startLog(logFolder, ['--mode', 'raw', '--log-level', 'error'])
  })
  afterAll(async () => {
    await log.kill('SIGKILL')
    await logFolder.remove()
  })

  async function grow(by: number): Promise<void> {
    const add = async (leaf: string) =>
      expect((await fetch(`${log.url}/add`, { method: 'POST', body: leaf })).status).toBe(200)
    await Promise.all(Array.from({ length: by }, (_, at) => add(`entry ${entries + at}`)))
    entries += by
  }

  const source = () => httpTileSource({ prefix: log.url, fetch, allowHttpLoopback: true })
  async function published(): Promise<SignedCheckpoint> {
    const keys = logFolder.vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
    return openCheckpoint(nodeCrypto, fromUtf8(await source().checkpoint()), keys, 'example.com/log')
  }

  async function submit(url: string, oldSize: number, checkpoint: SignedCheckpoint): Promise<Response> {
    const { size, root } = checkpoint.checkpoint
    const reader = treeReader({ hasher: nodeCrypto, source: source(), size, root })
    const proof = oldSize === 0 ? [] : await reader.proveConsistency(oldSize)
    return fetch(`${url}/add-checkpoint`, { method: 'POST', body: formatAddCheckpoint({ oldSize, proof, checkpoint }) })
  }

  /** A witness takes a first checkpoint, growth, and the same tree again; refuses a wrong old size; all as the text has it. */
  async function demandCosignatures(url: string, witnessVkeys: readonly string[]): Promise<void> {
    const keys = witnessVkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
    let old = 0
    for (const by of [3, 300, 0, 1]) {
      await grow(by)
      const checkpoint = await published()
      const response = await submit(url, old, checkpoint)
      const body = await response.text()
      expect([response.status, body]).toEqual([200, expect.stringContaining('— ')])
      const note = { text: checkpoint.note.text, signatures: parseAddCheckpointResponse(body) }
      const verified = verifyCheckpoint(nodeCrypto, parseSignedCheckpoint(formatNote(note)), keys)
      expect(verified.map(({ key }) => formatVkey(key)).toSorted()).toEqual(keys.map(formatVkey).toSorted())
      old = checkpoint.checkpoint.size
    }
    const stale = await submit(url, 0, await published())
    expect([stale.status, stale.headers.get('content-type')]).toEqual([409, SIZE_CONTENT_TYPE])
    expect(parseConflictSize(await stale.text())).toBe(old)
  }

  it("passes Tessera's fsck, over HTTP", async () => {
    await grow(700)
    const key = join(folder, 'log.pub')
    await writeFile(key, ed25519(logFolder))
    await runToEnd('fsck', [`--storage_url=${log.url}/`, `--public_key=${key}`, '--ui=false', '--N=2'])
  })

  it('is cosigned by omniwitness, with Ed25519 and ML-DSA-44', async () => {
    const { url, vkeys, stop } = await startOmniwitness(folder, 'example.com/log', log.url, ed25519(logFolder))
    try {
      await demandCosignatures(url, vkeys)
    } finally {
      await stop()
    }
  })

  it('is cosigned by litewitness', async () => {
    const { server, vkey, stop } = await startLitewitness(folder, 'example.com/log', ed25519(logFolder))
    try {
      await demandCosignatures(server.url, [vkey])
    } finally {
      await stop()
    }
  })
})

describe.skipIf(why !== null)('our log, which asks their witnesses itself', { timeout: 900_000 }, () => {
  it('publishes only what both have cosigned, before and after a restart, and nothing without one of them', async () => {
    const origin = 'example.com/asks'
    const logFolder = await createLogFolder(origin, folder)
    const omni = await startOmniwitness(logFolder.path, origin, 'http://127.0.0.1:9', ed25519(logFolder))
    const lite = await startLitewitness(logFolder.path, origin, ed25519(logFolder))
    const [omniKey] = omni.vkeys
    const text = [
      `log ${ed25519(logFolder)}`,
      `witness omni ${omniKey} ${omni.url}`,
      `witness lite ${lite.vkey} ${lite.server.url}`,
      'group both all omni lite\nquorum both\n',
    ].join('\n')
    const policy = parsePolicy(nodeCrypto, text)
    const path = join(logFolder.path, 'policy')
    await writeFile(path, text)
    const start = () => startLog(logFolder, ['--mode', 'raw', '--log-level', 'error', '--policy', path])
    let log = await start()
    const add = async (leaf: string) =>
      (await fetch(`${log.url}/add`, { method: 'POST', body: leaf, signal: AbortSignal.timeout(60_000) })).status
    const demandPublished = async (size: number) => {
      const signed = parseSignedCheckpoint(await (await fetch(`${log.url}/checkpoint`)).text())
      expect(signed.checkpoint.size).toBe(size)
      const { satisfied, cosigners } = evaluateQuorum(nodeCrypto, policy, signed)
      expect([satisfied, cosigners.map(({ witness }) => witness.name)]).toEqual([true, ['omni', 'lite']])
    }
    try {
      for (let at = 0; at < 5; at++) {
        expect(await add(`entry ${at}`)).toBe(200)
        await demandPublished(at + 1)
      }
      await log.kill('SIGKILL')
      log = await start()
      await expect.poll(() => add('after the restart'), { timeout: 60_000, interval: 500 }).toBe(200)
      await demandPublished(6)
      await lite.server.stop()
      expect(await add('without one of them')).toBe(503)
      await demandPublished(6)
    } finally {
      await log.kill('SIGKILL')
      await omni.stop()
      await lite.stop()
    }
  })
})

/** The vkey of the kind that Go's note package knows. */
function ed25519({ vkeys }: LogFolder): string {
  const [vkey] = vkeys.filter((text) => parseVkey(nodeCrypto, text).type === 1)
  if (vkey === undefined) throw new RangeError('the log has an Ed25519 key')
  return vkey
}

/** omniwitness with keys of both kinds; gives its vkeys in that order, Ed25519 first. */
async function startOmniwitness(parent: string, origin: string, logUrl: string, logVkey: string) {
  const vkeys: string[] = []
  for (const kind of ['ed25519', 'mldsa']) {
    const [out, pub] = [join(parent, `${kind}.key`), join(parent, `${kind}.pub`)]
    const flags = ['--origin=witness.example/omni', `--out_priv=${out}`, `--out_pub=${pub}`]
    await runToEnd('generate_keys', [...flags, ...(kind === 'mldsa' ? ['--mldsa'] : [])])
    vkeys.push((await readFile(pub, 'utf8')).trim())
  }
  const logs = join(parent, 'logs.yaml')
  const known = [`Origin: ${origin}`, `URL: ${logUrl}`, `PublicKey: ${logVkey}`, 'Feeder: none']
  await writeFile(logs, `Logs:\n  - ${known.join('\n    ')}\n`)
  const port = await freePort()
  const server = await startServer('omniwitness', port, [
    `--listen=127.0.0.1:${port}`,
    '--metrics_listen=',
    `--db_file=${join(parent, 'omni.db')}`,
    `--additional_logs=${logs}`,
    ...['ed25519', 'mldsa'].map((kind) => `--private_key_path=${join(parent, `${kind}.key`)}`),
  ])
  return { vkeys, url: server.url, stop: server.stop }
}

const run = promisify(execFile)

const agentProgram = 'ssh-agent'

/** litewitness signs through an ssh-agent, and its list of logs is two tables of its database. */
async function startLitewitness(parent: string, origin: string, logVkey: string) {
  const socket = join(parent, 'agent')
  const key = join(parent, 'ssh')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const agent = spawn(agentProgram, ['-D', '-a', socket], { stdio: 'ignore' })
  while (!existsSync(socket)) await sleep(20)
  await run('ssh-add', [key], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
  const fingerprint = (await run('ssh-keygen', ['-l', '-f', key])).stdout.split(' ')[1] ?? ''
  const database = join(parent, 'lite.db')
  const start = async (): Promise<Server> => {
    const port = await freePort()
    const place = [`-listen=127.0.0.1:${port}`, `-db=${database}`, `-ssh-agent=${socket}`]
    return startServer('litewitness', port, ['-name=witness.example/lite', `-key=${fingerprint}`, ...place])
  }
  await (await start()).stop()
  const tables = new DatabaseSync(database)
  const root = toBase64(emptyRoot(nodeCrypto))
  tables.prepare('INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)').run(origin, root)
  tables.prepare('INSERT INTO key (origin, key) VALUES (?, ?)').run(origin, logVkey)
  tables.close()
  const server = await start()
  const vkey = /vkey=(\S+)/.exec(server.output())?.[1]?.replaceAll('"', '') ?? ''
  return {
    server,
    vkey,
    async stop() {
      await server.stop()
      await end(agent)
    },
  }
}

describe.skipIf(why !== null)('our witness', { timeout: 900_000 }, () => {
  it('cosigns a log of Tessera, which publishes only what it has cosigned', async () => {
    const [key, pub] = [join(folder, 'tessera.key'), join(folder, 'tessera.pub')]
    const vkey = await tesseraKey(key, pub, 'tessera.example/log')
    const witness = await newWitness('witness.example/ours', [vkey])
    try {
      const storage = join(folder, 'tessera')
      const witnessVkeys = witness.vkeys.map((text) => parseVkey(nodeCrypto, text))
      const [cosigner] = witness.vkeys.filter((text) => parseVkey(nodeCrypto, text).type === 4)
      const policy = join(folder, 'policy')
      await writeFile(policy, `witness ours ${cosigner} ${witness.url}\nquorum ours\n`)
      for (const [round, size] of [3, 7].entries()) {
        const batch = join(folder, `batch${round}`)
        await mkdir(batch)
        for (let at = round * 3; at < size; at++) await writeFile(join(batch, `${at}`), `leaf ${at}`)
        const place = [`--storage_dir=${storage}`, `--entries=${batch}/*`, `--private_key=${key}`]
        await runToEnd('posix-oneshot', [...place, `--witness_policy_file=${policy}`])
        const text = await readFile(join(storage, 'checkpoint'), 'utf8')
        const opened = openCheckpoint(nodeCrypto, text, [parseVkey(nodeCrypto, vkey)], 'tessera.example/log')
        expect(opened.checkpoint.size).toBe(size)
        expect(verifyCheckpoint(nodeCrypto, opened, witnessVkeys).map(({ key: { type } }) => type)).toEqual([4])
      }
    } finally {
      await witness.remove()
    }
  })
})

describe.skipIf(why !== null)('our monitor', { timeout: 900_000 }, () => {
  it('follows a log of Tessera, and every entry is the one that was added', async () => {
    const [key, pub] = [join(folder, 'followed.key'), join(folder, 'followed.pub')]
    const vkey = await tesseraKey(key, pub, 'tessera.example/followed')
    const [storage, batch] = [join(folder, 'followed'), join(folder, 'followed-entries')]
    await mkdir(batch)
    for (let at = 0; at < 300; at++) await writeFile(join(batch, `${at}`), `leaf ${at}`)
    await runToEnd('posix-oneshot', [`--storage_dir=${storage}`, `--entries=${batch}/*`, `--private_key=${key}`])
    const web = await serveFolder(() => storage)
    try {
      const args = ['run', '--once', '--url', web.url, '--key', vkey, '--data-dir', join(folder, 'monitor'), '--json']
      const main = fileURLToPath(new URL('../../monitor/src/main.ts', import.meta.url))
      const { stdout } = await run(process.execPath, ['--conditions=samebits-source', main, ...args])
      const logs = { logs: [{ origin: 'tessera.example/followed', size: 300, readTo: 300, failure: null }] }
      expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(logs)
    } finally {
      await web.stop()
    }
  })
})

/** A plain Ed25519 key as Go's note package writes them; gives its vkey. */
async function tesseraKey(path: string, pub: string, name: string): Promise<string> {
  await runToEnd('generate_keys', [`--origin=${name}`, `--out_priv=${path}`, `--out_pub=${pub}`])
  const { publicKey } = parseVkey(nodeCrypto, (await readFile(pub, 'utf8')).trim())
  return formatVkey(makeVkey(nodeCrypto, name, TYPE_ED25519, publicKey))
}
