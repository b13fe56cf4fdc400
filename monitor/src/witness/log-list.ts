/**
 * Which logs a witness cosigns: the log list of the witness network
 * (github.com/transparency-dev/witness-network, docs/log-list-format.md), read strictly.
 *
 *     logs/v0
 *     vkey example.com/log+2a5d21f9+AQ…
 *     origin none
 *     qpd 86400
 *     bastion none
 *     contact sysadmin (at) example.com
 *
 * Blank lines and lines that start with `#` are ignored. `origin none`: the origin is the key's name. A log with two keys
 * stands there twice.
 */
import { FormatError, type Hasher, parseDecimal, parseVkey, utf8, type VerifierKey } from '@samebits/core'

/** A log that this witness knows. */
export interface KnownLog {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** Most requests a day; the largest of the log's records. */
  readonly queriesPerDay: number
}

/** By origin. */
export type LogList = ReadonlyMap<string, KnownLog>

const header = 'logs/v0'
/** Origins and names are at most this long (docs/log.md, *Being a witness*). */
const maxNameBytes = 255
const fields = ['vkey', 'origin', 'qpd', 'bastion', 'contact'] as const
type Field = (typeof fields)[number]
type Item = Partial<Record<Field, string>>

/** @throws FormatError `log-list` */
export function parseLogList(hasher: Hasher, text: string): LogList {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const [first, ...rest] = lines
  if (first !== header) throw new FormatError('log-list', `the first line is not "${header}"`)
  const logs = new Map<string, KnownLog>()
  for (const item of readItems(rest)) addLog(logs, readLog(hasher, item))
  return logs
}

/** Records in the order of their lines: `vkey` begins one, the others follow in order, `origin` and `bastion` may be left out. */
function readItems(lines: readonly string[]): Item[] {
  const items: Item[] = []
  let last: number = fields.length
  for (const line of lines) {
    const space = line.indexOf(' ')
    const name = line.slice(0, space) as Field
    const at = fields.indexOf(name)
    if (space < 0 || at < 0) throw new FormatError('log-list', `no such line: ${JSON.stringify(line.slice(0, 80))}`)
    if (at === 0) items.push({})
    else if (at <= last || items.length === 0) throw new FormatError('log-list', `"${name}" stands out of order`)
    Object.assign(items.at(-1) ?? {}, { [name]: line.slice(space + 1) })
    last = at
  }
  return items
}

function readLog(hasher: Hasher, { vkey, origin, qpd }: Item): KnownLog {
  if (vkey === undefined || qpd === undefined) throw new FormatError('log-list', 'a log has a vkey and a qpd line')
  const key = parseVkey(hasher, vkey)
  const name = origin === undefined || origin === 'none' ? key.name : origin
  if (name === '' || utf8(name).length > maxNameBytes)
    throw new FormatError('log-list', `an origin has 1 to ${maxNameBytes} bytes`)
  return { origin: name, keys: [key], queriesPerDay: parseDecimal(qpd) }
}

function addLog(logs: Map<string, KnownLog>, log: KnownLog): void {
  const before = logs.get(log.origin)
  const [key] = log.keys
  if (before?.keys.some((other) => other.name === key?.name && other.keyId === key?.keyId))
    throw new FormatError('log-list', `a key of ${log.origin} is listed twice`)
  const queriesPerDay = Math.max(log.queriesPerDay, before?.queriesPerDay ?? 0)
  logs.set(log.origin, { origin: log.origin, keys: [...(before?.keys ?? []), ...log.keys], queriesPerDay })
}
