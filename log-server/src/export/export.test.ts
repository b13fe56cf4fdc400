/** The log's files in a folder: written through by a real server, read by nothing of ours but the verifier. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatVkey } from '@samebits/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runIn } from '../commands/testing.ts'
import { directorySource } from '../directory-source.ts'
import { makeTestLog, type TestLog, type TestServer } from '../testing.ts'
import { directoryPlace } from './directory-place.ts'
import { placeContract } from './place-contract.ts'
import { parseS3Url } from './s3-place.ts'

describe('a folder', () => {
  it.each(placeContract)('$title', async ({ run }) => {
    const folder = mkdtempSync(join(tmpdir(), 'samebits-place-'))
    const read = async (path: string) =>
      existsSync(join(folder, 'x', path)) ? readFileSync(join(folder, 'x', path)) : null
    await run(directoryPlace(join(folder, 'x')), read)
    rmSync(folder, { recursive: true })
  })
})

describe('a log that is exported', () => {
  let log: TestLog
  let site: string
  let server: TestServer
  beforeEach(async () => {
    log = await makeTestLog()
    site = join(log.folder, 'site')
    server = await log.start({ exportTo: site })
  })
  afterEach(async () => {
    await server.stop()
    log.remove()
  })
  const add = async (from: number, to: number) => {
    for (let at = from; at < to; at++) expect((await server.add(`entry ${at}`)).status).toBe(200)
  }
  const exported = () => log.signer.open(readFileSync(join(site, 'checkpoint'), 'utf8')).checkpoint.size
  const fsck = async () => {
    const vkeys = log.signer.keys.map((key) => `--key ${formatVkey(key)}`).join(' ')
    const ran = await runIn(log.folder, `fsck site ${vkeys} --json`)
    expect(ran.stderr).toBe('')
    return (JSON.parse(ran.stdout) as { entries: number }).entries
  }

  it('is whole in its folder, at every size, before a submitter is answered', async () => {
    await expect.poll(() => existsSync(join(site, 'checkpoint'))).toBe(true)
    expect(exported()).toBe(0)
    for (const size of [1, 2, 3, 10]) {
      await add(exported(), size)
      expect(exported()).toBe(size)
      expect(await fsck()).toBe(size)
    }
    await Promise.all(Array.from({ length: 300 }, (_, at) => server.add(`more ${at}`)))
    expect(await fsck()).toBe(310)
    expect(readdirSync(join(site, 'tile/entries')).sort()).toEqual(['000', '001.p'])
    expect(statSync(join(site, 'tile/0/000')).mode & 0o777).toBe(0o644)
  })

  it('goes on where it was, also when the place is new or lost some files', async () => {
    await add(0, 3)
    await server.stop()
    rmSync(site, { recursive: true })
    server = await log.start({ exportTo: site })
    await add(3, 4)
    expect(await fsck()).toBe(4)
  })

  it('answers nobody while the place cannot be written, and goes on once it can', async () => {
    await add(0, 2)
    rmSync(site, { recursive: true })
    writeFileSync(site, 'in the way')
    expect((await server.add('entry 2')).status).toBe(503)
    expect(await (await fetch(`${server.url}/readyz`)).json()).toMatchObject({
      detail: expect.stringContaining('PLACE_'),
    })
    rmSync(site)
    mkdirSync(site)
    await server.stop()
    server = await log.start({ exportTo: site })
    await add(2, 4)
    expect(await fsck()).toBe(4)
  })

  it('signs nothing when the place shows what the storage lacks, and never replaces what is not ours', async () => {
    await add(0, 2)
    await server.stop()
    const other = await makeTestLog()
    writeFileSync(join(site, 'checkpoint'), (await other.signer.sign({ size: 0, root: new Uint8Array(32) }, 1)).text)
    other.remove()
    server = await log.start({ exportTo: site })
    expect((await server.add('x')).status).toBe(503)
    expect(server.gate()).toMatchObject({ state: 'read-only', code: 'PLACE_UNREACHABLE' })
    await server.stop()
    writeFileSync(join(site, 'checkpoint'), (await log.signer.sign({ size: 50, root: new Uint8Array(32) }, 1)).text)
    server = await log.start({ exportTo: site })
    expect(server.gate()).toMatchObject({ state: 'read-only', code: 'STORAGE_BEHIND' })
  })

  it('gives a tile that a mirror dropped its partial form of', async () => {
    await Promise.all(Array.from({ length: 256 }, (_, at) => server.add(`entry ${at}`)))
    const source = directorySource(site)
    expect((await source.tile({ level: 0, index: 0, width: 7 })).length).toBe(7 * 32)
    expect((await source.entries(0, 1)).length).toBeLessThan(20)
    await expect(source.tile({ level: 0, index: 1, width: 1 })).rejects.toMatchObject({ kind: 'missing' })
  })
})

describe('the URL of a bucket', () => {
  it.each([
    ['s3://b', { bucket: 'b', prefix: '', endpoint: null, region: 'us-east-1' }],
    ['s3://b/a/c/', { bucket: 'b', prefix: 'a/c/', endpoint: null, region: 'us-east-1' }],
    [
      's3://b/p?endpoint=http://127.0.0.1:1&region=eu',
      { bucket: 'b', prefix: 'p/', endpoint: 'http://127.0.0.1:1', region: 'eu' },
    ],
  ])('%s', (url, location) => {
    expect(parseS3Url(url)).toEqual(location)
  })

  it.each(['s3:', 's3:///p', 'https://b', 's3://id:secret@b', 's3://b?acl=public'])('refuses %s', (url) => {
    expect(() => parseS3Url(url)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  })
})
