/**
 * A signed statement as a file of its own: the exact leaf bytes, so that who signs and who logs need not be one machine.
 *
 *     trust-2.5f3c0a91.entry.json      the statement of trust version 2, signed by the key whose id begins so
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Entry, parseEntry, StatementError, type Trust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { isCode, ProgramError, systemReason, writeFileDurably } from '@samebits/host'

/** `stem` with the beginning of the key's id. */
export function entryFileName(stem: string, keyid: string): string {
  return `${stem}.${keyid.slice(0, 8)}.entry.json`
}

/** @throws ProgramError ENTRY_INVALID */
export async function readEntryFile(path: string): Promise<Entry> {
  const refuse = (why: string, cause: unknown) =>
    new ProgramError({
      code: 'ENTRY_INVALID',
      detail: `${path} is no signed statement: ${why}`,
      remedy: 'Name a file that samebits-build signed (*.entry.json), unchanged.',
      exitCode: 10,
      cause,
    })
  const bytes = await readFile(path).catch((error: Error) => {
    throw refuse(systemReason(error), error)
  })
  try {
    return parseEntry(nodeCrypto, Uint8Array.from(bytes))
  } catch (error) {
    if (error instanceof StatementError) throw refuse(error.detail, error)
    throw error
  }
}

/** The entry in the file at `path`; null where there is no such file. */
export async function readEntryIfThere(path: string): Promise<Entry | null> {
  const there = await readFile(path).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, 'ENOENT')) return false
      throw error
    },
  )
  return there ? readEntryFile(path) : null
}

/** The signatures of a trust file that lie beside it. */
export async function entriesBeside(path: string): Promise<readonly string[]> {
  const stem = basename(path).replace(/\.json$/, '')
  const names = await readdir(dirname(path))
  return names
    .filter((name) => name.startsWith(`${stem}.`) && name.endsWith('.entry.json'))
    .sort()
    .map((name) => join(dirname(path), name))
}

export async function writeEntryFile(path: string, leaf: Uint8Array): Promise<void> {
  await writeFileDurably(path, leaf)
}

/** @throws ProgramError WRONG_PRODUCT */
export function checkIsOf({ product }: Pick<Trust, 'product'>, path: string, entry: Entry): void {
  if (entry.statement.product === product) return
  throw new ProgramError({
    code: 'WRONG_PRODUCT',
    detail: `${path} is about ${entry.statement.product}, the trust file about ${product}`,
    remedy: 'Name files of one product.',
    exitCode: 10,
  })
}
