/** The monitor's page in a real browser, over a real state; what it looks like is kept in test/artifacts/dashboard. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ReleaseVotes, type Status, statusOf } from '../../monitor/src/dashboard/status.ts'
import { dashboardHandler } from '../../monitor/src/http/dashboard-http.ts'
import type { MonitorStore } from '../../monitor/src/state/monitor-store.ts'
import { openSqliteMonitorStore } from '../../monitor/src/state/sqlite-monitor-store.ts'
import { alarm, attack, calm, evidenceBytes, evidenceId, hostile, now } from './scene.ts'

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const artifacts = fileURLToPath(new URL('../artifacts/dashboard/', import.meta.url))
const widths = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } } as const

const why = existsSync(CHROMIUM) ? null : `no browser at ${CHROMIUM}: nothing was checked; set CHROMIUM to one`
if (why !== null) {
  if (process.env['CI'] === 'true') throw new Error(`${why}. CI must have one.`)
  console.log(why)
}

const votes: ReleaseVotes = {
  artifacts: [
    {
      name: 'editor-linux',
      platform: 'linux/amd64',
      positive: ['debian', 'guix'],
      negative: [],
      needed: 2,
      enough: true,
    },
    {
      name: 'editor.exe',
      platform: 'windows/amd64',
      positive: ['guix'],
      negative: ['debian'],
      needed: 2,
      enough: false,
    },
  ],
  waived: true,
  revoked: false,
}

let folder: string
let browser: Browser
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-dashboard-'))
  mkdirSync(artifacts, { recursive: true })
  const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
  const args = ['--no-sandbox', ...quiet, '--disable-component-update', '--disable-sync']
  if (why === null) browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args })
})
afterAll(async () => {
  if (why === null) await browser.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Site {
  readonly url: string
  readonly asked: string[]
  close(): Promise<void>
}

async function serve(scene: (store: MonitorStore) => void): Promise<Site> {
  const store = openSqliteMonitorStore(join(folder, `${Math.random()}.db`))
  scene(store)
  const asked: string[] = []
  const handle = dashboardHandler({
    status: () =>
      statusOf(
        store,
        () =>
          ({ version }) =>
            version === '2.5.0' ? votes : null,
        now,
      ),
    clock: () => performance.now() / 1000,
    onDefect: (error) => {
      throw error
    },
  })
  const server: Server = createServer((req, res) => {
    asked.push(req.url ?? '')
    if (req.url === `/v1/evidence/${evidenceId}`) res.setHeader('Content-Type', 'application/json').end(evidenceBytes)
    else if (!handle(req, res)) res.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      store.close()
    },
  }
}

interface Seen {
  readonly page: Page
  /** Errors of the page, refusals of its policy among them. */
  readonly errors: string[]
}

async function look(url: string, size: keyof typeof widths, colorScheme: 'light' | 'dark' = 'light'): Promise<Seen> {
  const context = await browser.newContext({ viewport: widths[size], colorScheme, acceptDownloads: true })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => void errors.push(message.text()))
  page.on('requestfailed', (request) => void errors.push(`failed: ${request.url()}`))
  await page.goto(url)
  return { page, errors }
}

/** In the page's own words, as the compiler here knows no browser. */
const readability = `({
  sticksOut: document.documentElement.scrollWidth - window.innerWidth,
  small: [...document.querySelectorAll('body *')].filter(
    (one) => one.textContent !== '' && Number.parseFloat(getComputedStyle(one).fontSize) < 12,
  ).length,
})`

/** What there is on the page that could do something, and what it says. */
const contents = `({
  title: document.title,
  scripts: document.querySelectorAll('script, img, iframe, object, embed, form, base, style').length,
  handlers: [...document.querySelectorAll('*')].filter((one) =>
    [...one.attributes].some(({ name }) => name.startsWith('on') || name === 'style'),
  ).length,
  outside: [...document.querySelectorAll('[href], [src]')].filter(
    (one) =>
      !/^(?:v1\\/|metrics$|icon\\.svg$|dashboard\\.css$)/.test(one.getAttribute('href') ?? one.getAttribute('src') ?? ''),
  ).length,
  hidden: /[\\p{Cc}\\p{Cf}]/u.test(document.body.textContent.replaceAll('\\n', '')),
  tables: document.querySelectorAll('table').length,
})`

/** Nothing sticks out at the side, and every text is large enough to read. */
async function demandReadable(page: Page): Promise<void> {
  const found = await page.evaluate(readability)
  expect(found).toEqual({ sticksOut: 0, small: 0 })
}

describe.skipIf(why !== null)('the dashboard', () => {
  const all = (store: MonitorStore) => {
    calm(store)
    alarm(store)
  }

  it.each([
    ['phone', 'light'],
    ['desktop', 'dark'],
  ] as const)('is readable on a %s, %s, and asks nobody else for anything', async (size, scheme) => {
    for (const [name, scene, title] of [
      ['calm', calm, 'All is well'],
      ['alarm', all, 'Alarm'],
    ] as const) {
      const site = await serve(scene)
      const { page, errors } = await look(site.url, size, scheme)
      expect(await page.textContent('h1')).toBe(title)
      await demandReadable(page)
      await page.screenshot({ path: join(artifacts, `${name}-${size}-${scheme}.png`), fullPage: true })
      expect(errors).toEqual([])
      expect([...new Set(site.asked)].toSorted()).toEqual(['/', '/dashboard.css', '/icon.svg'])
      await page.context().close()
      await site.close()
    }
  })

  it('shows logs, sizes, witnesses, products and their votes, alerts and evidence, and hands the evidence out', async () => {
    const site = await serve(all)
    const { page } = await look(site.url, 'desktop')
    const text = await page.innerText('body')
    for (const words of ['log.example.com/main', '18\u202f432', 'Two histories: client shows another one.'])
      expect(text).toContain(words)
    for (const words of [
      'alder.example/w1',
      '8 min ago',
      'example.com/editor',
      '2.5.0',
      '2 of 2',
      '1 of 2, 1 against',
      'waived',
    ])
      expect(text).toContain(words)
    for (const words of ['missing-rebuilds', 'Ask the rebuilders', 'Convicts log.example.com/main.'])
      expect(text).toContain(words)
    const rules = await page.locator('.alert code').allInnerTexts()
    expect(rules).toEqual(['fork', 'missing-rebuilds', 'trust-change'])
    expect(await page.locator('.plot path.line').getAttribute('d')).toMatch(/^M4 92H[\d.HV]+$/)
    const waiting = page.waitForEvent('download')
    await page.locator('.alert.critical a.download').click()
    const download = await waiting
    expect(download.suggestedFilename()).toBe('evidence-eeeeeeeeeeee.json')
    await page.context().close()
    await site.close()
  })

  it('shows what attackers wrote as what they wrote', async () => {
    const site = await serve(attack)
    for (const size of ['phone', 'desktop'] as const) {
      const { page, errors } = await look(site.url, size)
      await page.screenshot({ path: join(artifacts, `attack-${size}.png`), fullPage: true })
      await demandReadable(page)
      const found = await page.evaluate(contents)
      const count = Object.keys(hostile).length
      expect(found).toEqual({
        ...{ title: 'Needs a look · samebits monitor', scripts: 0, handlers: 0, outside: 0, hidden: false },
        tables: 2 * count,
      })
      const text = await page.textContent('body')
      for (const written of [hostile.markup, hostile.attribute, hostile.entity, hostile.template])
        expect(text).toContain(written)
      expect(text).toContain('release \\u{202e}gpj.exe\\u{202c} 1.0')
      expect(text).toContain('one\\u{0}two\\u{1b}[31m\\u{d}\\u{a}three\\u{85}')
      expect(errors).toEqual([])
      await page.context().close()
    }
    await site.close()
  })
})

describe('/v1/status', () => {
  it('says the same as JSON', async () => {
    const site = await serve((store) => {
      calm(store)
      alarm(store)
    })
    const response = await fetch(`${site.url}v1/status`)
    expect(response.headers.get('content-type')).toBe('application/json')
    const status = (await response.json()) as Status
    expect(status).toMatchObject({
      ...{ format: 1, at: now, verdict: 'alarm', openAlerts: { critical: 1, warning: 1, notice: 1 } },
      logs: [{ origin: 'log.example.com/main', head: { size: 18_432 }, readTo: 18_432, productCount: 2 }],
      evidence: [{ id: evidenceId, kind: 'fork' }],
    })
    expect(status.logs[0]?.views.find(({ kind }) => kind === 'mirror')).toMatchObject({ size: 18_420, behind: 12 })
    await site.close()
  })

  it('and the page allow nothing from elsewhere, and are read only', async () => {
    const site = await serve(calm)
    for (const path of ['', 'v1/status', 'dashboard.css', 'icon.svg']) {
      const response = await fetch(`${site.url}${path}`)
      expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self';/)
      expect(response.headers.get('content-security-policy')).not.toContain('unsafe')
      expect((await fetch(`${site.url}${path}`, { method: 'POST', body: 'x' })).status).toBe(405)
    }
    expect((await fetch(`${site.url}dashboard`)).status).toBe(404)
    await site.close()
  })
})
