/**
 * Readers of JSON values: each takes an untrusted value and returns it typed, or throws {@link ShapeError} that says where.
 * Objects are closed: a member that is not named, or is missing, is refused. Members are read as own properties only.
 */
import { fromBase64 } from '../bytes.ts'
import { FormatError } from '../errors.ts'
import type { JsonValue } from './strict-json.ts'

/**
 * Why a value was refused, as far as callers treat it differently: `malformed`; `unknown-type`, well-formed but of a kind
 * that this version does not know; `unsafe-name`, a product or artifact name that could be a path or a shell word;
 * `too-large`, past a cap; `proof`, an index or hash that cannot be part of any proof.
 */
export type ShapeFault = 'malformed' | 'unknown-type' | 'unsafe-name' | 'too-large' | 'proof'

/** Thrown by readers, and turned by each parser into its own error: it never leaves this package. */
export class ShapeError extends Error {
  readonly fault: ShapeFault
  readonly detail: string
  readonly at: string
  readonly problem: string

  constructor(at: string, problem: string, fault: ShapeFault = 'malformed') {
    super(at === '' ? problem : `${at}: ${problem}`)
    this.fault = fault
    this.detail = this.message
    this.at = at
    this.problem = problem
  }
}

/** `at` names the place for the error, e.g. `predicate.artifacts[2].size`. */
export type Read<T> = (value: unknown, at: string) => T

type Readers<T> = { readonly [Name in keyof T]-?: Read<T[Name]> }

/** A closed object with all members of `required` and any of `optional`. */
export function object<R extends object, O extends object = Record<never, never>>(
  required: Readers<R>,
  optional?: Readers<O>,
): Read<R & Partial<O>> {
  const readers = new Map<string, Read<unknown>>(Object.entries({ ...required, ...optional }))
  const needed = Object.keys(required)
  return (value, at) => {
    const members = membersOf(value, at)
    const missing = needed.find((name) => !members.has(name))
    if (missing !== undefined) throw new ShapeError(at, `${missing} is missing`)
    const result: Record<string, unknown> = {}
    for (const [name, member] of members) {
      const read = readers.get(name)
      if (read === undefined) throw new ShapeError(at, `unknown member ${JSON.stringify(name.slice(0, 40))}`)
      result[name] = read(member, at === '' ? name : `${at}.${name}`)
    }
    return result as R & Partial<O>
  }
}

/** An object whose member names are data, as a Map: a name such as `constructor` is then just a name. */
export function record<T>(name: Read<string>, item: Read<T>, max: number): Read<ReadonlyMap<string, T>> {
  return (value, at) => {
    const members = membersOf(value, at)
    if (members.size > max) throw new ShapeError(at, `more than ${max} members`, 'too-large')
    return new Map([...members].map(([key, member]) => [name(key, `${at} name`), item(member, `${at}.${key}`)]))
  }
}

/** The own members of an object; anything else is refused. */
export function membersOf(value: unknown, at: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ShapeError(at, 'not an object')
  return new Map(Object.entries(value))
}

/** A list of `min` to `max` items; a longer one is `too-large`. */
export function list<T>(item: Read<T>, { min = 0, max }: { min?: number; max: number }): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new ShapeError(at, 'not a list')
    if (value.length < min) throw new ShapeError(at, `fewer than ${min} items`)
    if (value.length > max) throw new ShapeError(at, `more than ${max} items`, 'too-large')
    return value.map((member, index) => item(member, `${at}[${index}]`))
  }
}

export function literal<T extends string | number | boolean>(...allowed: readonly T[]): Read<T> {
  return (value, at) => {
    const found = allowed.find((candidate) => candidate === value)
    if (found === undefined) throw new ShapeError(at, `not ${allowed.join(' or ')}`)
    return found
  }
}

/** An integer from `min` to `max`, by default any that is not negative and safe. */
export function integer(min = 0, max: number = Number.MAX_SAFE_INTEGER): Read<number> {
  return (value, at) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw new ShapeError(at, 'not an integer within 2^53-1')
    }
    if (value < min || value > max) throw new ShapeError(at, `not from ${min} to ${max}`)
    return value
  }
}

/** A string of at most `maxLength` UTF-16 units, well-formed. What it may hold is for `matching` to say. */
export function text(maxLength: number): Read<string> {
  return (value, at) => {
    if (typeof value !== 'string') throw new ShapeError(at, 'not a string')
    if (value.length > maxLength) throw new ShapeError(at, `longer than ${maxLength} characters`)
    if (!value.isWellFormed()) throw new ShapeError(at, 'holds a lone surrogate')
    return value
  }
}

/** A string for which `test` holds; `what` completes "not …". */
export function matching(test: (text: string) => boolean, what: string, fault: ShapeFault = 'malformed'): Read<string> {
  return (value, at) => {
    if (typeof value !== 'string' || !test(value)) throw new ShapeError(at, `not ${what}`, fault)
    return value
  }
}

/** Bytes of canonical base64, `min` to `max` of them. */
export function base64({ min = 0, max }: { min?: number; max: number }): Read<Uint8Array> {
  return (value, at) => {
    if (typeof value !== 'string') throw new ShapeError(at, 'not a string')
    if (value.length > 4 * Math.ceil(max / 3)) throw new ShapeError(at, `more than ${max} bytes`)
    let bytes: Uint8Array
    try {
      bytes = fromBase64(value)
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause
      throw new ShapeError(at, `not canonical base64 (${cause.detail})`)
    }
    if (bytes.length < min || bytes.length > max)
      throw new ShapeError(at, `not ${min === max ? max : `${min} to ${max}`} bytes`)
    return bytes
  }
}

export function nullable<T>(read: Read<T>): Read<T | null> {
  return (value, at) => (value === null ? null : read(value, at))
}

/** `read`, whose refusals all count as `fault`. */
export function faultOf<T>(fault: ShapeFault, read: Read<T>): Read<T> {
  return (value, at) => {
    try {
      return read(value, at)
    } catch (error) {
      if (error instanceof ShapeError && error.fault === 'malformed')
        throw new ShapeError(error.at, error.problem, fault)
      throw error
    }
  }
}

/** An object that is kept as it is, for somebody else to read. */
export function opaque(value: unknown, at: string): { readonly [name: string]: JsonValue } {
  membersOf(value, at)
  return value as { readonly [name: string]: JsonValue }
}

/** Refuses the second of two equal keys; `what` names the thing in "… occurs twice". */
export function unique<T>(items: readonly T[], key: (item: T) => string, at: string, what: string): void {
  const seen = new Set<string>()
  for (const item of items) {
    const value = key(item)
    if (seen.has(value)) throw new ShapeError(at, `${what} ${JSON.stringify(value)} occurs twice`)
    seen.add(value)
  }
}
