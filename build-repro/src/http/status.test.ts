import type { AddressInfo } from 'node:net'
import { closeServer, listen } from '@samebits/host'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBoard, type JobStatus, type ProductStatus } from '../rebuild/board.ts'
import { createRebuilderMetrics } from '../rebuild/rebuilder-metrics.ts'
import { createStatusServer } from './status-http.ts'

const evil = `"><script>alert('x')</script>\u0000`
const job: JobStatus = {
  job: `${'ab'.repeat(32)}-0`,
  product: 'example.com/notes',
  release: 'ab'.repeat(32),
  version: '1.0.0',
  channel: 'stable',
  artifacts: ['app'],
  state: 'waiting',
  index: null,
  different: [],
  attempts: 0,
  retryAt: null,
  trouble: null,
}
const product: ProductStatus = {
  product: 'example.com/notes',
  log: 'log.example.com',
  size: null,
  lookedAt: null,
  trouble: null,
  halted: false,
}

const board = createBoard({ builder: 'https://example.org/', engine: 'podman 5', startedAt: 1_795_000_000 })
const metrics = createRebuilderMetrics(board)
const server = createStatusServer({ board, metrics, now: () => 1_795_000_100 })
let url = ''
beforeAll(async () => {
  await listen(server, '127.0.0.1', 0)
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => closeServer(server, 100))

describe('the status of a rebuilder', () => {
  it('is not ready before every log was read, or is known to be forked', async () => {
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    board.product(product)
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    board.product({ ...product, size: 7, lookedAt: 1_795_000_050 })
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    board.product({ ...product, halted: true })
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('shows what needs somebody first, and no word of others as markup', async () => {
    board.product({ ...product, trouble: { code: 'TRANSPORT', detail: evil } })
    board.job({ ...job, job: 'b', state: 'positive', index: 3 })
    const trouble = { whose: 'theirs' as const, code: 'RECIPE_UNKNOWN', detail: evil, at: 1_795_000_000 }
    board.job({ ...job, job: 'c', state: 'unbuildable', trouble, retryAt: 1_795_003_700, attempts: 2 })
    board.job({ ...job, job: 'a', state: 'negative', index: 4, different: ['app'] })
    const answer = await fetch(`${url}/`)
    const page = await answer.text()
    expect(page).not.toContain('<script')
    expect(page).toContain('&#34;&#62;&#60;script&#62;')
    expect(page.indexOf('OTHER BITS')).toBeLessThan(page.indexOf('cannot be built'))
    expect(page.indexOf('cannot be built')).toBeLessThan(page.indexOf('same bits'))
    expect(page).toContain('2 tried, again in 60 min')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('is there as JSON and for Prometheus', async () => {
    const { jobs } = (await (await fetch(`${url}/status.json`)).json()) as { jobs: JobStatus[] }
    expect(jobs.map(({ state }) => state)).toEqual(['negative', 'unbuildable', 'positive'])
    metrics.events.voted('example.com/notes', 'negative', 3)
    metrics.events.failed('example.com/notes', 'theirs', 'RECIPE_UNKNOWN')
    metrics.events.looked('example.com/notes', 8, 1_795_000_000)
    metrics.events.lookFailed('example.com/notes', 'TRANSPORT')
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toContain('samebits_rebuilder_votes_total{product="example.com/notes",says="negative"} 1')
    expect(text).toContain('samebits_rebuilder_jobs{state="negative"} 1')
    expect(text).toContain('samebits_rebuilder_log_size{product="example.com/notes"} 8')
    expect(text).toContain(
      'samebits_rebuilder_failures_total{product="example.com/notes",whose="theirs",code="RECIPE_UNKNOWN"} 1',
    )
  })

  it.each([
    ['POST', '/', 405],
    ['GET', '/../state', 404],
    ['GET', '/other', 404],
  ])('answers %s %s with %i', async (method, path, status) => {
    expect((await fetch(`${url}${path}`, { method })).status).toBe(status)
  })
})
