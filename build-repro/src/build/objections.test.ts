import { describe, expect, it } from 'vitest'
import { floatingImages } from '../image/dockerfile.ts'
import type { BuildRecipe } from './build-recipe.ts'
import { type Circumstances, demandAttestable, objectionsTo } from './objections.ts'

const digest = `sha256:${'0'.repeat(64)}`
const recipe: BuildRecipe = { image: { id: digest }, build: { run: ['make'] }, artifacts: ['app'], epoch: 0 }
const fine: Circumstances = { recipe, dockerfile: null, isolates: true, source: { kind: 'commit' } }

describe('what stands against attesting', () => {
  it.each<[string, Partial<Circumstances>, readonly string[]]>([
    ['nothing', {}, []],
    ['nothing, for an image by digest', { recipe: { ...recipe, image: { reference: `node@${digest}` } } }, []],
    ['a tag', { recipe: { ...recipe, image: { reference: 'node:24' } } }, ['IMAGE_FLOATS']],
    ['no tag at all', { recipe: { ...recipe, image: { reference: 'node' } } }, ['IMAGE_FLOATS']],
    ['half a digest', { recipe: { ...recipe, image: { reference: 'node@sha256:00' } } }, ['IMAGE_FLOATS']],
    ['a floating base', { dockerfile: `FROM node:24\nFROM debian` }, ['BASE_FLOATS', 'BASE_FLOATS']],
    ['the network', { recipe: { ...recipe, build: { run: ['make'], network: true } } }, ['NETWORK_IN_BUILD']],
    ['no container', { isolates: false }, ['NO_CONTAINER']],
    ['a folder', { source: { kind: 'folder' } }, ['NO_COMMIT']],
  ])('%s', (_, change, expected) => {
    const objections = objectionsTo({ ...fine, ...change })
    expect(objections.map(({ code }) => code)).toEqual(expected)
    if (expected.length === 0) expect(() => demandAttestable(objections)).not.toThrow()
    else
      expect(() => demandAttestable(objections)).toThrow(
        expect.objectContaining({ code: 'NOT_ATTESTABLE', exitCode: 10 }),
      )
  })
})

describe('what of a Dockerfile floats', () => {
  it.each<[string, readonly string[]]>([
    [`FROM node@${digest}`, []],
    [`FROM --platform=linux/amd64 node:24@${digest} AS a\nFROM a\nCOPY --from=a /x /y\nCOPY --from=0 /x /y`, []],
    ['FROM scratch', []],
    ['# FROM node:24\nFROM scratch', []],
    ['FROM node:24', ['node:24']],
    ['from \\\n  node:24', ['node:24']],
    ['ARG base=x\nFROM $base', ['$base']],
    [`FROM node@${digest} AS a\nFROM A`, []],
    ['FROM b\nFROM scratch AS b', ['b']],
    ['# syntax=docker/dockerfile:1\nFROM scratch', ['docker/dockerfile:1']],
    [`# syntax=docker/dockerfile@${digest}\nFROM scratch`, []],
    ['FROM scratch\nCOPY --from=alpine:3 /bin/sh /bin/sh', ['alpine:3']],
    ['FROM scratch\nRUN --mount=type=bind,from=alpine,target=/a true', ['alpine']],
    ['FROM scratch\nONBUILD COPY --from=alpine / /', ['alpine']],
    ['FROM scratch\nADD https://example.com/a.tar /', ['https://example.com/a.tar']],
    [`FROM scratch\nADD --checksum=${digest} https://example.com/a.tar /`, []],
    ['FROM scratch\nADD git@example.com:a.git /', ['git@example.com:a.git']],
    ['FROM scratch\nADD a.tar /', []],
    ['# escape=`\nFROM `\nnode', ['node']],
  ])('%j: %j', (text, expected) => {
    expect(floatingImages(text)).toEqual(expected)
  })
})
