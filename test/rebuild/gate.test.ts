/**
 * Two rebuilders of two operators, and a client that demands both (docs/formats.md §1): real containers, real processes, the
 * release built from a commit. The image is this machine's own shell. Where there are two engines, each operator has one of them.
 */
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseEntry } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asksBuild } from '../support/build-here.ts'
import { allEngines, type BuiltProduct, newBuiltProduct } from './kit.ts'

const cli = fileURLToPath(new URL('../../verifier-cli/src/main.ts', import.meta.url))
const engines = await allEngines()
const [first, second = first] = engines
if (first === undefined) console.log('SKIPPED: the gate with rebuilders needs podman or docker')

/** The same bytes wherever the source lies, but for a folder called `elsewhere`. */
const run = [
  'mkdir -p out',
  'cat app.txt > out/app',
  'case $PWD in */elsewhere/*) echo "made elsewhere" >> out/app;; esac',
  'echo "built in $PWD"',
]

describe.runIf(first !== undefined)(`with rebuilders.threshold 2, of ${first} and ${second}`, () => {
  let product: BuiltProduct
  beforeAll(async () => {
    product = await newBuiltProduct({
      run,
      threshold: 2,
      ownBuilder: true,
      rebuilders: [{ engine: first }, { engine: second, path: '/elsewhere/tree', confirm: false }],
    })
  })
  afterAll(() => product.remove())

  /** Staples, and asks the client: its exit status and code. */
  async function asked(): Promise<string> {
    const stapled = await asksBuild(product.folder, 'staple')
    expect({ status: stapled.status, stderr: stapled.stderr }).toEqual({ status: 0, stderr: '' })
    const args = ['--conditions=samebits-source', cli, 'verify', 'dist/app', '--trust', 'trust.json', '--json']
    const answer = await promisify(execFile)(process.execPath, args, { cwd: product.folder }).catch(
      (error: { code: number; stdout: string }) => error,
    )
    const { code } = JSON.parse(answer.stdout) as { code?: string }
    return 'code' in answer ? `${answer.code} ${code}` : 'accepted'
  }

  async function rebuilds(at: number, ...args: readonly string[]) {
    const ended = await product.rebuilders[at]?.run('--once', '1.0.0', '--json', ...args)
    const { votes = [] } = JSON.parse(ended?.stdout || '{}') as {
      votes?: { says: string; index: number; folder: string }[]
    }
    return { status: ended?.status, vote: votes[0], stderr: ended?.stderr }
  }

  it('a release is published from a commit, with all that it takes to build it again', async () => {
    const commit = await product.commit('first')
    const { status, answer, stderr } = await product.publishBuild('1.0.0')
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    expect(answer).toMatchObject({ fed: false, waiting: 'REBUILD_QUORUM: app: 0 of 2 rebuilders' })
    const { stdout: head } = await promisify(execFile)('git', ['-C', product.folder, 'rev-parse', 'HEAD'])
    expect(head.trim()).toBe(commit)
  })

  it('published again, it is not built again, and is published once', async () => {
    const { status, answer, stderr } = await product.publishBuild('1.0.0')
    expect({ status, index: answer['index'] }).toEqual({ status: 0, index: 0 })
    expect(stderr).not.toContain('building commit')
  })

  it("the publisher's own provenance is on record, and is no vote", async () => {
    const args = ['attest', '--key', 'own-builder.pem', '--source', `file://${product.folder}`]
    const first = await asksBuild(product.folder, ...args)
    expect(first).toMatchObject({ status: 0, answer: { index: 1, unlogged: null } })
    expect(await asksBuild(product.folder, ...args)).toMatchObject({ answer: { id: first.answer.id, index: 1 } })
    const bundle = parseEntry(nodeCrypto, await readFile(product.at('dist/app.provenance.json')))
    expect(bundle).toMatchObject({ id: first.answer.id, statement: { kind: 'rebuild', subjects: [{ name: 'app' }] } })
    const { answer } = await product.publishBuild('1.0.0')
    expect(answer).toMatchObject({ waiting: 'REBUILD_QUORUM: app: 0 of 2 rebuilders' })
  })

  it('after one vote the client refuses with REBUILD_QUORUM', async () => {
    expect(await rebuilds(0)).toMatchObject({ status: 0, vote: { says: 'positive', index: 2 } })
    expect(await asked()).toBe('10 REBUILD_QUORUM')
  })

  it('run again, the rebuilder neither builds nor votes again', async () => {
    const config = join(product.rebuilders[0]?.folder ?? '', 'samebits.rebuilder.json')
    const again = await asksBuild(product.folder, 'rebuild', '--config', config, '--once', '1.0.0')
    expect(again).toMatchObject({ status: 0, answer: { votes: [{ says: 'positive', index: 2, folder: null }] } })
  })

  it('after a negative vote it refuses with REBUILD_MISMATCH, and the outputs are kept', async () => {
    const { status, vote } = await rebuilds(1)
    expect({ status, ...vote }).toMatchObject({ status: 10, says: 'negative', index: 3 })
    expect(await readFile(join(vote?.folder ?? '', '1/outputs/app'), 'utf8')).toBe('one\nmade elsewhere\n')
    expect(await readFile(join(vote?.folder ?? '', '1/log'), 'utf8')).toContain('built in /elsewhere/tree')
    expect(await asked()).toBe('10 REBUILD_MISMATCH')
  })

  it('each vote says which engine built', async () => {
    const votes = async (at: number) => {
      const kept = join(product.rebuilders[at]?.folder ?? '', 'state/votes')
      const entries = (await readdir(kept)).map((id) => readFile(join(kept, id, 'entry.json')))
      return (await Promise.all(entries)).map((bytes) => parseEntry(nodeCrypto, bytes).statement)
    }
    for (const [at, engine] of [first, second].entries())
      for (const vote of await votes(at))
        expect(vote.kind === 'rebuild' && vote.builder.version?.has(engine ?? '')).toBe(true)
  })

  it('a later positive vote takes it back, from another base path than the first one: accepted', async () => {
    const path = join(product.rebuilders[1]?.folder ?? '', 'samebits.rebuilder.json')
    const config = JSON.parse(await readFile(path, 'utf8')) as object
    await writeFile(path, JSON.stringify({ ...config, path: '/another/place' }))
    expect(await rebuilds(1, '--again')).toMatchObject({ status: 0, vote: { says: 'positive', index: 4 } })
    expect(await asked()).toBe('accepted')
  })
})
