/** A log of any bytes is rotated by its command line, with real logs and servers; `npm run test:rotation` has products and kills. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runIn } from './testing.ts'

let cwd: string
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'samebits-rotate-'))
  await runIn(cwd, 'keygen --origin example.com/log')
  await runIn(cwd, 'init --origin example.com/log')
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const nowhere = 'http://127.0.0.1:9/'
const begin = `--url ${nowhere} --to-origin example.org/log --to-url ${nowhere} --to-keys-dir keys-2 --to-data-dir data-2`
const at = (...names: readonly string[]) => join(cwd, ...names)
async function rotate(flags = ''): Promise<{ status: number; step: string | undefined; said: string }> {
  const { status, stdout, stderr } = await runIn(cwd, `rotate --mode raw --log-level silent --json ${flags}`)
  const { waits } = JSON.parse(stdout.split('\n')[0] ?? '') as { waits?: { step: string } | null }
  return { status, step: waits?.step, said: stderr }
}
/** Serves while `work` runs, and gives it the URL. */
async function serving(flags: string, work: (url: string) => Promise<void>): Promise<void> {
  let failed: unknown = null
  const { status, stderr } = await runIn(
    cwd,
    `serve --port 0 --mode raw --log-level silent --json ${flags}`,
    {},
    (url) =>
      work(url).catch((error: unknown) => {
        failed = error
      }),
  )
  if (failed !== null) throw failed
  expect([status, stderr]).toEqual([0, ''])
}
const replan = (change: (plan: string) => string) =>
  writeFileSync(at('data/rotation.json'), change(readFileSync(at('data/rotation.json'), 'utf8')))

describe('rotate', () => {
  it.each([
    ['nothing to begin with', '', 'USAGE'],
    ['its own name', begin.replace('example.org/log', 'example.com/log'), 'USAGE'],
    ['its own keys', begin.replace('keys-2', 'keys'), 'USAGE'],
    ['its own folder', begin.replace('data-2', 'data'), 'USAGE'],
    ['a name that is none', begin.replace('example.org/log', 'a+b'), 'ORIGIN_INVALID'],
    ['another log to confirm', `${begin} --confirm example.org/log`, 'USAGE'],
  ])('is refused with %s, and nothing is made', async (_what, flags, code) => {
    expect(await rotate(flags)).toMatchObject({ status: 64, said: expect.stringMatching(`^${code}: `) })
    expect(['data/rotation.json', 'keys-2', 'data-2'].filter((name) => existsSync(at(name)))).toEqual([])
  })

  it('makes keys and successor, and waits for it to be served, however often it is run', async () => {
    expect(await rotate(begin)).toMatchObject({ status: 20, step: 'served' })
    const keys = readFileSync(at('keys-2/ed25519.pem'), 'utf8')
    expect(await rotate()).toMatchObject({ status: 20, step: 'served' })
    expect(readFileSync(at('keys-2/ed25519.pem'), 'utf8')).toBe(keys)
    expect(await rotate('--to-origin example.net/log')).toMatchObject({ status: 64 })
    expect(JSON.parse(readFileSync(at('data-2/serve.json'), 'utf8'))).toMatchObject({
      mode: 'raw',
      dataDir: at('data-2'),
    })
  })

  it('ends a successor that was begun and not published', async () => {
    const database = new Database(at('data-2/log.db'))
    database.exec('DELETE FROM published')
    database.close()
    replan((plan) => plan.replace(/,\s*"init": \d+/, ''))
    expect(await rotate()).toMatchObject({ status: 20, step: 'served' })
    const { status } = await runIn(
      cwd,
      `fsck data-2 --key ${readFileSync(at('data-2/hand-out/vkeys'), 'utf8').split('\n')[0]}`,
    )
    expect(status).toBe(0)
  })

  it('freezes once the successor is served, the server is stopped and a person said so', async () => {
    await serving('--config data-2/serve.json', async (next) => {
      replan((plan) => plan.replace(new RegExp(`("origin": "example.org/log",\\s*"url": ")${nowhere}`), `$1${next}`))
      expect(await rotate()).toMatchObject({ status: 20, step: 'frozen' })
      await serving('', async () => {
        expect(await rotate('--confirm example.com/log')).toMatchObject({ status: 20, step: 'frozen' })
      })
      expect(await rotate('--confirm example.com/log')).toMatchObject({ status: 20, step: 'told' })
      await serving('', async (url) => {
        const refused = await fetch(`${url}/add`, { method: 'POST', body: 'late' })
        expect([refused.status, await refused.json()]).toEqual([
          410,
          expect.objectContaining({ successor: expect.objectContaining({ origin: 'example.org/log', url: next }) }),
        ])
        expect(await rotate(`--url ${url}`)).toMatchObject({ status: 0, step: undefined })
      })
    })
  })

  it('does not begin from a damaged plan', async () => {
    replan((plan) => plan.replace('"keys"', '"kezs"'))
    expect(await rotate()).toMatchObject({ said: expect.stringMatching(/^ROTATION_DAMAGED: /) })
  })
})

describe('freeze', () => {
  it('needs the successor, its keys, and the name of the log that ends', async () => {
    const key = readFileSync(at('data-2/hand-out/vkeys'), 'utf8').split('\n')[0]
    for (const [flags, code] of [
      ['--successor http://127.0.0.1:9/', 'USAGE'],
      [`--successor http://127.0.0.1:9/ --successor-key ${key} --confirm example.org/log`, 'USAGE'],
      [`--successor here --successor-key ${key} --confirm example.com/log`, 'USAGE'],
      [`--successor http://127.0.0.1:9/ --successor-key ${key} --confirm example.com/log`, 'SUCCESSOR_UNREACHABLE'],
    ])
      expect((await runIn(cwd, `freeze --mode raw ${flags}`)).stderr).toMatch(new RegExp(`^${code}: `))
  })
})
