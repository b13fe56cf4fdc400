/**
 * From nothing to a product that can be released: everything that `init` writes, made in memory first
 * (docs/formats.md §2).
 */
import { readFile } from 'node:fs/promises'
import {
  anchorFileName,
  formatAnchor,
  formatVkey,
  NO_QUORUM,
  type OpenedCheckpoint,
  type Policy,
  parsePolicy,
  parseTrust,
  parseVkey,
  type Role,
  toBase64,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, systemReason } from '@samebits/host'
import { z } from 'zod'
import type { NewFile } from './create-all.ts'
import { generateKeyPair } from './keygen.ts'
import { formatRecipe, type Recipe, recipeName } from './recipe.ts'
import { addSizes, formatSizes } from './sizes.ts'
import { firstTrust } from './trust/first.ts'

/** What has to be known before a product can begin. */
export interface InitChoices {
  readonly product: string
  readonly channel: string
  /** Exactly one log line with its URL. */
  readonly policy: Policy
  /** The log's newest checkpoint, its signature verified. */
  readonly checkpoint: OpenedCheckpoint
  readonly feeds: readonly string[]
  /** As keygen names them. */
  readonly algorithm: string
}

export const authorityFile = 'authority/authority.pem'

/** The files of a new product, the recipe last: it is what makes the others count. */
export function initFiles(choices: InitChoices): readonly NewFile[] {
  const publisher = generateKeyPair(choices.algorithm)
  const authority = generateKeyPair(choices.algorithm)
  const trust = trustText(choices, publisher.publicPem, authority.publicPem)
  parseTrust(nodeCrypto, utf8(trust))
  const recipe = recipeOf(choices)
  const { anchor, sizes } = recipe.publish
  return [
    { path: authorityFile, content: authority.privatePem, secret: true },
    { path: 'authority/.gitignore', content: '*\n' },
    { path: recipe.publish.key, content: publisher.privatePem, secret: true },
    { path: 'keys/.gitignore', content: '*\n' },
    { path: '.samebits/.gitignore', content: '*\n' },
    { path: 'admission.json', content: admissionText(choices.product, recipe.publish.trust) },
    { path: recipe.publish.trust, content: trust },
    { path: anchor, content: firstAnchor(choices) },
    { path: sizes, content: firstSizes(choices) },
    { path: recipeName, content: formatRecipe(recipe) },
  ]
}

function recipeOf({ product, channel, feeds }: InitChoices): Recipe {
  return {
    format: 1,
    product,
    publish: {
      channel,
      trust: 'trust.json',
      anchor: anchorFileName(product),
      sizes: 'sizes.json',
      key: 'keys/publisher.pem',
      feed: 'feed',
      feeds,
    },
  }
}

/** One publisher, one authority, no rebuilders yet. */
function trustText({ product, channel, policy }: InitChoices, publisherPem: string, authorityPem: string): string {
  const member = (role: Role, id: string, publicKey: string) => ({ role, id, operator: null, by: { publicKey } })
  return firstTrust({
    product,
    channels: [channel],
    policy: policy.text,
    members: [member('authority', 'authority-1', authorityPem), member('publishers', 'publisher-1', publisherPem)],
    thresholds: new Map(),
    trustedRoot: null,
  })
}

function admissionText(product: string, trustPath: string): string {
  return `${JSON.stringify({ format: 1, mode: 'product', products: { [product]: trustPath } }, null, 2)}\n`
}

/** No heads and no entries: the keys that may sign for this product did not exist when that tree was signed. */
function firstAnchor({ product, checkpoint, feeds }: InitChoices): Uint8Array {
  return formatAnchor({ product, checkpoint: checkpoint.text, heads: new Map(), entries: [], feeds })
}

function firstSizes({ checkpoint: { checkpoint } }: InitChoices): string {
  const { origin, size, root } = checkpoint
  const empty = { format: 1, origin, anchors: [], seen: [] } as const
  return formatSizes(addSizes(empty, { anchors: [{ size, root: toBase64(root) }] }).sizes)
}

/** What `samebits-log init --json` printed. */
export interface LogFile {
  readonly origin: string
  /** The log's keys; the last one is listed. */
  readonly vkeys: readonly string[]
  readonly checkpoint: string
}

const logFileSchema = z.looseObject({
  origin: z.string().min(1),
  vkeys: z.array(z.string()).min(1),
  checkpoint: z.string().min(1),
})

/** @throws ProgramError LOG_FILE */
export async function readLogFile(path: string): Promise<LogFile> {
  const refuse = (why: string, cause: unknown) =>
    new ProgramError({
      code: 'LOG_FILE',
      detail: `${path} does not describe a log: ${why}`,
      remedy: 'Name the file that samebits-log init --json wrote, or give --log-url and --log-vkey.',
      cause,
    })
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw refuse(systemReason(error), error)
  })
  try {
    return logFileSchema.parse(JSON.parse(text))
  } catch (error) {
    throw refuse('it is not what samebits-log prints', error)
  }
}

/** A policy of one log without witnesses. @throws ProgramError USAGE for what is no vkey */
export function unwitnessedPolicy(vkey: string, url: string): Policy {
  try {
    const key = parseVkey(nodeCrypto, vkey.trim())
    return parsePolicy(nodeCrypto, `log ${formatVkey(key)} ${url}\nquorum ${NO_QUORUM}\n`)
  } catch (error) {
    throw new ProgramError({
      code: 'USAGE',
      detail: `"${vkey}" is no log's vkey: ${error instanceof Error ? error.message : String(error)}`,
      remedy: 'Copy the line that samebits-log keygen printed, or that the operator of the log published.',
      cause: error,
    })
  }
}
