/** Two servers of one log in PostgreSQL, frozen on a third machine while both run. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatVkey } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { expect, it } from 'vitest'
import { createLog } from '../create-log.ts'
import { rawMode } from '../http/modes-http.ts'
import { joinLog } from '../join-log.ts'
import { resolveOptions } from '../options.ts'
import { headSigner } from '../signer.ts'
import { realTiming, startTestServer, testOrigin } from '../testing.ts'
import { postgresMissing, startPostgres } from '../testing-postgres-store.ts'
import { noWitnesses } from '../witnessing.ts'
import { freezeLog } from './freeze-log.ts'

const missing = postgresMissing()
const title = 'a log of several machines is frozen on one of them, and the others learn of it'

it.skipIf(missing !== null)(missing === null ? title : `${title} (skipped: ${missing})`, async () => {
  const postgres = await startPostgres()
  const folder = mkdtempSync(join(tmpdir(), 'samebits-frozen-'))
  try {
    const database = await postgres.createDatabase('frozen')
    const keys = [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')]
    const signer = headSigner(nodeCrypto, testOrigin, keys)
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, name)) as [string, string, string]
    const copies = await noWitnesses.copies()
    await createLog({ dataDir: a, database, signer, publishedUrl: '', copies, fetch, now: realTiming.now })
    for (const dataDir of [b, c]) await joinLog({ dataDir, database, databaseTimeoutMs: 5000, keys })
    const servers = []
    for (const dataDir of [a, b])
      servers.push(await startTestServer({ dataDir, database, leaderTimeoutMs: 500 }, keys, rawMode))
    for (const [at, server] of servers.entries())
      expect(await (await server.add(`entry ${at}`)).text()).toBe(String(at))
    const options = { ...resolveOptions({ file: null, environment: {}, flags: {} }), dataDir: c, database }
    const other = headSigner(nodeCrypto, 'example.org/log', keys)
    const successor = { origin: other.origin, url: 'https://log.example.org/', vkeys: other.keys.map(formatVkey) }
    const { size } = await freezeLog(options, rawMode, { signer, successor, leaveBehind: [], now: realTiming.now })
    expect(size).toBe(2)
    for (const server of servers) {
      const late = async () => (await server.add('late')).status
      expect(await late()).not.toBe(200)
      await expect.poll(late, { timeout: 60_000, interval: 100 }).toBe(410)
      expect(await (await server.add('entry 0')).text()).toBe('0')
      expect(server.published().size).toBe(2)
    }
    await expect
      .poll(() => [a, b, c].map((data) => existsSync(join(data, 'frozen'))), { timeout: 60_000 })
      .toEqual([true, true, true])
    for (const server of servers) await server.stop()
  } finally {
    await postgres.remove()
    rmSync(folder, { recursive: true, force: true })
  }
})
