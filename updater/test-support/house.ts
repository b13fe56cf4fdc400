/** An install folder with its workspace, and two small releases to put into it. */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { InstallRecord } from '@samebits/core'
import type { InstallerOptions, InstallJob } from '../src/install-job.ts'
import { createInstaller, openStaging } from '../src/installer.ts'
import type { Journal } from '../src/journal.ts'
import { openFolder } from '../src/paths.ts'
import { me, temporaryFolder } from './folders.ts'

type Files = Readonly<Record<string, string | Uint8Array>>

export const digest = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex')
const record = (sequence: number, sha256: string): InstallRecord => ({
  product: 'example.com/notes',
  channel: 'stable',
  id: digest(`release ${sequence}`),
  sequence,
  version: `1.${sequence}.0`,
  sha256,
  trustVersion: 1,
})

/** A release as files by name; the first is the artifact. */
export const release = (sequence: number, files: Files): InstallJob['next'] => {
  const list = Object.entries(files).map(([name, text]) => ({
    name,
    sha256: digest(text),
    size: Buffer.from(text).length,
  }))
  return { record: record(sequence, list[0]?.sha256 ?? ''), files: list }
}

export const one = { notes: '#!/bin/sh\necho one\n', helper: 'helper one' }
export const two = { notes: '#!/bin/sh\necho two\n', library: 'library two' }

export async function house(more: Partial<InstallerOptions> = {}) {
  const temporary = await temporaryFolder()
  const folder = await openFolder(join(temporary.path, 'app'), me)
  const workspace = await openFolder(join(folder.path, '.samebits'), me, 0o700)
  const staging = await openStaging(workspace)
  const commits: string[] = []
  const options: InstallerOptions = { folder, workspace, platform: process.platform, ...more }
  const stage = async (files: Files) => {
    for (const text of Object.values(files)) await writeFile(join(staging, digest(text)), text)
  }
  const install = async (
    sequence: number,
    files: Files,
    installed: InstallRecord | null,
    over: Partial<InstallerOptions> & Pick<Partial<InstallJob>, 'unpack' | 'signal'> = {},
  ) => {
    await stage(files)
    const commit = async ({ next }: Journal) => void commits.push(next.record.version)
    const { unpack = null, signal, ...rest } = over
    const job = { next: release(sequence, files), unpack, installed, commit, signal }
    await createInstaller({ ...options, ...rest }).install(job)
  }
  const recover = (over: Partial<InstallerOptions> = {}, opinion: 'approved' | 'refused' | 'unknown' = 'approved') =>
    createInstaller({ ...options, ...over }).recover({
      judge: async () => opinion,
      commit: async ({ next }) => void commits.push(next.record.version),
    })
  const seen = async () => {
    const names = (await readdir(folder.path))
      .filter((name) => name !== '.samebits' && name !== 'installed.json')
      .sort()
    const files = await Promise.all(names.map(async (name) => [name, await readFile(join(folder.path, name), 'utf8')]))
    const text = await readFile(join(folder.path, 'installed.json'), 'utf8').catch(() => 'null')
    return { files: Object.fromEntries(files), version: JSON.parse(text)?.version ?? null }
  }
  return {
    folder: folder.path,
    workspace: workspace.path,
    staging,
    commits,
    stage,
    install,
    recover,
    seen,
    [Symbol.asyncDispose]: temporary[Symbol.asyncDispose],
  }
}
