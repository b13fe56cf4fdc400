import { closeSync, openSync, writeSync } from 'node:fs'
import { access, mkdir, readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ProgramError, progress, systemReason, writeFileDurably } from '@samebits/host'
import { Command } from 'commander'
import { formatImageLock, type ImageLock, parseImageLock, parseImageWish } from '../image/image-files.ts'
import { type ImageRequest, lockImage, remakeImage } from '../image/make-image.ts'
import { answer, type CommandIo } from './io.ts'

interface Flags {
  readonly lock?: string
  readonly pool?: string
  readonly output?: string
  readonly update?: true
  readonly offline?: true
}

export function imageCommand(io: CommandIo): Command {
  return new Command('image')
    .description(
      "make a base image from Debian's packages without any registry: the one of its lock, or with --update a new one",
    )
    .argument('<wish>', 'what to make, as debian.image.json')
    .option('--lock <file>', 'default: beside the wish, as debian.lock.json')
    .option('--pool <folder>', 'where the .deb files are kept (default: beside the wish, as debian.pool)')
    .option(
      '--output <file>',
      'the archive that podman and docker load (default: beside the wish, as debian.image.tar)',
    )
    .option('--update', "take the packages as the wish's sources have them now, and write a new lock")
    .option('--offline', 'use what the pool holds, and fetch nothing')
    .action((wish: string, flags: Flags) => image(io, wish, flags))
}

async function image(io: CommandIo, wishPath: string, flags: Flags): Promise<void> {
  const beside = (ending: string) => wishPath.replace(/(\.image)?\.json$/, '') + ending
  const lockPath = resolve(io.cwd, flags.lock ?? beside('.lock.json'))
  const target = resolve(io.cwd, flags.output ?? beside('.image.tar'))
  await mkdir(dirname(target), { recursive: true })
  const log = openImageLog(`${target}.log`)
  const bar = progress({
    stream: io.stderr,
    clock: () => io.machine.elapsedMs(),
    unit: 'packages',
    label: 'filling the pool',
  })
  const request: ImageRequest = {
    pool: resolve(io.cwd, flags.pool ?? beside('.pool')),
    target,
    fetch: flags.offline === true ? null : io.machine.fetch,
    environment: io.environment,
    onProgress: (done) => bar.update(done),
    onOutput: log.write,
  }
  try {
    const wish = parseImageWish(await readText(resolve(io.cwd, wishPath)))
    const fresh = flags.update === true || !(await isThere(lockPath))
    if (fresh && flags.offline === true)
      throw new ProgramError({
        code: 'USAGE',
        detail: 'a new lock needs the network',
        remedy: 'Leave --offline out, or bring the lock.',
      })
    const lock = fresh ? await lockImage(wish, request, io.signal) : await again(lockPath, wish, request, io.signal)
    if (fresh) await writeFileDurably(lockPath, Buffer.from(formatImageLock(lock)))
    tell(io, lock, target, fresh ? lockPath : null)
  } finally {
    bar.finish()
    log.close()
  }
}

/** What mmdebstrap said: read when it went wrong. */
function openImageLog(path: string) {
  const file = openSync(path, 'w')
  return { write: (chunk: Uint8Array) => void writeSync(file, chunk), close: () => closeSync(file) }
}

async function again(lockPath: string, wish: object, request: ImageRequest, signal: AbortSignal): Promise<ImageLock> {
  const lock = parseImageLock(await readText(lockPath))
  if (JSON.stringify(lock.wish) !== JSON.stringify(wish))
    throw new ProgramError({
      code: 'IMAGE_LOCK_INVALID',
      detail: `${lockPath} was made for another wish`,
      remedy: 'Make a new lock with --update, or put the wish back.',
    })
  await remakeImage(lock, request, signal)
  return lock
}

function tell(io: CommandIo, { image: made, packages }: ImageLock, target: string, lock: string | null): void {
  const { id, manifestDigest } = made
  answer(io, { id, manifestDigest, packages: packages.length, archive: target, ...(lock === null ? {} : { lock }) }, [
    `image    ${id}`,
    `archive  ${target} (podman load, docker load)`,
    lock === null
      ? `the lock's image, bit for bit, from ${packages.length} packages`
      : `lock     ${lock}, ${packages.length} packages`,
  ])
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new ProgramError({
      code: 'IMAGE_WISH_INVALID',
      detail: `cannot read ${path}: ${systemReason(error)}`,
      remedy: 'Name the file that describes the image.',
      cause: error,
    })
  })
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
