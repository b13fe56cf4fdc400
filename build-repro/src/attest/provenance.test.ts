import { buildTypes, formatStatement, parseStatement } from '@samebits/core'
import { describe, expect, it } from 'vitest'
import { plainConditions } from '../build/conditions.ts'
import { objectionsTo } from '../build/objections.ts'
import type { BuildResult } from '../build/run-build.ts'
import { logBody, makeBody } from './body.ts'
import { provenance } from './provenance.ts'

const digest = (byte: string) => byte.repeat(32)
const build: BuildResult = {
  outputs: [{ name: 'app', path: '/x/app', size: 3, sha256: digest('01'), artifact: { path: 'out/app' } }],
  log: { path: '/x/log', sha256: digest('02'), size: 9 },
  image: {
    facts: { id: `sha256:${digest('03')}`, platform: 'linux/amd64', environment: [] },
    digest: digest('03'),
    dockerfile: null,
  },
  engine: { name: 'podman', version: '5.0.0', isolates: true },
  conditions: plainConditions,
  epoch: 1_700_000_000,
  startedAt: 1_795_000_000,
  finishedAt: 1_795_000_061,
  objections: [],
}
const attested = {
  product: 'example.com/notes',
  source: { uri: 'git+https://example.com/notes', gitCommit: '0a'.repeat(20), sha256: digest('04') },
  recipeDigest: digest('05'),
  release: digest('06'),
  builder: { id: 'https://example.org/', version: '0.1.0' },
  invocationId: 'job/1',
  dependencies: makeBody('dependencies.json', 'application/json', Buffer.from('[]')),
  byproducts: [makeBody('build.log', 'text/plain', Buffer.from('log'))],
}

describe('provenance', () => {
  it('is SLSA v1 in the form that logs take, and complete', () => {
    const payload = formatStatement(provenance(build, attested))
    expect(parseStatement(payload)).toEqual(provenance(build, attested))
    const { predicateType, subject, predicate } = JSON.parse(Buffer.from(payload).toString())
    expect(predicateType).toBe('https://slsa.dev/provenance/v1')
    expect(subject).toEqual([{ name: 'app', digest: { sha256: digest('01') } }])
    expect(predicate.buildDefinition).toMatchObject({
      buildType: buildTypes.container,
      externalParameters: {
        product: 'example.com/notes',
        source: attested.source,
        recipeDigest: digest('05'),
        imageDigest: digest('03'),
        release: digest('06'),
      },
      internalParameters: {
        path: '/build/source',
        umask: '0022',
        user: 'builder 1000:1000',
        sourceDateEpoch: '1700000000',
      },
      resolvedDependencies: [{ name: 'dependencies.json' }],
    })
    expect(predicate.runDetails).toMatchObject({
      builder: { id: 'https://example.org/', version: { 'samebits-build': '0.1.0', podman: '5.0.0' } },
      metadata: { startedOn: '2026-11-18T11:06:40Z', finishedOn: '2026-11-18T11:07:41Z', invocationId: 'job/1' },
      byproducts: [{ name: 'build.log', mediaType: 'text/plain' }],
    })
  })

  const commit = { kind: 'commit' } as const
  const recipe = { image: { id: `sha256:${digest('03')}` }, build: { run: ['true'] }, artifacts: ['app'], epoch: 0 }
  it.each([
    ['a host build', 'NO_CONTAINER', { isolates: false }],
    ['an image by its tag', 'IMAGE_FLOATS', { recipe: { ...recipe, image: { reference: 'node:24' } } }],
    ['a floating base', 'BASE_FLOATS', { dockerfile: 'FROM debian:12\n' }],
    [
      'network in the build step',
      'NETWORK_IN_BUILD',
      { recipe: { ...recipe, build: { run: ['true'], network: true } } },
    ],
    ['a folder as it lay there', 'NO_COMMIT', { source: { kind: 'folder' as const } }],
  ])('is not made for %s', (_, code, change) => {
    const objections = objectionsTo({ recipe, dockerfile: null, isolates: true, source: commit, ...change })
    expect(() => provenance({ ...build, objections }, attested)).toThrow(
      expect.objectContaining({ code: 'NOT_ATTESTABLE', detail: expect.stringContaining(code) }),
    )
  })
})

describe('a build log as a body', () => {
  const lines = Buffer.from('one line of a log\n'.repeat(100))
  const noise = Buffer.from(Array.from({ length: 1800 }, (_, at) => (at * 7919 * (at + 13)) % 251))

  it.each([
    ['as it is where it fits', lines, 1800, 'build.log'],
    ['gzipped where only that fits', lines, 200, 'build.log.gz'],
    ['as its end, gzipped', Buffer.concat([noise, lines]), 150, 'end-of-build.log.gz'],
  ])('goes %s', (_, log, cap, name) => {
    expect(logBody(log, cap)?.name).toBe(name)
  })

  it('stays here where there is none, or nothing of it fits', () => {
    expect(logBody(Buffer.alloc(0))).toBeNull()
    expect(logBody(noise, 30)).toBeNull()
  })
})
