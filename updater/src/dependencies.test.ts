import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly hasInstallScript?: boolean
  readonly link?: boolean
  readonly resolved?: string
}

const root = join(import.meta.dirname, '../..')
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>
}

/** Where node finds `name` from a package: in its own node_modules, or in that of a folder above. */
function find(name: string, from: string): string {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    const found = lock.packages[path]
    if (found !== undefined) return found.link === true ? (found.resolved ?? path) : path
    if (folder === '') throw new Error(`${name} is not in the lock file`)
  }
}

function everythingUnder(folder: string, seen: Set<string> = new Set()): Set<string> {
  const { dependencies = {}, optionalDependencies = {} } = lock.packages[folder] ?? {}
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const path = find(name, folder)
    if (seen.has(path)) continue
    seen.add(path)
    everythingUnder(path, seen)
  }
  return seen
}

test('an application that embeds the updater gets fewer than 15 packages, none of them native', () => {
  const packages = [...everythingUnder('updater')]
  expect(packages).toContain('core')
  expect(packages.length).toBeLessThan(15)
  for (const path of packages) {
    expect(lock.packages[path]?.hasInstallScript ?? false, path).toBe(false)
    expect(path).not.toMatch(/prebuild|node-gyp|napi|bindings/)
  }
})
