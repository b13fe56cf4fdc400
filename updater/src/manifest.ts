/**
 * `manifest.json`: the names that the installed release brought into the install folder, so that the next one can remove those it
 * does not bring again, and what was unpacked for it, so that an altered version is known as such.
 *
 *     { "id": "<release id>", "names": [ "notes", "notes-helper" ], "tree": { "folder", "sha256" } | null }
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { join } from 'node:path'
import { isCode, writeFileDurably } from '@samebits/host'
import type { InstalledFile } from './journal.ts'
import { artifactPath, openPlainFile } from './paths.ts'
import { isTreeRef, type TreeRef } from './tree-place.ts'

export interface Manifest {
  readonly id: string
  readonly names: readonly string[]
  readonly tree: TreeRef | null
}

/** SHA-256 of names, lengths and digests of some files, whatever their order. */
export function setDigest(files: readonly InstalledFile[]): string {
  const lines = files.map(({ name, sha256, size }) => `${sha256} ${size} ${name}\n`)
  return createHash('sha256').update(lines.sort().join('')).digest('hex')
}

const manifestName = 'manifest.json'
const maxBytes = 1 << 20

export async function writeManifest(workspace: string, manifest: Manifest): Promise<void> {
  await writeFileDurably(join(workspace, manifestName), JSON.stringify(manifest), { mode: 0o600 })
}

/** The manifest, or null where there is none that can be used: then the swap removes nothing by name. */
export async function readManifest(workspace: string): Promise<Manifest | null> {
  const handle = await openPlainFile(join(workspace, manifestName), constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (handle === null) return null
  try {
    if ((await handle.stat()).size > maxBytes) return null
    return parseManifest(await handle.readFile('utf8'))
  } finally {
    await handle.close()
  }
}

function parseManifest(text: string): Manifest | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('id' in value) || !('names' in value)) return null
    const { id, names } = value
    const tree = 'tree' in value ? value.tree : null
    if (typeof id !== 'string' || !Array.isArray(names)) return null
    const plain = names.filter((name): name is string => typeof name === 'string')
    for (const name of plain) artifactPath('', name)
    return { id, names: plain, tree: isTreeRef(tree) ? { folder: tree.folder, sha256: tree.sha256 } : null }
  } catch {
    return null
  }
}
