/**
 * Publishers that lose answers, in product mode and with the programs that people run: however often an answer is lost, and though
 * the log is killed meanwhile or another server takes over, every release is logged once, in its place in the chain, and its
 * publisher ends with a bundle that clients take. `npm test` does two releases; `npm run test:idempotent` many, also over a fail-over.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpTileSource, parseEntry, parseSignedCheckpoint, treeReader, verifyOffline } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { expect, it } from 'vitest'
import { postgresMissing, startPostgres } from '../../log-server/src/testing-postgres-store.ts'
import { newProduct, type Product, runLog } from '../publish/kit.ts'
import { type LogProcess, startLog } from '../support/log-process.ts'
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts'

const long = process.env['MODE'] === 'idempotent'

/** Every release of the log, `sequence version`, from its own tiles. */
async function logged(url: string): Promise<string[]> {
  const source = httpTileSource({ prefix: url, fetch, allowHttpLoopback: true })
  const { size, root } = parseSignedCheckpoint(Buffer.from(await source.checkpoint()).toString()).checkpoint
  const releases: string[] = []
  for await (const { entry } of treeReader({ hasher: nodeCrypto, source, size, root }).readEntries(0, size)) {
    const { statement } = parseEntry(nodeCrypto, entry)
    if (statement.kind === 'release') releases.push(`${statement.sequence} ${statement.version}`)
  }
  return releases
}

/** A client without a network takes what the publisher ended with. */
async function takes(product: Product, file: string): Promise<void> {
  const bytes = await readFile(product.at(file))
  const artifact = file.replace('dist/', '')
  const { kind } = verifyOffline({
    crypto: nodeCrypto,
    now: Math.floor(Date.now() / 1000),
    want: { channel: 'stable', platform: 'linux-x64', artifact, mediaType: null, maxAge: null },
    trust: await readFile(product.at('trust.json')),
    anchor: null,
    bundle: await readFile(product.at(`${file}.samebits.json`)),
    file: { size: bytes.length, sha256: Buffer.from(nodeCrypto.sha256(bytes)).toString('hex') },
  })
  expect(kind).toBe('verified')
}

interface Trouble {
  readonly product: Product
  readonly proxy: CuttingProxy
  readonly releases: number
  /** Kills a server of the log, and starts it again. */
  readonly strike: () => Promise<void>
}

/** Publishes, loses answers, and is struck at every second release. Returns what must be logged now. */
async function publishAll({ product, proxy, releases, strike }: Trouble): Promise<string[]> {
  const expected: string[] = []
  for (let sequence = 1; sequence <= releases; sequence++) {
    const version = `1.0.${sequence}`
    const file = await product.artifact(`notes-${version}.tgz`, version)
    proxy.toCut = 1 + Math.floor(Math.random() * 4)
    const publish = () => product.build('publish', file, '--version', version, '--json')
    const struck = sequence % 2 === 0 ? sleep(Math.random() * 1500).then(strike) : Promise.resolve()
    let [{ status, stdout, stderr }] = await Promise.all([publish(), struck])
    // Exit 20, undecided: the log was away for longer than a publisher waits. It is run again.
    while (status === 20) ({ status, stdout, stderr } = await publish())
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ sequence, index: sequence - 1 })
    await takes(product, file)
    expected.push(`${sequence} ${version}`)
  }
  return expected
}

const serveFlags = (product: Product) => [
  ...['--mode', 'product', '--admission-file', product.at('admission.json'), '--log-level', 'error'],
]

it('every release once, whatever answers are lost, across restarts of the log', { timeout: 1_800_000 }, async () => {
  const product = await newProduct()
  const proxy = await startCuttingProxy(() => product.log.port)
  product.proxy.target = proxy.url
  try {
    const releases = long ? 40 : 2
    const strike = async () => {
      await product.log.kill('SIGKILL')
      product.log = await startLog(product.logFolder, serveFlags(product))
    }
    const expected = await publishAll({ product, proxy, releases, strike })
    expect(await logged(product.log.url)).toEqual(expected)
    expect(proxy.cut).toBeGreaterThanOrEqual(releases)
    if (long)
      console.log(
        `${releases} releases, ${proxy.cut} answers lost, ${Math.floor(releases / 2)} kills: each logged once`,
      )
  } finally {
    proxy.close()
    await product.remove()
  }
})

it.skipIf(!long || postgresMissing() !== null)('and across fail-over', { timeout: 1_800_000 }, async () => {
  const postgres = await startPostgres()
  const database = ['--database', await postgres.createDatabase('publish'), '--leader-timeout-ms', '1000']
  const product = await newProduct({ database })
  const other = join(product.logFolder.path, 'other')
  const flags = [...serveFlags(product), ...database]
  await runLog('join', ...database.slice(0, 2), '--keys-dir', join(product.logFolder.path, 'keys'), '--data-dir', other)
  const start = (at: number) => startLog(product.logFolder, at === 0 ? flags : [...flags, '--data-dir', other])
  const servers: [LogProcess, LogProcess] = [product.log, await start(1)]
  const proxy = await startCuttingProxy(() => servers[Math.random() < 0.5 ? 0 : 1].port)
  product.proxy.target = proxy.url
  try {
    const releases = 12
    const strike = async () => {
      const at = await leaderOf(servers)
      await servers[at].kill('SIGKILL')
      servers[at] = await start(at)
      product.log = servers[0]
    }
    const expected = await publishAll({ product, proxy, releases, strike })
    expect(await logged(servers[await leaderOf(servers)].url)).toEqual(expected)
    console.log(`${releases} releases, ${proxy.cut} answers lost, ${releases / 2} leaders killed: each logged once`)
  } finally {
    proxy.close()
    await servers[1].kill('SIGKILL')
    await product.remove()
    await postgres.remove()
  }
})

/** Which one says that it writes. */
async function leaderOf(servers: readonly [LogProcess, LogProcess]): Promise<0 | 1> {
  for (;;) {
    for (const at of [0, 1] as const) {
      const ready = await fetch(`${servers[at].url}/readyz`)
        .then((response) => response.text())
        .catch(() => '')
      if (ready === 'writing\n') return at
    }
    await sleep(50)
  }
}
