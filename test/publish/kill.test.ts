/**
 * `publish`, killed at every step and run again: published once, and at no moment is anything handed out that is not true.
 * Each run is killed at another one (killing.ts).
 */
import { readdir } from 'node:fs/promises'
import { parseSignedCheckpoint } from '@samebits/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { attempts, fedVersion, killAt, loggedVersions } from './killing.ts'
import { newProduct, type Product, startBuild } from './kit.ts'

let product: Product
beforeAll(async () => {
  product = await newProduct()
})
afterAll(() => product.remove())

/** Anchors and stapled sizes are in sizes.json before anything that names them is handed out. */
async function checkSizes(): Promise<void> {
  const sizes = (await product.json('sizes.json')) as { anchors: { size: number }[] }
  const anchor = (await product.json('example.com_notes.anchor.json')) as { checkpoint: string }
  const shipped = parseSignedCheckpoint(anchor.checkpoint).checkpoint.size
  if (shipped > 0) expect(sizes.anchors.map(({ size }) => size)).toContain(shipped)
}

const steps: Readonly<Record<string, RegExp>> = {
  'before it asks for the checkpoint': /^request GET \/checkpoint/,
  'while it keeps the signed bytes': /^file \.samebits\/publish\/\.[0-9a-f]+\.tmp/,
  'once they are kept': /^file \.samebits\/publish\/[0-9a-f]{64}$/,
  'before the entry reaches the log': /^request POST \/add/,
  'after the log has the entry': /^answer POST \/add/,
  'before it hears of the sizes': /^answer GET \/v1\/sizes/,
  'while it writes sizes.json': /^file \.sizes\.json/,
  'with sizes.json': /^file sizes\.json/,
  'while it writes the bundle': /^file dist\/\..*\.samebits\.json/,
  'with the bundle': /^file dist\/notes.*\.samebits\.json/,
  'while it copies into the feed': /^file feed\/[0-9a-f]{64}\/\./,
  'while it moves the feed': /^file feed\/\.stable\.samebits\.json/,
  'with the feed': /^file feed\/stable\.samebits\.json/,
  'with the anchor': /^file example\.com_notes\.anchor\.json/,
  'at its end': /^file \.samebits\/publish\/[0-9a-f]{64}\/published\.json/,
}
const versions = ['1.0.0']
/** `npm test` kills at the steps after which most is different, and three times at random; `npm run test:crash-publish` at all, and a hundred times. */
const isLong = process.env['MODE'] === 'crash'
const randomKills = isLong ? 100 : 3
const telling = [
  'once they are kept',
  'after the log has the entry',
  'with sizes.json',
  'with the bundle',
  'while it moves the feed',
]
const chosen = Object.entries(steps).filter(([name]) => isLong || telling.includes(name))

it('has a first release', async () => {
  const file = await product.artifact('notes-1.0.0.tgz', '1.0.0')
  expect((await product.build('publish', file, '--version', '1.0.0')).status).toBe(0)
})

/** One version, killed at the step, checked, run again, checked. @returns whether the step was seen before the end */
async function publishKilledAt(pattern: RegExp): Promise<boolean> {
  const version = `1.0.${versions.length}`
  const file = await product.artifact(`notes-${version}.tgz`, version)
  const args = ['publish', file, '--version', version]
  const seen = await killAt(product, pattern, () => startBuild(product.folder, args))
  expect([versions.at(-1), version]).toContain(await fedVersion(product))
  await checkSizes()
  const { status, stderr } = await product.build(...args)
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  versions.push(version)
  expect(await fedVersion(product)).toBe(version)
  await checkSizes()
  return seen
}

it.each(chosen)('killed %s and run again, it goes on', async (_, pattern) => {
  let seen = false
  for (let attempt = 0; attempt < attempts && !seen; attempt++) seen = await publishKilledAt(pattern)
  expect(seen).toBe(true)
})

it(`killed ${randomKills} times at random moments and run again, it goes on`, async () => {
  for (let count = 0; count < randomKills; count++) {
    const version = `1.0.${versions.length}`
    const file = await product.artifact(`notes-${version}.tgz`, version)
    const args = ['publish', file, '--version', version]
    const run = startBuild(product.folder, args)
    const afterMs = Math.floor(Math.random() * 1500)
    const timer = setTimeout(() => run.child.kill('SIGKILL'), afterMs)
    await run.ended
    clearTimeout(timer)
    expect([versions.at(-1), version]).toContain(await fedVersion(product))
    const { status, stderr } = await product.build(...args)
    expect({ afterMs, status, stderr: status === 0 ? '' : stderr }).toEqual({ afterMs, status: 0, stderr: '' })
    versions.push(version)
  }
  const left = await readdir(product.at('feed'), { recursive: true })
  expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([])
}, 600_000)

it('and every version was logged once, in order', async () => {
  expect(await loggedVersions(product)).toEqual(versions)
})
