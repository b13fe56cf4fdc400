import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type KeptRequest, keptStatements } from './kept.ts'
import { inFolder } from './testing.ts'

const id = '0a'.repeat(32)
const entry = Buffer.from('signed bytes')
const request: KeptRequest = {
  format: 1,
  kind: 'publish',
  product: 'example.com/notes',
  channel: 'stable',
  version: '1.0.0',
  sequence: 1,
  artifacts: [{ name: 'notes.tgz', path: '/tmp/notes.tgz', size: 3, sha256: 'ab'.repeat(32) }],
}

describe('kept statements', () => {
  it('are there after keep, and carry their end', () =>
    inFolder(async (folder) => {
      const kept = keptStatements(join(folder, 'publish'), folder)
      expect(await kept.list()).toEqual([])
      await kept.keep(id, request, entry)
      expect(await kept.list()).toEqual([{ id, request, entry, bodies: new Map(), published: null, withdrawn: null }])
      await kept.markPublished(id, { size: 4, fed: true })
      expect((await kept.list())[0]?.published).toEqual({ size: 4, fed: true })
      await kept.withdraw(id, 'the head moved')
      expect((await kept.list())[0]?.withdrawn).toBe('the head moved')
      await kept.restore(id)
      expect((await kept.list())[0]?.withdrawn).toBeNull()
    }))

  it('keep the bodies that their statement names', () =>
    inFolder(async (folder) => {
      const bodies = new Map([['cd'.repeat(32), Buffer.from('a body')]])
      await keptStatements(folder, folder).keep(id, request, entry, bodies)
      expect((await keptStatements(folder, folder).list())[0]?.bodies).toEqual(bodies)
    }))

  it('follow their workspace to another place', () =>
    inFolder(async (folder) => {
      const [before, after] = [join(folder, 'before'), join(folder, 'after')]
      const files = ['before/dist/notes.tgz', 'before/..notes.tgz', 'before-it/notes.tgz', 'notes.tgz']
      const [first] = request.artifacts
      const artifacts = files.map((path) => ({
        ...(first as (typeof request.artifacts)[number]),
        path: join(folder, path),
      }))
      await keptStatements(join(before, 'publish'), before).keep(id, { ...request, artifacts }, entry)
      await rename(before, after)
      const [kept] = await keptStatements(join(after, 'publish'), after).list()
      expect(kept?.request.artifacts.map(({ path }) => path)).toEqual([
        join(after, 'dist/notes.tgz'),
        join(after, '..notes.tgz'),
        ...artifacts.slice(2).map(({ path }) => path),
      ])
    }))

  it('are never replaced', () =>
    inFolder(async (folder) => {
      const kept = keptStatements(folder, folder)
      await kept.keep(id, request, entry)
      await expect(kept.keep(id, request, Buffer.from('other'))).rejects.toThrow()
      expect((await kept.list())[0]?.entry).toEqual(entry)
    }))

  it('do not include what an interrupted run left', () =>
    inFolder(async (folder) => {
      const half = join(folder, '.0011223344ff.tmp')
      await mkdir(half)
      await writeFile(join(half, 'request.json'), '{')
      expect(await keptStatements(folder, folder).list()).toEqual([])
      expect(await readdir(folder)).toEqual([])
    }))

  it.each<[string, (at: string) => Promise<void>]>([
    ['without the signed bytes', (at) => rm(join(at, 'entry.json'))],
    ['without the request', (at) => rm(join(at, 'request.json'))],
    ['with a request that is not JSON', (at) => writeFile(join(at, 'request.json'), '{')],
    [
      'with a request of another format',
      (at) => writeFile(join(at, 'request.json'), JSON.stringify({ ...request, format: 2 })),
    ],
    ['with an unknown field', (at) => writeFile(join(at, 'request.json'), JSON.stringify({ ...request, more: 1 }))],
    ['with an end that is not one', (at) => writeFile(join(at, 'published.json'), '{"size":-1,"fed":true}')],
    ['with a withdrawal without reason', (at) => writeFile(join(at, 'withdrawn.json'), '{}')],
  ])('are refused %s', (_, damage) =>
    inFolder(async (folder) => {
      const kept = keptStatements(folder, folder)
      await kept.keep(id, request, entry)
      await damage(join(folder, id))
      await expect(kept.list()).rejects.toMatchObject({ code: 'STATE_INVALID' })
    }),
  )

  it('are refused under a name that is no id', () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'notes'))
      await expect(keptStatements(folder, folder).list()).rejects.toMatchObject({ code: 'STATE_INVALID' })
    }))
})
