/**
 * A bucket of any S3-compatible store, as `s3://BUCKET/PREFIX?region=…&endpoint=https://…`. Credentials come from where the AWS
 * library finds them: environment, profile, the machine's role. The library is loaded only where a bucket is named.
 */
import type { PutObjectCommandInput, S3Client } from '@aws-sdk/client-s3'
import { ProgramError } from '@samebits/host'
import { immutable, type StaticPlace } from './static-place.ts'

export interface S3PlaceOptions {
  readonly url: string
  /** How long caches may keep the checkpoint. */
  readonly checkpointMaxAgeSeconds: number
  readonly timeoutMs: number
}

/** Attempts of one request, by the library. */
const maxAttempts = 3

/** @throws ProgramError CONFIG_INVALID, S3_MISSING */
export async function s3Place({ url, checkpointMaxAgeSeconds, timeoutMs }: S3PlaceOptions): Promise<StaticPlace> {
  const { bucket, prefix, endpoint, region } = parseS3Url(url)
  const s3 = await loadLibrary()
  const client: S3Client = new s3.S3Client({
    ...{ region, maxAttempts, forcePathStyle: endpoint !== null },
    ...(endpoint !== null && { endpoint }),
    // Stores that others wrote do not know the library's newer checksums.
    ...{ requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' },
  })
  const abort = () => ({ abortSignal: AbortSignal.timeout(timeoutMs) })
  const at = (path: string) => ({ Bucket: bucket, Key: `${prefix}${path}` })
  const put = (input: Omit<PutObjectCommandInput, 'Bucket'>) =>
    client.send(new s3.PutObjectCommand({ ...input, Bucket: bucket }), abort())
  const plain = { ContentType: 'text/plain; charset=utf-8', CacheControl: `public, max-age=${checkpointMaxAgeSeconds}` }
  return {
    name: `s3://${bucket}/${prefix}`,
    async checkpoint() {
      try {
        const found = await client.send(new s3.GetObjectCommand(at('checkpoint')), abort())
        const text = await found.Body?.transformToString('utf8')
        return text === undefined ? null : { text, version: found.ETag ?? '' }
      } catch (error) {
        if (hasStatus(error, 404)) return null
        throw error
      }
    },
    async put(path, bytes) {
      const { Key } = at(path)
      await put({ Key, Body: bytes, ContentType: 'application/octet-stream', CacheControl: immutable })
    },
    async swapCheckpoint(text, version) {
      const condition = version === null ? { IfNoneMatch: '*' } : { IfMatch: version }
      try {
        await put({ Key: at('checkpoint').Key, Body: text, ...plain, ...condition })
        return true
      } catch (error) {
        // RFC 9110 §15.5.13; 409 where two writers met, 404 where what was compared with is gone.
        if (hasStatus(error, 412) || hasStatus(error, 409) || hasStatus(error, 404)) return false
        throw error
      }
    },
    async removeUnder(path) {
      for (;;) {
        const list = new s3.ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}${path}` })
        const { Contents = [], IsTruncated } = await client.send(list, abort())
        const Objects = Contents.flatMap(({ Key }) => (Key === undefined ? [] : [{ Key }]))
        if (Objects.length === 0) return
        await client.send(new s3.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }), abort())
        if (IsTruncated !== true) return
      }
    },
  }
}

interface S3Location {
  readonly bucket: string
  /** Empty, or with a slash at its end. */
  readonly prefix: string
  readonly endpoint: string | null
  readonly region: string
}

/** @throws ProgramError CONFIG_INVALID */
export function parseS3Url(text: string): S3Location {
  const invalid = (detail: string) =>
    new ProgramError({
      code: 'CONFIG_INVALID',
      detail: `--export-to ${detail}`,
      remedy:
        'It looks like s3://bucket/prefix?region=eu-central-1, with &endpoint=https://… for a store that is not Amazon’s.',
    })
  if (!URL.canParse(text)) throw invalid('is no URL')
  const { protocol, hostname: bucket, pathname, searchParams, username, password } = new URL(text)
  if (protocol !== 's3:' || bucket === '') throw invalid('names no bucket')
  if (username !== '' || password !== '')
    throw invalid('holds credentials: give them as AWS_ACCESS_KEY_ID and the like')
  for (const name of searchParams.keys())
    if (name !== 'endpoint' && name !== 'region') throw invalid(`has an unknown parameter ${JSON.stringify(name)}`)
  const path = pathname.replace(/^\/+|\/+$/g, '')
  const endpoint = searchParams.get('endpoint')
  return { bucket, prefix: path === '' ? '' : `${path}/`, endpoint, region: searchParams.get('region') ?? 'us-east-1' }
}

async function loadLibrary(): Promise<typeof import('@aws-sdk/client-s3')> {
  try {
    return await import('@aws-sdk/client-s3')
  } catch (cause) {
    throw new ProgramError({
      code: 'S3_MISSING',
      detail: 'the package @aws-sdk/client-s3 is not installed',
      remedy: 'Install it beside samebits-log: npm install @aws-sdk/client-s3.',
      cause,
    })
  }
}

function hasStatus(error: unknown, status: number): boolean {
  const metadata: unknown = error instanceof Error && '$metadata' in error ? error.$metadata : null
  return (
    typeof metadata === 'object' &&
    metadata !== null &&
    'httpStatusCode' in metadata &&
    metadata.httpStatusCode === status
  )
}
