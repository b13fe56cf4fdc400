/** A log whose files are written through to a real S3 server: versitygw, over a folder that shows what it holds. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { formatVkey } from '@samebits/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runIn } from '../../log-server/src/commands/testing.ts'
import { placeContract } from '../../log-server/src/export/place-contract.ts'
import { s3Place } from '../../log-server/src/export/s3-place.ts'
import { makeTestLog } from '../../log-server/src/testing.ts'
import { freePort, missing, type Server, startServer } from './go-programs.ts'

const reason = await missing()
const bucket = 'samebits'

let folder: string
let s3: Server
let client: S3Client
beforeAll(async () => {
  if (reason !== null) return
  folder = mkdtempSync(join(tmpdir(), 'samebits-s3-'))
  const port = await freePort()
  const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test-secret' }
  Object.assign(process.env, keys)
  const args = [
    '--access',
    keys.AWS_ACCESS_KEY_ID,
    '--secret',
    keys.AWS_SECRET_ACCESS_KEY,
    '--port',
    `127.0.0.1:${port}`,
  ]
  s3 = await startServer('versitygw', port, [...args, 'posix', folder])
  client = new S3Client({ region: 'us-east-1', endpoint: s3.url, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
}, 600_000)
afterAll(async () => {
  await s3?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

const urlOf = (prefix: string) => `s3://${bucket}/${prefix}?endpoint=${s3.url}`

describe.skipIf(reason !== null)(`a bucket${reason === null ? '' : ` (${reason})`}`, () => {
  let places = 0
  it.each(placeContract)('$title', async ({ run }) => {
    const prefix = `place${places++}`
    const place = await s3Place({ url: urlOf(prefix), checkpointMaxAgeSeconds: 2, timeoutMs: 10_000 })
    await run(place, async (path) => {
      const found = await client
        .send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}/${path}` }))
        .catch((error: Error) => {
          if (error.name === 'NoSuchKey') return null
          throw error
        })
      return found === null ? null : Buffer.from((await found.Body?.transformToByteArray()) ?? [])
    })
  })

  it('holds a whole log, with the headers that caches need, and goes on after it was away', async () => {
    const log = await makeTestLog()
    const prefix = 'logs/one'
    let server = await log.start({ exportTo: urlOf(prefix) })
    for (let at = 0; at < 5; at++) expect((await server.add(`entry ${at}`)).status).toBe(200)
    await Promise.all(Array.from({ length: 300 }, (_, at) => server.add(`more ${at}`)))
    const vkeys = log.signer.keys.map((key) => `--key ${formatVkey(key)}`).join(' ')
    const fsck = async () => JSON.parse((await runIn(folder, `fsck ${bucket}/${prefix} ${vkeys} --json`)).stdout).size
    expect(await fsck()).toBe(305)
    const head = (path: string) => client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}/${path}` }))
    expect(await head('checkpoint')).toMatchObject({
      ContentType: 'text/plain; charset=utf-8',
      CacheControl: 'public, max-age=2',
    })
    for (const path of ['tile/entries/000', 'tile/0/000', 'tile/1/000.p/1'])
      expect(await head(path)).toMatchObject({
        ContentType: 'application/octet-stream',
        CacheControl: 'public, max-age=31536000, immutable',
      })
    await server.stop()
    server = await log.start({ exportTo: urlOf(prefix) })
    expect(await (await server.add('last')).text()).toBe('305')
    expect(await fsck()).toBe(306)
    await server.stop()
    log.remove()
  })
})
