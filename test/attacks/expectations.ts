/** What must hold after every run, whatever the row: nothing installed that was refused, nothing forgotten that was known. */
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSignedCheckpoint } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { readState } from '@samebits/updater'
import { expect } from 'vitest'
import { artifactBytes } from '../support/world-statements.ts'
import type { Stage } from './stage.ts'

/** What lies in a home after or before a run. */
export interface View {
  /** Every file of the install folder but the updater's own, with its bytes or where it links to. */
  readonly files: Readonly<Record<string, string>>
  /** Null where there is no state that can be read. */
  readonly known: {
    readonly origin: string
    readonly size: number
    readonly time: number
    readonly trust: number
  } | null
}

export async function lookAround(home: string): Promise<View> {
  const app = join(home, 'app')
  return { files: await filesIn(app), known: await knownIn(join(app, '.samebits', 'state')) }
}

async function filesIn(folder: string, prefix = ''): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  const names = await readdir(folder).catch(() => [])
  for (const name of names) {
    if (prefix === '' && name === '.samebits') continue
    const path = join(folder, name)
    const stat = await lstat(path)
    if (stat.isDirectory()) Object.assign(files, await filesIn(path, `${prefix}${name}/`))
    else files[prefix + name] = stat.isSymbolicLink() ? `-> ${await readlink(path)}` : await readFile(path, 'latin1')
  }
  return files
}

async function knownIn(folder: string): Promise<View['known']> {
  const state = await readState(folder, nodeCrypto).catch(() => null)
  if (state === null) return null
  const { log, time, trust } = state
  const size = log.tree === null ? 0 : parseSignedCheckpoint(log.tree).checkpoint.size
  return { origin: log.origin, size, time, trust: trust.version }
}

/** Nothing was installed, the install record is what it was, and what was known is known still. */
export function expectUntouched(before: View, after: View): void {
  expect(after.files).toEqual(before.files)
  expectKnowledgeKept(before, after)
}

function expectKnowledgeKept({ known: before }: View, { known: after }: View): void {
  if (before === null || after === null) return
  expect(after.time).toBeGreaterThanOrEqual(before.time)
  expect(after.trust).toBeGreaterThanOrEqual(before.trust)
  if (after.origin === before.origin) expect(after.size).toBeGreaterThanOrEqual(before.size)
}

/** What was offered is installed, and the record says so. */
export async function expectUpdated(stage: Stage, { files }: View): Promise<void> {
  const version = stage.expected ?? stage.scene.last.statement.version
  const { platform } = stage.ask
  expect(JSON.parse(files['installed.json'] ?? '{}')).toMatchObject({ version })
  expect(Object.values(files)).toContain(Buffer.from(artifactBytes(version, platform)).toString('latin1'))
}
