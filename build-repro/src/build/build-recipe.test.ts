import { describe, expect, it } from 'vitest'
import { parseBuild } from './open-build.ts'

const id = `sha256:${'0'.repeat(64)}`
const build = {
  image: { id },
  fetch: { run: ['npm ci --ignore-scripts'] },
  build: { run: ['npm run build'] },
  artifacts: ['dist/app', { path: 'dist/app.deb', platform: 'linux-x64' }],
  epoch: 'commit',
  environment: { CGO_ENABLED: '0' },
  limits: { minutes: 5, memoryMiB: 512, processes: 100 },
}
const parse = (document: unknown) => parseBuild(Buffer.from(JSON.stringify(document)))
const withBuild = (change: object) => ({ format: 1, build: { ...build, ...change } })

describe('how a recipe says to build', () => {
  it.each<[string, object]>([
    ['in full', {}],
    ['with a lock for the image', { image: { id, lock: 'image.lock.json' } }],
    ['with an image of a registry', { image: { reference: `docker.io/library/node@${id}` } }],
    ['with a Dockerfile', { image: { dockerfile: 'Dockerfile.repro' } }],
    ['with an epoch', { epoch: 1_700_000_000 }],
    ['with the network, for a first look', { build: { run: ['make'], network: true } }],
  ])('is read %s', (_, change) => {
    expect(parse(withBuild(change)).recipe).toEqual({ ...build, ...change })
  })

  it('has the digest of its bytes', () => {
    const digests = [' ', '  '].map(
      (space) => parseBuild(Buffer.from(`{"format":1,${space}"build":${JSON.stringify(build)}}`)).recipeDigest,
    )
    expect(new Set(digests).size).toBe(2)
  })

  it.each<[string, unknown]>([
    ['no build', { format: 1 }],
    ['another format', { format: 2, build }],
    ['an unknown field', withBuild({ entrypoint: 'x' })],
    ['two images', withBuild({ image: { id, reference: 'node' } })],
    ['an ID that is none', withBuild({ image: { id: 'latest' } })],
    ['an ID in upper case', withBuild({ image: { id: `sha256:${'A'.repeat(64)}` } })],
    ['an option for an image', withBuild({ image: { reference: '--privileged' } })],
    ['a space in an image', withBuild({ image: { reference: 'a b' } })],
    ['a Dockerfile elsewhere', withBuild({ image: { dockerfile: '../Dockerfile' } })],
    ['no line to run', withBuild({ build: { run: [] } })],
    ['two lines in one', withBuild({ build: { run: ['a\nb'] } })],
    ['the network in the fetch step, which has it', withBuild({ fetch: { run: ['a'], network: true } })],
    ['no artifact', withBuild({ artifacts: [] })],
    ['an absolute artifact', withBuild({ artifacts: ['/etc/passwd'] })],
    ['an artifact above', withBuild({ artifacts: ['dist/../../x'] })],
    ['an artifact with a backslash', withBuild({ artifacts: ['a\\b'] })],
    ['two artifacts of one name', withBuild({ artifacts: ['a/app', 'b/APP'] })],
    ['no epoch', withBuild({ epoch: undefined })],
    ['a broken epoch', withBuild({ epoch: 1.5 })],
    ['a variable that the build fixes', withBuild({ environment: { TZ: 'UTC' } })],
    ['a loader', withBuild({ environment: { LD_PRELOAD: 'x' } })],
    ['a variable that is none', withBuild({ environment: { 'A=B': 'c' } })],
    ['no minutes', withBuild({ limits: { minutes: 0 } })],
    ['a limit in text', withBuild({ limits: { memoryMiB: '512' } })],
  ])('is refused with %s', (_, document) => {
    expect(() => parse(document)).toThrow(expect.objectContaining({ code: 'RECIPE_INVALID' }))
  })

  it.each(['', '{', '[]', '\ufeff{}'])('is refused as the text %j', (text) => {
    expect(() => parseBuild(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'RECIPE_INVALID' }))
  })
})
