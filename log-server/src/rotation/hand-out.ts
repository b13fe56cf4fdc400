/**
 * What a successor begins with, and what those must have who are to follow it. All of it is derived from the log that ends, and
 * lies in the successor's data folder:
 *
 *     serve.json                   its configuration: the options of this log, its own folders, no port
 *     policy                       this log's witnesses under the successor's key, unless another policy was named
 *     admission.json, trust/       the same products, each with the trust file that its clients believe now
 *     hand-out/<product>.policy    for the authority of each product: samebits-build trust propose --policy FILE
 *     hand-out/vkeys               for the operators of witnesses, mirrors and monitors
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  FormatError,
  type JsonObject,
  parseJson,
  parsePolicy,
  parseVkey,
  productInFileName,
  type Trust,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, syncDirectory, writeFileDurably } from '@samebits/host'
import { type LogServerOptions, optionNames, optionSpecs } from '../options.ts'
import type { SuccessorPlan } from './plan.ts'

export interface HandOut {
  readonly config: string
  readonly policy: string
  readonly admission: string
  /** Of a product's trust file. */
  readonly trust: (product: string) => string
  readonly folder: string
  readonly productPolicy: (product: string) => string
  readonly vkeys: string
}

export function handOut({ dataDir }: Pick<SuccessorPlan, 'dataDir'>): HandOut {
  const at = (...names: readonly string[]) => join(dataDir, ...names)
  return {
    config: at('serve.json'),
    policy: at('policy'),
    admission: at('admission.json'),
    trust: (product) => at('trust', `${productInFileName(product)}.json`),
    folder: at('hand-out'),
    productPolicy: (product) => at('hand-out', `${productInFileName(product)}.policy`),
    vkeys: at('hand-out', 'vkeys'),
  }
}

/** Options that are of one server, one folder or one log. */
const ownOptions: ReadonlySet<keyof LogServerOptions> = new Set([
  ...(['dataDir', 'database', 'keysDir', 'advertiseUrl', 'host', 'port', 'tlsCert', 'tlsKey'] as const),
  ...(['admissionFile', 'publishedUrl', 'exportTo', 'policy', 'retiringPolicy', 'pkcs11', 'pkcs11PinFile'] as const),
])

/** A configuration file for the successor, with every option of this log that is not as by default. */
function configOf(options: LogServerOptions, successor: SuccessorPlan): object {
  const files = handOut(successor)
  const carried = optionNames.filter((name) => !ownOptions.has(name) && options[name] !== optionSpecs[name].default)
  return {
    mode: options.mode,
    ...Object.fromEntries(carried.map((name) => [name, options[name]])),
    dataDir: successor.dataDir,
    keysDir: successor.keysDir,
    ...(successor.database !== '' && { database: successor.database }),
    ...(options.mode === 'product' && { admissionFile: files.admission }),
    ...((successor.policy !== '' || options.policy !== '') && { policy: files.policy }),
  }
}

/**
 * A policy with the successor in the place of the log: everything but the log line stays as it was written. The key is of the
 * algorithm that the log line had.
 * @throws FormatError `policy`
 */
function policyFor(text: string, { url }: Pick<SuccessorPlan, 'url'>, vkeys: readonly string[]): string {
  const { logs } = parsePolicy(nodeCrypto, text)
  const [log] = logs
  if (log === undefined || logs.length > 1) throw new FormatError('policy', 'there is not one log line')
  const vkey = vkeys.find((line) => parseVkey(nodeCrypto, line).type === log.key.type) ?? vkeys[0]
  return text.replace(/^[ \t]*log[ \t].*$/m, `log ${vkey} ${url}`)
}

export interface HandOutParts {
  readonly options: LogServerOptions
  readonly successor: SuccessorPlan
  readonly vkeys: readonly string[]
  /** The trust file in force of each product. */
  readonly trust: readonly Trust[]
}

/** Writes all of it; what is there is replaced by the same. */
export async function writeHandOut(parts: HandOutParts): Promise<void> {
  const { options, successor, vkeys, trust } = parts
  const files = handOut(successor)
  for (const folder of [files.folder, join(successor.dataDir, 'trust')]) await mkdir(folder, { recursive: true })
  await syncDirectory(successor.dataDir)
  await writeFileDurably(files.vkeys, vkeys.map((vkey) => `${vkey}\n`).join(''))
  const wanted = successor.policy === '' ? null : await readPolicy(successor.policy)
  const own = wanted ?? (options.policy === '' ? null : await readPolicy(options.policy))
  if (own !== null) await writeFileDurably(files.policy, policyFor(own, successor, vkeys))
  for (const one of trust) {
    await carryTrust(successor, one)
    await writeFileDurably(files.productPolicy(one.product), policyFor(wanted ?? policyIn(one), successor, vkeys))
  }
  if (options.mode === 'product') await writeFileDurably(files.admission, admissionOf(trust))
  await writeFileDurably(files.config, `${JSON.stringify(configOf(options, successor), null, 2)}\n`, { mode: 0o600 })
}

/** The policy as the trust file spells it. */
function policyIn({ bytes }: Trust): string {
  return String((parseJson('trust file', bytes) as JsonObject)['tlogPolicy'])
}

/** The trust file under which the successor takes a product: it looks for changes by itself. */
export function carryTrust(successor: SuccessorPlan, { product, bytes }: Trust): Promise<void> {
  return writeFileDurably(handOut(successor).trust(product), bytes)
}

function admissionOf(trust: readonly Trust[]): string {
  const products = trust.map(({ product }) => [product, `trust/${productInFileName(product)}.json`])
  return `${JSON.stringify({ format: 1, mode: 'product', products: Object.fromEntries(products) }, null, 2)}\n`
}

async function readPolicy(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  try {
    parsePolicy(nodeCrypto, text)
    return text
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    const remedy = 'Name a C2SP tlog-policy file with one log line; the successor takes the place of that log.'
    throw new ProgramError({ code: 'POLICY_INVALID', detail: `${path}: ${cause.detail}`, remedy, cause })
  }
}
