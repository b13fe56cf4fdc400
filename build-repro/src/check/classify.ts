/** What kind of difference two pieces of text are, given what is known of the two builds. */
import { dirname } from 'node:path'
import type { Kind } from './difference.ts'
import { type Side, zoneMinutes } from './side.ts'
import { looksLikeClock } from './time-words.ts'

/** The kind of one pair of lines or strings. */
export function classifyText(a: string, b: string, sideA: Side, sideB: Side): Kind {
  if (sameWords(a, b)) return 'order'
  const facts = knownFacts(sideA, sideB).filter((fact) => a.search(fact.a) !== -1 && b.search(fact.b) !== -1)
  // Each fact alone first: what makes the two equal is the whole difference.
  for (const { kind, a: inA, b: inB } of facts) if (mask(a, inA) === mask(b, inB)) return kind
  const [restA, restB] = [maskAll(a, facts, 'a'), maskAll(b, facts, 'b')]
  const [found] = facts
  if (restA === restB && found !== undefined) return found.kind
  if (zoneApart(restA, restB, sideA, sideB)) return 'timezone'
  if (looksLikeClock(restA, restB, sideA, sideB))
    return isZoneOnly(restA, restB, sideA, sideB) ? 'timezone' : 'timestamp'
  if (found !== undefined) return found.kind
  if (mentions(a, b, sideA, sideB)) return 'environment'
  return looksRandom(a, b) ? 'random' : 'content'
}

interface Fact {
  readonly kind: Kind
  /** Global patterns. */
  readonly a: RegExp
  readonly b: RegExp
}

/** What differs between the conditions and can be found in text, the longest first. */
function knownFacts({ conditions: a }: Side, { conditions: b }: Side): readonly Fact[] {
  const facts: [Kind, string, string][] = [
    ['path', a.path, b.path],
    ['path', dirname(a.path), dirname(b.path)],
    ['path', a.home, b.home],
    ['hostname', a.hostname, b.hostname],
    ['user', a.user.name, b.user.name],
    ['user', String(a.user.uid), String(b.user.uid)],
    ['user', String(a.user.gid), String(b.user.gid)],
    ['timezone', a.timezone, b.timezone],
    ['locale', a.locale, b.locale],
    ['mode', a.umask.toString(8).padStart(4, '0'), b.umask.toString(8).padStart(4, '0')],
  ]
  return facts
    .filter(([, inA, inB]) => inA !== inB)
    .map(([kind, inA, inB]) => ({ kind, a: pattern(inA), b: pattern(inB) }))
}

/** A word of its own: no letter or digit on either side; paths may follow an option, as -I. */
function pattern(text: string): RegExp {
  const literal = text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  const before = text.startsWith('/') ? '' : '(?<![A-Za-z0-9])'
  return new RegExp(`${before}${literal}(?![A-Za-z0-9])`, 'g')
}

function mask(text: string, fact: RegExp): string {
  return text.replace(fact, '\u0000')
}

function maskAll(text: string, facts: readonly Fact[], side: 'a' | 'b'): string {
  return facts.reduce((masked, fact) => mask(masked, fact[side]), text)
}

function sameWords(a: string, b: string): boolean {
  const words = (text: string) => text.split(/[\s,;:]+/).filter((word) => word !== '')
  const [inA, inB] = [words(a), words(b)]
  return inA.length > 1 && inA.length === inB.length && inA.sort().join(' ') === inB.sort().join(' ')
}

/** Two clock readings apart by what the zones are apart, and at most the time that passed from the one build to the other. */
function zoneApart(a: string, b: string, sideA: Side, sideB: Side): boolean {
  const apart = zoneMinutes(sideB) - zoneMinutes(sideA)
  if (apart === 0) return false
  const [atA, atB] = [clockMinutes(a), clockMinutes(b)]
  const passed = Math.ceil(Math.max(0, sideB.finishedAt - sideA.startedAt) / 60)
  return atA !== null && atB !== null && (((atB - atA - apart) % 1440) + 1440) % 1440 <= passed
}

/** A day that the second side's clock shows in its own zone alone, and that no moved clock explains. */
function isZoneOnly(a: string, b: string, sideA: Side, sideB: Side): boolean {
  const { conditions } = sideB
  if (conditions.timezone === sideA.conditions.timezone || conditions.clockAhead !== sideA.conditions.clockAhead)
    return false
  const { timezone } = sideA.conditions
  return !looksLikeClock(a, b, sideA, { ...sideB, conditions: { ...conditions, timezone } })
}

function clockMinutes(text: string): number | null {
  const match = /(?<![0-9])([01][0-9]|2[0-3]):([0-5][0-9])(?![0-9])/.exec(text)
  return match === null ? null : Number(match[1]) * 60 + Number(match[2])
}

/** Whether a variable of one side's environment stands there. */
function mentions(a: string, b: string, { conditions: inA }: Side, { conditions: inB }: Side): boolean {
  const values = [...Object.entries(inA.environment), ...Object.entries(inB.environment)].flat()
  const paths = [inA.searchPath, inB.searchPath].filter((path) => path !== null)
  return [...values, ...paths].some((value) => value.length > 3 && a.includes(value) !== b.includes(value))
}

const randomWords: readonly RegExp[] = [
  /(?<![A-Za-z0-9])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![A-Za-z0-9])/gi, // UUID
  /(?<![A-Za-z0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}(?![A-Za-z0-9])/g,
  /(?<![A-Za-z0-9])(?=[0-9]*[A-F])[0-9A-F]{8,}(?![A-Za-z0-9])/g,
  /(?<![A-Za-z0-9])(?=[A-Za-z0-9+/]*[0-9])(?=[A-Za-z0-9+/]*[A-Za-z])[A-Za-z0-9+/]{10,}={0,2}(?![A-Za-z0-9])/g, // base64
]

/** Long words of hex or base64 where nothing else is known: keys, temporary names. */
function looksRandom(a: string, b: string): boolean {
  return randomWords.some((words) => a.search(words) !== -1 && a.replace(words, '') === b.replace(words, ''))
}
