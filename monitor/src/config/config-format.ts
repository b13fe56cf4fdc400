/** What stands in a monitor's configuration file (docs/monitoring.md), read strictly: an unknown member is refused. */
import { parseDuration } from '@samebits/core'
import { nearest, ProgramError } from '@samebits/host'
import { z } from 'zod'

const duration = z.string().transform((text, context) => {
  const seconds = parseDuration(text)
  if (seconds !== null) return seconds
  context.addIssue({ code: 'custom', message: 'not a duration such as 90s, 10m, 12h, 7d' })
  return z.NEVER
})
const path = z.string().min(1).max(4096)
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'not a name of letters, digits, ".", "_", "-"')
const vkey = z.string().min(1).max(8192)
const url = z.string().regex(/^https?:\/\/[!-~]{1,2000}$/, 'not an https URL')

/** How long things may take before somebody is told. Seconds. */
export interface Limits {
  /** No verified answer of a log for this long. */
  readonly silentAfter: number
  /** Oldest quorum time of a head that a view shows. */
  readonly quorumAge: number
  /** How long the log itself may answer with a smaller tree than before: caches lag. */
  readonly rollbackAfter: number
  /** How long a signed tree may stay a question. */
  readonly openAfter: number
  /** How long a mirror or a witness's copy may stay behind the log. */
  readonly viewLag: number
  /** How long a release may lack rebuilds. */
  readonly rebuildsAfter: number
  /** How long a body may be missing after its entry. */
  readonly blobAfter: number
}

/** `quorumAge` has a better default where there is a trust file: its `warnAge`. */
export const defaultLimits: Limits = {
  silentAfter: 3600,
  quorumAge: 86_400,
  rollbackAfter: 600,
  openAfter: 120,
  viewLag: 3600,
  rebuildsAfter: 86_400,
  blobAfter: 600,
}

/** What a file may say of them. */
export type GivenLimits = { readonly [name in keyof Limits]?: number | undefined }

/** One log to follow. */
export interface LogConfig {
  readonly keys: readonly string[]
  readonly origin?: string | undefined
  readonly url?: string | undefined
  readonly mirrors: readonly string[]
  /** `samebits`: entries are statements; `raw`: any bytes. Default: `samebits` where trust files are named. */
  readonly entries?: 'samebits' | 'raw' | undefined
  /** A C2SP tlog-policy file; default: the first trust file's. */
  readonly policy?: string | undefined
  readonly trust: readonly string[]
  readonly limits: GivenLimits
}

/** Where alerts go. */
export type SinkConfig =
  | { readonly kind: 'stdout'; readonly name: string }
  | { readonly kind: 'webhook'; readonly name: string; readonly url: string; readonly secretFile: string }
  | {
      readonly kind: 'email'
      readonly name: string
      readonly host: string
      readonly port: number
      /** TLS from the first byte; otherwise STARTTLS is demanded, but to a loopback host. */
      readonly secure: boolean
      readonly user?: string | undefined
      readonly passwordFile?: string | undefined
      readonly from: string
      readonly to: string[]
    }
  | { readonly kind: 'atom'; readonly name: string; readonly file: string; readonly url: string }
  | { readonly kind: 'command'; readonly name: string; readonly command: string[] }

/** Where the monitor itself can be reached. */
export interface ListenConfig {
  readonly host: string
  readonly port: number
  /** Proxies of our own in front of it, which tell the client's address truly (X-Forwarded-For). */
  readonly trustedProxies: number
}

export interface ConfigFile {
  readonly format: 1
  /** Seconds. */
  readonly pollInterval: number
  readonly logs: readonly LogConfig[]
  /** Log lists of the witness network (logs/v0): keys and origins; `urls` says where their tiles are, where that is known. */
  readonly logList?: { readonly file: string; readonly urls: Readonly<Record<string, string>> } | undefined
  readonly witnesses: readonly { readonly keys: readonly string[]; readonly url: string }[]
  /** Other monitors: their gossip is asked for at every poll. */
  readonly monitors: readonly string[]
  readonly limits: GivenLimits
  readonly sinks: readonly SinkConfig[]
  readonly listen?: ListenConfig | undefined
}

const limits = z.strictObject({
  silentAfter: duration.optional(),
  quorumAge: duration.optional(),
  rollbackAfter: duration.optional(),
  openAfter: duration.optional(),
  viewLag: duration.optional(),
  rebuildsAfter: duration.optional(),
  blobAfter: duration.optional(),
})

const log = z.strictObject({
  keys: z.array(vkey).min(1).max(16),
  origin: z.string().min(1).max(255).optional(),
  url: url.optional(),
  mirrors: z.array(url).max(16).default([]),
  entries: z.enum(['samebits', 'raw']).optional(),
  policy: path.optional(),
  trust: z.array(path).max(10_000).default([]),
  limits: limits.default({}),
})

const sink = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('stdout'), name: name.default('stdout') }),
  z.strictObject({ kind: z.literal('webhook'), name, url, secretFile: path }),
  z.strictObject({
    kind: z.literal('email'),
    name,
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).default(587),
    secure: z.boolean().default(false),
    user: z.string().optional(),
    passwordFile: path.optional(),
    from: z.string().min(3).max(320),
    to: z.array(z.string().min(3).max(320)).min(1).max(50),
  }),
  z.strictObject({ kind: z.literal('atom'), name, file: path, url }),
  z.strictObject({ kind: z.literal('command'), name, command: z.array(z.string()).min(1).max(64) }),
])

const config = z.strictObject({
  format: z.literal(1),
  pollInterval: duration.default(60),
  logs: z.array(log).max(10_000).default([]),
  logList: z.strictObject({ file: path, urls: z.record(z.string(), url).default({}) }).optional(),
  witnesses: z
    .array(z.strictObject({ keys: z.array(vkey).min(1).max(4), url }))
    .max(256)
    .default([]),
  monitors: z.array(url).max(64).default([]),
  limits: limits.default({}),
  sinks: z.array(sink).max(32).default([]),
  listen: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65_535),
      trustedProxies: z.int().min(0).max(16).default(0),
    })
    .optional(),
})

/** Of every object of the file. */
const memberNames: readonly string[] = [config, log, limits, ...sink.options].flatMap(({ shape }) => Object.keys(shape))

/** @throws ProgramError CONFIG */
export function parseConfig(text: string, file: string): ConfigFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw configError(file, 'is not JSON', cause)
  }
  const read = config.safeParse(value)
  if (!read.success) {
    const [issue] = read.error.issues
    const at = (issue?.path ?? []).map(String).join('.')
    throw configError(file, `${at === '' ? 'the file' : at}: ${issue?.message ?? 'is not understood'}${meant(issue)}`)
  }
  const names = read.data.sinks.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw configError(file, `two sinks are called ${twice}`)
  return read.data
}

/** A guess where a member is unknown. */
function meant(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code !== 'unrecognized_keys') return ''
  const near = nearest(issue.keys[0] ?? '', memberNames)
  return near === null ? '' : `; did you mean ${near}?`
}

export function configError(file: string, detail: string, cause?: unknown): ProgramError {
  return new ProgramError({
    code: 'CONFIG',
    detail: `${file}: ${detail}`,
    remedy: 'docs/monitoring.md lists every member of the file.',
    cause,
  })
}
