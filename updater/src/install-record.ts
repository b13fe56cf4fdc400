/**
 * `installed.json` in the install folder: what is installed there, and under which trust version it was accepted.
 *
 *     { "product", "channel", "id", "sequence", "version", "sha256", "trustVersion" }
 *
 * It is written in the same journal step as the swap (docs/decision.md, *State*).
 */
import { constants } from 'node:fs'
import { join } from 'node:path'
import type { InstallRecord } from '@samebits/core'
import { isCode } from '@samebits/host'
import { IoFailure, reasonOf } from './failure.ts'
import { openPlainFile } from './paths.ts'

export const installRecordName = 'installed.json'
const maxBytes = 16_384

/** The record in a folder, or null where there is none. @throws IoFailure STATE_INVALID */
export async function readInstallRecord(folder: string): Promise<InstallRecord | null> {
  const path = join(folder, installRecordName)
  const handle = await openPlainFile(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw new IoFailure('STATE_INVALID', `cannot read ${path}: ${reasonOf(error)}`, { cause: error })
  })
  if (handle === null) return null
  try {
    if ((await handle.stat()).size > maxBytes) throw new IoFailure('STATE_INVALID', `${path} is too large`)
    return parseInstallRecord(JSON.parse(await handle.readFile('utf8')))
  } catch (error) {
    throw new IoFailure('STATE_INVALID', `${path}: ${reasonOf(error)}`, { cause: error })
  } finally {
    await handle.close()
  }
}

const fields = ['channel', 'id', 'product', 'sequence', 'sha256', 'trustVersion', 'version']

/** A record from parsed JSON, strictly. @throws IoFailure STATE_INVALID */
export function parseInstallRecord(value: unknown): InstallRecord {
  const refuse = (what: string) => new IoFailure('STATE_INVALID', `the install record has ${what}`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse('another shape')
  const record = new Map<string, unknown>(Object.entries(value))
  if ([...record.keys()].sort().join() !== fields.join()) throw refuse('missing or unknown fields')
  const text = (name: string, pattern: RegExp) => {
    const found = record.get(name)
    if (typeof found !== 'string' || !pattern.test(found)) throw refuse(`a ${name} that is none`)
    return found
  }
  const count = (name: string) => {
    const found = record.get(name)
    if (typeof found !== 'number' || !Number.isSafeInteger(found) || found < 1) throw refuse(`a ${name} that is none`)
    return found
  }
  return {
    product: text('product', /^[a-z0-9.-]+(?:\/[a-z0-9.-]+)*$/),
    channel: text('channel', /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/),
    id: text('id', /^[0-9a-f]{64}$/),
    sequence: count('sequence'),
    version: text('version', /^[0-9A-Za-z.+-]{1,255}$/),
    sha256: text('sha256', /^[0-9a-f]{64}$/),
    trustVersion: count('trustVersion'),
  }
}

export function formatInstallRecord(record: InstallRecord): string {
  const { product, channel, id, sequence, version, sha256, trustVersion } = record
  return `${JSON.stringify({ product, channel, id, sequence, version, sha256, trustVersion }, null, 2)}\n`
}
