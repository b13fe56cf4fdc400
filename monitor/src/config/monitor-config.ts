/** The configuration with everything that it names read: keys, policies, trust files, secrets. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import {
  FormatError,
  fromUtf8,
  type Policy,
  parsePolicy,
  parseTrust,
  parseVkey,
  type Trust,
  TrustError,
  TYPE_COSIGNATURE_ED25519,
  TYPE_COSIGNATURE_ML_DSA_44,
  TYPE_ED25519,
  type VerifierKey,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { systemReason } from '@samebits/host'
import { parseLogList } from '../witness/log-list.ts'
import {
  type ConfigFile,
  configError,
  defaultLimits,
  type Limits,
  type ListenConfig,
  parseConfig,
  type SinkConfig,
} from './config-format.ts'

/** A log to follow. */
export interface FollowedLog {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** Where its tiles are; null: only what others show of it is seen. */
  readonly url: string | null
  readonly mirrors: readonly string[]
  /** Whether entries are statements of this project. */
  readonly entries: 'samebits' | 'raw'
  readonly policy: Policy | null
  /** The watched products' trust files, as configured. */
  readonly trust: readonly Trust[]
  readonly limits: Limits
}

/** A witness whose monitoring copies are read, and whose signatures are known. */
export interface KnownWitness {
  readonly name: string
  readonly keys: readonly VerifierKey[]
  /** Its monitoring prefix; null: only its signatures under what others show. */
  readonly url: string | null
}

export interface MonitorConfig {
  readonly pollSeconds: number
  readonly logs: readonly FollowedLog[]
  readonly witnesses: readonly KnownWitness[]
  readonly monitors: readonly string[]
  readonly sinks: readonly SinkConfig[]
  readonly listen: ListenConfig | null
}

/** Reads the file and all that it names; paths in it are relative to its folder. @throws ProgramError CONFIG */
export async function loadConfig(file: string): Promise<MonitorConfig> {
  return resolveConfig(parseConfig(fromUtf8(await readNamed(file, file)), file), file)
}

/** @param file the configuration's own path, for messages and relative paths */
export async function resolveConfig(config: ConfigFile, file: string): Promise<MonitorConfig> {
  const at = (path: string) => resolve(dirname(file), path)
  const logs: FollowedLog[] = []
  for (const entry of config.logs) logs.push(await readLog(config, entry, file))
  for (const log of await listedLogs(config, file))
    if (!logs.some(({ origin }) => origin === log.origin)) logs.push(log)
  const twice = logs.find(({ origin }, index) => logs.findIndex((other) => other.origin === origin) !== index)
  if (twice !== undefined) throw configError(file, `the log ${twice.origin} stands there twice`)
  if (logs.length === 0) throw configError(file, 'names no log')
  for (const { origin, keys } of logs) for (const key of keys) demandKnownType(origin, key, file)
  return {
    pollSeconds: config.pollInterval,
    logs,
    witnesses: allWitnesses(config, logs, file),
    monitors: config.monitors.map((url) => url.replace(/\/$/, '')),
    sinks: config.sinks.map((sink) => atPaths(sink, at)),
    listen: config.listen ?? null,
  }
}

async function readNamed(path: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error) throw configError(file, `${path}: ${systemReason(error)}`, error)
    throw error
  }
}

/** Says which part of the configuration could not be used. */
function within<T>(file: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError || error instanceof TrustError)
      throw configError(file, `${what}: ${error.detail}`, error)
    throw error
  }
}

async function readLog(config: ConfigFile, log: ConfigFile['logs'][number], file: string): Promise<FollowedLog> {
  const keys = log.keys.map((text) => within(file, 'keys', () => parseVkey(nodeCrypto, text)))
  const origin = log.origin ?? keys[0]?.name ?? ''
  const trust: Trust[] = []
  for (const path of log.trust) {
    const bytes = await readNamed(resolve(dirname(file), path), file)
    trust.push(within(file, path, () => parseTrust(nodeCrypto, bytes)))
  }
  const other = trust.find((one) => one.origin !== origin)
  if (other !== undefined)
    throw configError(file, `the trust file of ${other.product} names another log than ${origin}`)
  const policyText = log.policy === undefined ? null : await readNamed(resolve(dirname(file), log.policy), file)
  const policy =
    policyText === null
      ? (trust[0]?.policy ?? null)
      : within(file, 'policy', () => parsePolicy(nodeCrypto, fromUtf8(policyText)))
  const warnAge = trust[0]?.freshness.warnAge ?? defaultLimits.quorumAge
  return {
    ...{ origin, keys, policy, trust, url: log.url?.replace(/\/$/, '') ?? null, mirrors: log.mirrors },
    entries: log.entries ?? (trust.length > 0 ? 'samebits' : 'raw'),
    limits: { ...defaultLimits, quorumAge: warnAge, ...definedOf(config.limits), ...definedOf(log.limits) },
  }
}

/** A log whose signatures cannot be verified here would seem to show nothing but bad checkpoints, for ever. */
function demandKnownType(origin: string, { name, type }: VerifierKey, file: string): void {
  if (type === TYPE_ED25519 || type === TYPE_COSIGNATURE_ML_DSA_44) return
  const kind = `0x${type.toString(16).padStart(2, '0')}`
  throw configError(
    file,
    `the key ${name} of ${origin} is of type ${kind}: only Ed25519 (0x01) and ML-DSA-44 (0x06) can be verified`,
  )
}

/** Without members that were left out: they must not hide a default. */
function definedOf(limits: ConfigFile['limits']): Partial<Limits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}

async function listedLogs({ logList, limits }: ConfigFile, file: string): Promise<FollowedLog[]> {
  if (logList === undefined) return []
  const text = fromUtf8(await readNamed(resolve(dirname(file), logList.file), file))
  const list = within(file, logList.file, () => parseLogList(nodeCrypto, text))
  return [...list.values()].map(({ origin, keys }) => ({
    ...{ origin, keys, mirrors: [], entries: 'raw', policy: null, trust: [] },
    url: logList.urls[origin]?.replace(/\/$/, '') ?? null,
    limits: { ...defaultLimits, ...definedOf(limits) },
  }))
}

/** Those of the file, and those of the policies; keys of one name are one witness. */
function allWitnesses(config: ConfigFile, logs: readonly FollowedLog[], file: string): KnownWitness[] {
  const byName = new Map<string, { keys: VerifierKey[]; url: string | null }>()
  const add = (key: VerifierKey, url: string | null) => {
    const known = byName.get(key.name) ?? { keys: [], url: null }
    byName.set(key.name, known)
    if (!known.keys.some(({ keyId, type }) => keyId === key.keyId && type === key.type)) known.keys.push(key)
    known.url ??= url?.replace(/\/$/, '') ?? null
  }
  for (const { keys, url } of config.witnesses)
    for (const text of keys) {
      const key = within(file, 'witnesses', () => parseVkey(nodeCrypto, text))
      if (key.type !== TYPE_COSIGNATURE_ED25519 && key.type !== TYPE_COSIGNATURE_ML_DSA_44)
        throw configError(file, `witnesses: ${key.name} is no key of a witness`)
      add(key, url)
    }
  for (const { policy } of logs) for (const { key, url } of policy?.witnesses ?? []) add(key, url ?? null)
  return [...byName].map(([name, { keys, url }]) => ({ name, keys, url }))
}

function atPaths(sink: SinkConfig, at: (path: string) => string): SinkConfig {
  switch (sink.kind) {
    case 'webhook':
      return { ...sink, secretFile: at(sink.secretFile) }
    case 'email':
      return sink.passwordFile === undefined ? sink : { ...sink, passwordFile: at(sink.passwordFile) }
    case 'atom':
      return { ...sink, file: at(sink.file) }
    default:
      return sink
  }
}
