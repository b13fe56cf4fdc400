/** Two publishers, both needed: open proposals, co-signatures, rivals. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAnchor, parseUpdateBundle } from '@samebits/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addPublisher, build, newProduct, otherWorkspace, type Product } from './kit.ts'

let product: Product
let other: string
beforeAll(async () => {
  let key = ''
  product = await newProduct({
    async prepare(folder) {
      key = await addPublisher(folder, 'publisher-2', 2)
    },
  })
  other = await otherWorkspace(product, key)
})
afterAll(async () => {
  await product.remove()
  await rm(other, { recursive: true, force: true })
})

async function run(folder: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = await build(folder, ...args, '--json')
  const answer = JSON.parse(stdout) as Readonly<Record<string, unknown>> & { readonly id: string }
  return { status, answer, stderr }
}

let id = ''

it('a release below the threshold stays open: exit 20, nothing handed out', async () => {
  const path = await product.artifact('notes-1.0.0.tgz', 'one')
  const { status, answer } = await run(product.folder, 'publish', path, '--version', '1.0.0')
  expect(status).toBe(20)
  expect(answer).toMatchObject({ kind: 'open', publishers: { signed: 1, needed: 2 }, bundles: [], anchor: null })
  id = answer.id
  await expect(readFile(product.at(`${path}.samebits.json`))).rejects.toThrow('ENOENT')
  await expect(readFile(product.at('feed/stable.samebits.json'))).rejects.toThrow('ENOENT')
})

it('run again it is the same open release', async () => {
  const { status, answer } = await run(product.folder, 'publish', 'dist/notes-1.0.0.tgz', '--version', '1.0.0')
  expect(status).toBe(20)
  expect(answer).toMatchObject({ kind: 'open', id, index: 0, size: 1 })
})

it.each<[string, string, Readonly<Record<string, string>>]>([
  ['another digest', 'notes-1.0.0.tgz has the SHA-256', { 'notes-1.0.0.tgz': 'eno' }],
  ['another length', 'notes-1.0.0.tgz has 4 bytes, the statement says 3', { 'notes-1.0.0.tgz': 'ones' }],
  ['another name', 'notes-1.0.0.tgz is missing; notes.tgz is not in the statement', { 'notes.tgz': 'one' }],
  ['one file more', 'extra.tgz is not in the statement', { 'notes-1.0.0.tgz': 'one', 'extra.tgz': 'x' }],
])('a co-signer with %s does not sign', async (_, detail, files) => {
  for (const [name, content] of Object.entries(files)) await writeFile(join(other, name), content)
  const { status, answer } = await run(other, 'publish', '--cosign', id, ...Object.keys(files))
  expect(status).toBe(10)
  expect(answer).toMatchObject({ error: { code: 'ARTIFACT_DIFFERS', detail: expect.stringContaining(detail) } })
})

it('the same release is not published a second time by the other, but co-signed', async () => {
  await cp(product.at('dist/notes-1.0.0.tgz'), join(other, 'notes-1.0.0.tgz'))
  const { status, answer } = await run(other, 'publish', 'notes-1.0.0.tgz', '--version', '1.0.0')
  expect(status).toBe(10)
  expect(answer).toMatchObject({ error: { code: 'COSIGN_INSTEAD', remedy: expect.stringContaining(id) } })
})

it('co-signed it is met, and both get bundle and feed', async () => {
  const { status, answer } = await run(other, 'publish', '--cosign', id, 'notes-1.0.0.tgz')
  expect(status).toBe(0)
  expect(answer).toMatchObject({ kind: 'published', id, index: 1, size: 2, fed: true })
  const again = await run(product.folder, 'publish', 'dist/notes-1.0.0.tgz', '--version', '1.0.0')
  expect(again.status).toBe(0)
  expect(again.answer).toMatchObject({ kind: 'published', id, index: 0, size: 2, fed: true })
  const bundle = parseUpdateBundle(await readFile(product.at('feed/stable.samebits.json')))
  expect(bundle.views[0]?.entries.map(({ index }) => index)).toEqual([0, 1])
  const anchor = parseAnchor(await readFile(product.at('example.com_notes.anchor.json')))
  expect(anchor.heads.get('stable')).toEqual({ id, sequence: 1 })
})

it('co-signed twice by one publisher changes nothing', async () => {
  const { status, answer } = await run(other, 'publish', '--cosign', id, 'notes-1.0.0.tgz')
  expect(status).toBe(0)
  expect(answer).toMatchObject({ index: 1, size: 2 })
})

it('of two rivals the first to be met wins; the loser is told, and can sign again', async () => {
  const mine = await product.artifact('notes-1.1.0.tgz', 'mine')
  await writeFile(join(other, 'notes-1.1.1.tgz'), 'theirs')
  const first = await run(product.folder, 'publish', mine, '--version', '1.1.0')
  const second = await run(other, 'publish', 'notes-1.1.1.tgz', '--version', '1.1.1')
  expect([first.status, second.status]).toEqual([20, 20])
  expect([first.answer['sequence'], second.answer['sequence']]).toEqual([2, 2])

  const theirs = await product.artifact('notes-1.1.1.tgz', 'theirs')
  expect((await run(product.folder, 'publish', '--cosign', second.answer.id, theirs)).status).toBe(0)
  await writeFile(join(other, 'notes-1.1.0.tgz'), 'mine')
  const late = await run(other, 'publish', '--cosign', first.answer.id, 'notes-1.1.0.tgz')
  expect(late).toMatchObject({ status: 10, answer: { error: { code: 'HEAD_MOVED' } } })

  const lost = await run(product.folder, 'publish', mine, '--version', '1.1.0')
  expect(lost).toMatchObject({ status: 20, answer: { error: { code: 'HEAD_MOVED' } } })
  const again = await run(product.folder, 'publish', mine, '--version', '1.1.0')
  expect(again).toMatchObject({ status: 20, answer: { kind: 'open', sequence: 3 } })
})

it('shows open proposals in the anchor', async () => {
  await run(other, 'staple')
  const anchor = parseAnchor(await readFile(join(other, 'example.com_notes.anchor.json')))
  expect(anchor.heads.get('stable')?.sequence).toBe(2)
  expect(anchor.entries.map(({ index }) => index)).toEqual([3, 4, 5])
})
