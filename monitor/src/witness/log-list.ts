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
 * Every line ends in a newline; blank lines and lines that start with `#` are ignored. `vkey` begins a log. `origin none`, or no
 * such line: the origin is the key's name. `bastion`, which that text puts once before `qpd` and once behind it, may stand at
 * either place or be left out, and is not used; so may `contact`. A log with two keys stands there twice, both under one name.
 */
import { FormatError, type Hasher, parseDecimal, parseVkey, utf8, type VerifierKey } from '@samebits/core'

/** A log that this witness knows. */
export interface KnownLog {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** Most requests a day, at least 1; the largest of the log's records. */
  readonly queriesPerDay: number
}

/** By origin. */
export type LogList = ReadonlyMap<string, KnownLog>

const header = 'logs/v0'
/** Origins and names are at most this long (docs/log.md, *Being a witness*). */
const maxNameBytes = 255

interface Line {
  /** From 1. */
  readonly number: number
  readonly keyword: string
  readonly value: string
}

/** The keywords that may follow each keyword within a log; after the last line comes the next log's `vkey`. */
const follow: Readonly<Record<string, readonly string[]>> = {
  vkey: ['origin', 'bastion', 'qpd'],
  origin: ['bastion', 'qpd'],
  bastion: ['qpd', 'contact', 'vkey'],
  qpd: ['bastion', 'contact', 'vkey'],
  contact: ['vkey'],
}

/** @throws FormatError `log-list` */
export function parseLogList(hasher: Hasher, text: string): LogList {
  if (!text.endsWith('\n')) throw new FormatError('log-list', 'the last line has no newline: half a file?')
  const lines = text
    .slice(0, -1)
    .split('\n')
    .map((line, at) => ({ line, number: at + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
  const [first, ...rest] = lines
  if (first?.line !== header) throw new FormatError('log-list', `the first line is not "${header}"`)
  const logs = new Map<string, KnownLog>()
  for (const item of splitItems(rest.map(readLine))) addLog(logs, readLog(hasher, item), item[0]?.number ?? 0)
  return logs
}

function readLine({ line, number }: { readonly line: string; readonly number: number }): Line {
  const space = line.indexOf(' ')
  const keyword = space < 0 ? line : line.slice(0, space)
  if (!Object.hasOwn(follow, keyword)) throw fault(number, 'no keyword of this format')
  const value = line.slice(space + 1)
  if (space < 0 || value === '' || value !== value.trim()) throw fault(number, `"${keyword}" and one value`)
  return { number, keyword, value }
}

/** The lines of each log, `vkey` first. */
function splitItems(lines: readonly Line[]): Line[][] {
  const items: Line[][] = []
  let before: Line | null = null
  for (const line of lines) {
    const expected: readonly string[] = before === null ? ['vkey'] : (follow[before.keyword] ?? [])
    const again = items.at(-1)?.some(({ keyword }) => keyword === line.keyword) && line.keyword !== 'vkey'
    if (!expected.includes(line.keyword) || again) throw fault(line.number, `"${line.keyword}" out of order`)
    if (line.keyword === 'vkey') items.push([])
    items.at(-1)?.push(line)
    before = line
  }
  return items
}

function readLog(hasher: Hasher, item: readonly Line[]): KnownLog {
  const { vkey, origin, qpd } = Object.fromEntries(item.map((line) => [line.keyword, line]))
  if (vkey === undefined || qpd === undefined) throw fault(item[0]?.number ?? 0, 'a log without a qpd line')
  const key = within(vkey, () => parseVkey(hasher, vkey.value))
  const name = origin === undefined || origin.value === 'none' ? key.name : origin.value
  const length = within(origin ?? vkey, () => utf8(name).length)
  if (length > maxNameBytes) throw fault((origin ?? vkey).number, `an origin of more than ${maxNameBytes} bytes`)
  const queriesPerDay = within(qpd, () => parseDecimal(qpd.value))
  if (queriesPerDay === 0) throw fault(qpd.number, 'a log that may not ask at all')
  return { origin: name, keys: [key], queriesPerDay }
}

function addLog(logs: Map<string, KnownLog>, log: KnownLog, line: number): void {
  const before = logs.get(log.origin)
  const [key] = log.keys
  if (before?.keys.some(({ name }) => name !== key?.name)) throw fault(line, 'an origin under keys of two names')
  if (before?.keys.some(({ keyId }) => keyId === key?.keyId)) throw fault(line, 'a key that is listed twice')
  const queriesPerDay = Math.max(log.queriesPerDay, before?.queriesPerDay ?? 0)
  logs.set(log.origin, { origin: log.origin, keys: [...(before?.keys ?? []), ...log.keys], queriesPerDay })
}

/** Says in which line a value was refused. */
function within<T>({ number }: Line, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof FormatError) throw fault(number, `${error.format}: ${error.detail}`, error)
    throw error
  }
}

function fault(line: number, detail: string, cause?: Error): FormatError {
  return new FormatError('log-list', `line ${line}: ${detail}`, { cause })
}
