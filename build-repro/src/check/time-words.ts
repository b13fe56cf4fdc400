/**
 * Dates and times in text, recognised by what the clocks of the two builds showed: every word in which the texts differ must be one
 * that its own side could have read.
 */
import { couldRead, momentsOf, type Side, zoneMinutes } from './side.ts'

export function looksLikeClock(a: string, b: string, sideA: Side, sideB: Side): boolean {
  const [wordsA, wordsB] = [wordsOf(a), wordsOf(b)]
  if (wordsA.length !== wordsB.length) return false
  let telling = false
  for (const [at, wordA] of wordsA.entries()) {
    const wordB = wordsB[at] ?? ''
    if (wordA === wordB) continue
    const [isA, isB] = [strength(wordA, sideA), strength(wordB, sideB)]
    if (isA === 'none' || isB === 'none') return false
    telling ||= isA === 'strong' || isB === 'strong'
  }
  return telling || /[0-9]{1,2}:[0-9]{2}/.test(a)
}

function wordsOf(text: string): readonly string[] {
  return text.split(/[^A-Za-z0-9]+/).flatMap((word) => word.match(/[A-Za-z]+|[0-9]+/g) ?? [])
}

/** `weak`: fits, but so would many other numbers. */
function strength(word: string, side: Side): 'strong' | 'weak' | 'none' {
  if (/^[0-9]{10}$/.test(word)) return couldRead(side, Number(word)) ? 'strong' : 'none'
  if (/^[0-9]{13}$/.test(word)) return couldRead(side, Number(word) / 1000) ? 'strong' : 'none'
  if (/^[0-9]{19}$/.test(word)) return couldRead(side, Number(word) / 1e9) ? 'strong' : 'none'
  if (/^(utc|gmt|z|am|pm)$/i.test(word)) return 'weak'
  const dates = datesOf(side)
  if (dates.some((date) => date.words.has(word.toLowerCase()))) return 'strong'
  if (/^[0-9]{12,14}$/.test(word)) return dates.some(({ day }) => word.startsWith(day)) ? 'strong' : 'none'
  if (/^[0-9]{1,2}$/.test(word)) return Number(word) < 60 ? 'weak' : 'none'
  if (/^[0-9]{4}$/.test(word)) return Number(word) === zoneDigits(side) ? 'weak' : 'none'
  // Fractions of seconds.
  return /^([0-9]{3}){1,3}$/.test(word) ? 'weak' : 'none'
}

/** As in +1245. */
function zoneDigits(side: Side): number {
  const minutes = Math.abs(zoneMinutes(side))
  return Math.floor(minutes / 60) * 100 + (minutes % 60)
}

interface DateWords {
  /** YYYYMMDD. */
  readonly day: string
  readonly words: ReadonlySet<string>
}

const months = 'january february march april may june july august september october november december'.split(' ')
const weekdays = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ')

function datesOf(side: Side): readonly DateWords[] {
  return momentsOf(side).flatMap((seconds) =>
    [0, zoneMinutes(side)].map((minutes) => dateWords(seconds + minutes * 60)),
  )
}

function dateWords(seconds: number): DateWords {
  const date = new Date(seconds * 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  const [month, weekday] = [months[date.getUTCMonth()] ?? '', weekdays[date.getUTCDay()] ?? '']
  const day = `${date.getUTCFullYear()}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`
  const year = String(date.getUTCFullYear())
  return { day, words: new Set([year, day, month, month.slice(0, 3), weekday, weekday.slice(0, 3)]) }
}
