/** Durations and dates as trust files write them, in Unix seconds. */
import { matching, type Read, ShapeError } from './shape.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of `[1-9][0-9]*[smhd]`, such as `30d`; null for other text, or more than 2^53-1. */
export function parseDuration(text: string): number | null {
  const [, count, unit] = /^([1-9][0-9]{0,15})([smhd])$/.exec(text) ?? []
  if (count === undefined || unit === undefined) return null
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN)
  return Number.isSafeInteger(seconds) ? seconds : null
}

export const duration: Read<number> = (value, at) => {
  const seconds = typeof value === 'string' ? parseDuration(value) : null
  if (seconds === null) throw new ShapeError(at, 'not a duration such as "30d"')
  return seconds
}

const dateText = matching((text) => /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text), 'a date such as "2027-12-31"')

/** The first second, UTC, of a day of the calendar written `YYYY-MM-DD`. */
export const date: Read<number> = (value, at) => {
  const text = dateText(value, at)
  const instant = new Date(`${text}T00:00:00.000Z`)
  // Date.parse rolls 31 June over into July in some engines and refuses it in others: neither gives the text back.
  const exists = !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text)
  if (!exists) throw new ShapeError(at, 'not a day of the calendar')
  return instant.getTime() / 1000
}
