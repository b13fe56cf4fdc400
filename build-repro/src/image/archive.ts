/**
 * One root file system as an image archive that podman and docker load under one ID, byte for byte the same whoever writes it:
 *
 *     blobs/                      OCI image layout 1.0 (github.com/opencontainers/image-spec, image-layout.md)
 *     blobs/sha256/<hex>          configuration, layer, manifest, in the order of their names
 *     index.json, oci-layout
 *     manifest.json               docker's own, over the same blobs
 *
 * The layer is stored as it is: a compressor's next version would give other bytes. The image ID is the SHA-256 of the configuration.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from '@samebits/host'
import { tarEnd, tarHeader, tarPadding } from './tar-writer.ts'

export interface ImageDescription {
  /** As OCI names it: amd64, arm64. */
  readonly architecture: string
  /** Unix seconds: what the image says of its making. */
  readonly epoch: number
  /** Its variables, `NAME=value`. */
  readonly environment: readonly string[]
  /** For people: how it was made. */
  readonly comment: string
}

export interface WrittenImage {
  /** `sha256:` and 64 hex digits: SHA-256 of the configuration. */
  readonly id: string
  /** `sha256:…` of the OCI manifest: what a registry would call it by. */
  readonly manifestDigest: string
  /** `sha256:…` of the layer. */
  readonly layerDigest: string
}

interface Blob {
  readonly hex: string
  readonly size: number
  /** Its bytes, or where they are. */
  readonly content: Uint8Array | { readonly path: string }
}

/** Writes the archive of the root file system `rootTar` (uncompressed) to `target`, whole or not at all. */
export async function writeImageArchive(
  rootTar: string,
  about: ImageDescription,
  target: string,
  signal: AbortSignal,
): Promise<WrittenImage> {
  const layer = await fileBlob(rootTar, signal)
  const config = jsonBlob(configuration(about, layer.hex))
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  })
  const names = {
    'index.json': text({ schemaVersion: 2, manifests: [descriptor(manifestType, manifest)] }),
    'manifest.json': text([{ Config: blobPath(config), RepoTags: null, Layers: [blobPath(layer)] }]),
    'oci-layout': text({ imageLayoutVersion: '1.0.0' }),
  }
  await writeWhole(target, async (file) => {
    const member = async (name: string, size: number, content: Blob['content'] | null) => {
      await file.writeFile(tarHeader({ name, size }, about.epoch))
      if (content instanceof Uint8Array) await file.writeFile(content)
      else if (content !== null)
        for await (const chunk of createReadStream(content.path, { signal })) await file.writeFile(chunk)
      await file.writeFile(tarPadding(size))
    }
    await member('blobs/', 0, null)
    await member('blobs/sha256/', 0, null)
    for (const blob of [config, manifest, layer].sort((a, b) => (a.hex < b.hex ? -1 : 1)))
      await member(blobPath(blob), blob.size, blob.content)
    for (const [name, bytes] of Object.entries(names)) await member(name, bytes.length, bytes)
    await file.writeFile(tarEnd)
  })
  return { id: digest(config), manifestDigest: digest(manifest), layerDigest: digest(layer) }
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/** OCI image configuration (image-spec, config.md), its fields in the order of the text. */
function configuration({ architecture, epoch, environment, comment }: ImageDescription, layerHex: string): object {
  const created = new Date(epoch * 1000).toISOString().replace('.000Z', 'Z')
  return {
    created,
    architecture,
    os: 'linux',
    config: { Env: environment, Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerHex}`] },
    history: [{ created, created_by: comment }],
  }
}

async function fileBlob(path: string, signal: AbortSignal): Promise<Blob> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk)
  return { hex: hash.digest('hex'), size: (await stat(path)).size, content: { path } }
}

function jsonBlob(document: object): Blob {
  const content = text(document)
  return { hex: createHash('sha256').update(content).digest('hex'), size: content.length, content }
}

function text(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document))
}

function descriptor(mediaType: string, blob: Blob): object {
  return { mediaType, digest: digest(blob), size: blob.size }
}

function digest({ hex }: Blob): string {
  return `sha256:${hex}`
}

function blobPath({ hex }: Blob): string {
  return `blobs/sha256/${hex}`
}

async function writeWhole(target: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${target}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o644)
    try {
      await write(file)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
    await syncDirectory(dirname(target))
  } finally {
    await rm(temporary, { force: true })
  }
}
