/**
 * `publish --build`, killed at every step and run again: the commit is built and published once, and what lies in `dist/` and in the
 * feed is whole at every moment. Without a container here (test/rebuild/unboxed.ts), so that it runs everywhere, and at two steps;
 * `npm run test:crash-publish` has it in containers, at every step.
 */
import { access, readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { allEngines, type BuiltProduct, newBuiltProduct } from '../rebuild/kit.ts'
import { attempts, fedVersion, killAt, loggedVersions } from './killing.ts'
import { type BuildRun, startBuild, startScript } from './kit.ts'

const long = process.env['MODE'] === 'crash'
const boxed = long && (await allEngines()).length > 0
const unboxed = fileURLToPath(new URL('../rebuild/unboxed-publish.ts', import.meta.url))

let product: BuiltProduct
beforeAll(async () => {
  const run = ['mkdir -p out', 'cp app.txt out/app']
  product = await newBuiltProduct({ run, threshold: 0, rebuilders: [], ...(boxed ? {} : { unboxed: true }) })
})
afterAll(() => product.remove())

function start(version: string): BuildRun {
  if (!boxed) return startScript(product.folder, unboxed, [version])
  const from = ['--source', `file://${product.folder}`, '--image-archive', product.imageArchive]
  return startBuild(product.folder, ['publish', '--build', '--version', version, ...from])
}

const versions: string[] = []
const shown = (path: string) => readFile(product.at(path), 'utf8').catch(() => null)

/** One commit, killed at the step, checked, run again, checked. @returns whether the step was seen before the end */
async function publishKilledAt(pattern: RegExp): Promise<boolean> {
  const [before, version] = [versions.at(-1) ?? null, `1.0.${versions.length}`]
  await writeFile(product.at('app.txt'), version)
  const commit = await product.commit(version)
  const seen = await killAt(product, pattern, () => start(version))
  expect([before, version]).toContain(await fedVersion(product))
  expect([before, version]).toContain(await shown('dist/app'))
  const wasBuilt = await access(product.at(`.samebits/builds/${commit}/build.json`)).then(
    () => true,
    () => false,
  )
  const { status, stderr } = await start(version).ended
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  expect(stderr.includes('building commit')).toBe(!wasBuilt)
  versions.push(version)
  expect([await fedVersion(product), await shown('dist/app')]).toEqual([version, version])
  expect((await readdir(product.at(`.samebits/builds/${commit}`))).sort()).toEqual(built)
  return seen
}

/** What a finished build keeps. */
const built = ['build.json', 'fetch.log', 'log', 'outputs', 'source.tar']

const steps: Readonly<Record<string, RegExp>> = {
  'with the outputs of the build': /^file \.samebits\/builds\/[0-9a-f]{40}\/outputs\/app/,
  'once the build is kept': /^file \.samebits\/builds\/[0-9a-f]{40}\/build\.json/,
  ...(long
    ? {
        'with the archive of the source': /^file \.samebits\/builds\/.*\/source\.tar/,
        'while it unpacks the source': /^file \.samebits\/builds\/.*\/scratch\/prepared-/,
        'while it builds': /^file \.samebits\/builds\/.*\/scratch\/build-/,
        'while it keeps the build': /^file \.samebits\/builds\/[0-9a-f]{40}\/\.build\.json/,
        'while it hands out the artifact': /^file dist\/\.app\..*tmp/,
        'with the artifact': /^file dist\/app$/,
        'while it keeps the signed bytes': /^file \.samebits\/publish\/\.[0-9a-f]+\.tmp/,
        'once they are kept': /^file \.samebits\/publish\/[0-9a-f]{64}$/,
        'before the entry reaches the log': /^request POST \/add/,
        'after the log has the entry': /^answer POST \/add/,
        'with the bundle': /^file dist\/app\.samebits\.json/,
        'while it copies into the feed': /^file feed\/[0-9a-f]{64}\/\./,
        'with the feed': /^file feed\/stable\.samebits\.json/,
        'at its end': /^file \.samebits\/publish\/[0-9a-f]{64}\/published\.json/,
      }
    : {}),
}

it.each(Object.entries(steps))('killed %s and run again, it goes on', async (_, pattern) => {
  let seen = false
  for (let attempt = 0; attempt < attempts && !seen; attempt++) seen = await publishKilledAt(pattern)
  expect(seen).toBe(true)
})

it('and every version was logged once, in order', async () => {
  expect(await loggedVersions(product)).toEqual(versions)
})
