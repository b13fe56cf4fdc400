/**
 * What a log server can be told, in one table: type, default, limits and help of each option, and its three names.
 *
 * One order, later wins: the default, the configuration file (JSON, `dataDir`), the environment (`SAMEBITS_LOG_DATA_DIR`),
 * the command line (`--data-dir`). Unknown names are refused in the file and in the environment as on the command line.
 */
import { nearest, ProgramError } from '@samebits/host'

export interface LogServerOptions {
  /** Folder of the marker, the lock and, where it is SQLite, the database. */
  readonly dataDir: string
  /** URL of a PostgreSQL database that several servers share; empty for SQLite in the folder. */
  readonly database: string
  readonly databaseTimeoutMs: number
  /** Where the other servers of the database reach this one; empty for its host and port. */
  readonly advertiseUrl: string
  readonly leaderTimeoutMs: number
  /** Folder of `ed25519.pem` and `ml-dsa-44.pem`. */
  readonly keysDir: string
  /** RFC 7512 URI of the Ed25519 key in a PKCS#11 token; empty for a key file. */
  readonly pkcs11: string
  /** File of the token's PIN; empty where it is in the environment. */
  readonly pkcs11PinFile: string
  readonly pkcs11TimeoutMs: number
  readonly host: string
  readonly port: number
  /** PEM files of the certificate chain and its key; both empty for plain HTTP. */
  readonly tlsCert: string
  readonly tlsKey: string
  readonly mode: 'raw' | 'open' | 'product'
  /** Path of the admission file; empty for none. */
  readonly admissionFile: string
  /** URL prefix where this log's checkpoint is published besides this server, asked at start; empty for none. */
  readonly publishedUrl: string
  /** Where the log's files are written through to: a folder, or an `s3:` URL; empty for nowhere. */
  readonly exportTo: string
  /** Path of the C2SP tlog-policy file whose witnesses cosign; empty for `quorum none`. */
  readonly policy: string
  /** Path of the policy before that one, whose quorum is asked as well while witnesses change; empty for none. */
  readonly retiringPolicy: string
  readonly witnessTimeoutMs: number
  readonly witnessMinIntervalMs: number
  readonly witnessRequestsPerDay: number
  /** Monitoring prefixes that are not the submission prefix: `NAME=URL`, several separated by spaces. */
  readonly witnessMonitoring: string
  /** Publish even without the quorum. */
  readonly witnessFailOpen: boolean
  readonly resignSeconds: number
  readonly checkpointMaxAgeSeconds: number
  readonly maxLeafBytes: number
  readonly maxPendingEntries: number
  readonly maxPendingBytes: number
  readonly maxBatchEntries: number
  readonly maxWaitMs: number
  readonly rawWindowEntries: number
  readonly cacheBytes: number
  /** Further processes that answer reads on the same port. */
  readonly readers: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly maxConnections: number
  readonly connectionsPerAddress: number
  readonly requestsPerMinute: number
  readonly addsPerMinute: number
  readonly trustedProxies: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

type Name = keyof LogServerOptions

type Kind =
  | { readonly kind: 'text'; readonly default: string; readonly placeholder: string }
  | { readonly kind: 'choice'; readonly default: string; readonly choices: readonly string[] }
  | { readonly kind: 'switch'; readonly default: boolean }
  | { readonly kind: 'integer'; readonly default: number; readonly min: number; readonly max: number }

export type OptionSpec = Kind & { readonly help: string }

const text = (fallback: string, placeholder: string, help: string): OptionSpec => ({
  kind: 'text',
  default: fallback,
  placeholder,
  help,
})
const integer = (fallback: number, min: number, max: number, help: string): OptionSpec => ({
  kind: 'integer',
  default: fallback,
  min,
  max,
  help,
})
const choice = (fallback: string, choices: readonly string[], help: string): OptionSpec => ({
  kind: 'choice',
  default: fallback,
  choices,
  help,
})

/** Every option, in the order of `--help`. */
export const optionSpecs: Readonly<Record<Name, OptionSpec>> = {
  dataDir: text('data', 'DIR', 'folder of the marker, the lock and, where it is SQLite, the database'),
  database: text(
    '',
    'URL',
    'postgres://user@host/name: a PostgreSQL database that several servers share, instead of SQLite in the folder. A password belongs in PGPASSWORD, the password file or the configuration file',
  ),
  databaseTimeoutMs: integer(5000, 500, 60_000, 'time for PostgreSQL to answer'),
  advertiseUrl: text('', 'URL', 'where the other servers of the database reach this one (default: its host and port)'),
  leaderTimeoutMs: integer(2000, 500, 60_000, 'a leading server that is silent for so long is replaced'),
  keysDir: text(
    'keys',
    'DIR',
    'folder of ed25519.pem and ml-dsa-44.pem, as keygen writes them (or both, as PEM, in SAMEBITS_LOG_KEYS)',
  ),
  pkcs11: text(
    '',
    'URI',
    'the Ed25519 key is in a token: pkcs11:token=LABEL;object=NAME?module-path=/path/of/the/module.so',
  ),
  pkcs11PinFile: text('', 'FILE', "file of the token's PIN, readable by its owner alone (or SAMEBITS_LOG_PKCS11_PIN)"),
  pkcs11TimeoutMs: integer(5000, 100, 60_000, 'time for the token to answer'),
  host: text('127.0.0.1', 'ADDRESS', 'address to listen on'),
  port: integer(2025, 0, 65_535, 'port to listen on; 0 lets the system choose'),
  tlsCert: text('', 'FILE', 'serve HTTPS: PEM file of the certificate and its chain; read again when it changes'),
  tlsKey: text('', 'FILE', 'PEM file of its private key, readable by its owner alone'),
  mode: choice(
    'product',
    ['product', 'open', 'raw'],
    'what is admitted: releases of known products, any statement, any bytes',
  ),
  admissionFile: text('', 'FILE', 'the admission file: products and their trust files'),
  publishedUrl: text(
    '',
    'URL',
    'where this log is also published; its checkpoint is fetched before anything is signed',
  ),
  exportTo: text(
    '',
    'DIR|s3://…',
    'write bundles, tiles and checkpoint through to a folder for a web server, or to s3://bucket/prefix?region=…&endpoint=…; submitters are answered afterwards',
  ),
  policy: text('', 'FILE', 'C2SP tlog-policy: this log, the witnesses to ask with their URLs, and the quorum'),
  retiringPolicy: text(
    '',
    'FILE',
    'the policy before --policy: its quorum is asked too, until the trust file of every product has left it',
  ),
  witnessTimeoutMs: integer(5000, 100, 60_000, 'time for a witness to cosign a head'),
  witnessMinIntervalMs: integer(1000, 0, 300_000, 'a witness is sent heads at most this often'),
  witnessRequestsPerDay: integer(86_400, 1000, 100_000_000, 'requests that a witness takes in a day (its qpd)'),
  witnessMonitoring: text(
    '',
    'NAME=URL',
    'monitoring prefix of a witness, where it is not its URL in the policy; several separated by spaces',
  ),
  witnessFailOpen: {
    kind: 'switch',
    default: false,
    help: 'DANGER: publish heads even without the quorum; clients refuse them',
  },
  resignSeconds: integer(300, 1, 360, 'an unchanged tree is signed again this often'),
  checkpointMaxAgeSeconds: integer(2, 0, 10, 'how long caches may keep the checkpoint'),
  maxLeafBytes: integer(65_535, 1, 65_535, 'largest entry'),
  maxPendingEntries: integer(
    4096,
    1,
    1_000_000,
    'entries that may wait for their answer; beyond them 503 with Retry-After',
  ),
  maxPendingBytes: integer(64 << 20, 65_535, 2 ** 31, 'bytes that may wait likewise; as many may be on their way in'),
  maxBatchEntries: integer(2048, 1, 65_536, 'most entries of one commit'),
  maxWaitMs: integer(
    10_000,
    10,
    600_000,
    'once an entry has waited so long for its answer, new ones get 503 with Retry-After',
  ),
  rawWindowEntries: integer(65_536, 0, 4_194_304, 'raw mode: newest entries that are looked through for duplicates'),
  cacheBytes: integer(64 << 20, 0, 2 ** 34, 'memory for tiles and bundles, in each process'),
  readers: integer(0, 0, 64, 'further processes that answer reads on the same port; only with SQLite'),
  headersTimeoutMs: integer(10_000, 100, 120_000, 'time for the headers of a request'),
  requestTimeoutMs: integer(30_000, 100, 600_000, 'time for a whole request'),
  keepAliveTimeoutMs: integer(30_000, 100, 600_000, 'time a connection may be idle'),
  maxConnections: integer(20_000, 1, 1_000_000, 'connections at once'),
  connectionsPerAddress: integer(
    2000,
    1,
    1_000_000,
    'connections at once from one address (an IPv6 /64); not counted where --trusted-proxies is not 0',
  ),
  requestsPerMinute: integer(600, 1, 1_000_000, 'requests to /v1 from one address'),
  addsPerMinute: integer(60, 1, 1_000_000, 'mode open: entries that one address may submit in a minute'),
  trustedProxies: integer(0, 0, 16, 'proxies in front of this server that tell the client address truly'),
  logLevel: choice('info', ['debug', 'info', 'warn', 'error', 'silent'], 'what is written to standard error'),
}

export const optionNames: readonly Name[] = Object.keys(optionSpecs) as Name[]

/** `dataDir` as `--data-dir`. */
export function flagName(name: Name): string {
  return `--${kebab(name)}`
}

/** `dataDir` as `SAMEBITS_LOG_DATA_DIR`. */
export function environmentName(name: Name): string {
  return `${environmentPrefix}${kebab(name).toUpperCase().replaceAll('-', '_')}`
}

const environmentPrefix = 'SAMEBITS_LOG_'
/** Three variables are no options: where the configuration file is, and secrets, both keys as PEM and a PIN, which belong in no argument and no file of options. */
export const configVariable = 'SAMEBITS_LOG_CONFIG'
export const keysVariable = 'SAMEBITS_LOG_KEYS'
export const pinVariable = 'SAMEBITS_LOG_PKCS11_PIN'
const otherVariables = new Set([configVariable, keysVariable, pinVariable])

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Where values come from; each value is text, or in the file JSON. */
export interface OptionSources {
  /** Parsed JSON of the configuration file, with its path for messages; null for none. */
  readonly file: { readonly path: string; readonly content: unknown } | null
  readonly environment: Readonly<Record<string, string | undefined>>
  /** By option name. */
  readonly flags: Readonly<Record<string, unknown>>
}

/** Merges and checks. @throws ProgramError CONFIG_INVALID naming where the bad value stands */
export function resolveOptions({ file, environment, flags }: OptionSources): LogServerOptions {
  const fromFile = file === null ? {} : fileValues(file)
  const fromEnvironment = environmentValues(environment)
  const values = optionNames.map((name): [Name, OptionValue] => {
    const spec = optionSpecs[name]
    const flag = flags[name]
    if (flag !== undefined) return [name, checked(spec, flag, flagName(name))]
    const variable = fromEnvironment[name]
    if (variable !== undefined) return [name, checked(spec, variable, environmentName(name))]
    const entry = fromFile[name]
    if (entry !== undefined) return [name, checked(spec, jsonValue(entry), `${name} in ${file?.path}`)]
    return [name, spec.default]
  })
  return Object.fromEntries(values) as unknown as LogServerOptions
}

function fileValues({ path, content }: { readonly path: string; readonly content: unknown }): Record<string, unknown> {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw invalid(`${path} holds no JSON object`)
  for (const key of Object.keys(content)) {
    if (!Object.hasOwn(optionSpecs, key))
      throw invalid(`${path} has an unknown option ${JSON.stringify(key)}${meant(camel(key), optionNames)}`)
  }
  return content as Record<string, unknown>
}

function environmentValues(environment: OptionSources['environment']): Partial<Record<Name, string>> {
  const byVariable = new Map(optionNames.map((name) => [environmentName(name), name]))
  const values: Partial<Record<Name, string>> = {}
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(environmentPrefix) || otherVariables.has(variable) || value === undefined) continue
    const name = byVariable.get(variable)
    if (name === undefined)
      throw invalid(`the environment has an unknown variable ${variable}${meant(variable, [...byVariable.keys()])}`)
    values[name] = value
  }
  return values
}

/** A member that is spelled as its flag is meant well, too. */
function camel(key: string): string {
  return key.replace(/^--/, '').replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function meant(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === null ? '' : `; did you mean ${near}?`
}

function jsonValue(value: unknown): unknown {
  return typeof value === 'number' ? String(value) : value
}

type OptionValue = string | number | boolean

function checked(spec: OptionSpec, value: unknown, where: string): OptionValue {
  if (spec.kind === 'switch') {
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    throw invalid(`${where} is neither true nor false`)
  }
  if (typeof value !== 'string') throw invalid(`${where} is of another type than expected`)
  switch (spec.kind) {
    case 'text':
      return value
    case 'choice':
      if (!spec.choices.includes(value))
        throw invalid(`${where} is ${JSON.stringify(value)}, not one of ${spec.choices.join(', ')}`)
      return value
    case 'integer': {
      const number = /^(?:0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN
      if (!(number >= spec.min && number <= spec.max))
        throw invalid(`${where} is ${JSON.stringify(value)}, not a number from ${spec.min} to ${spec.max}`)
      return number
    }
  }
}

function invalid(detail: string): ProgramError {
  return new ProgramError({ code: 'CONFIG_INVALID', detail, remedy: 'See samebits-log serve --help.' })
}
