import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closeServer, listen } from '@samebits/host'
import { expect, it } from 'vitest'
import { Exchange } from '../gossip/exchange.ts'
import { RateLimit } from '../gossip/rate-limit.ts'
import { openSqliteMonitorStore } from '../state/sqlite-monitor-store.ts'
import { gossipHandler } from './gossip-http.ts'
import { createHttpServer, defaultLimits } from './server-http.ts'

it('answers 500 and goes on where the state cannot be read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'samebits-gossip-'))
  const store = openSqliteMonitorStore(join(folder, 'monitor.db'))
  const defects: unknown[] = []
  const onDefect = (error: unknown) => void defects.push(error)
  const exchange = new Exchange({ followers: [], store, fetch, taken: () => undefined })
  const limit = new RateLimit({ clock: () => 0, burst: 1, perHour: 1, burstOfAll: 1, perHourOfAll: 1 })
  const handle = gossipHandler({ exchange, limit, trustedProxies: 0, store, baseUrl: () => '', onDefect })
  const metrics = { text: async () => '', contentType: 'text/plain' }
  const server = createHttpServer(handle, { ready: () => true, metrics, onDefect }, defaultLimits)
  const port = await listen(server, '127.0.0.1', 0)
  store.close()
  for (const path of ['/v1/gossip', '/v1/alerts.atom', `/v1/evidence/${'0'.repeat(64)}`])
    expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(500)
  expect(defects).toHaveLength(3)
  await closeServer(server, 100)
  rmSync(folder, { recursive: true })
})
