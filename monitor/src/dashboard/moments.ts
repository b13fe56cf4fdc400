/** Times and numbers for people. */
import { type Html, html } from './html.ts'

/** `3 min`, `2 h`, `5 days`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole < 120) return `${whole} s`
  if (whole < 7200) return `${Math.floor(whole / 60)} min`
  return whole < 172_800 ? `${Math.floor(whole / 3600)} h` : `${Math.floor(whole / 86_400)} days`
}

/** `3 min ago`, with the exact time in UTC behind it; a dash for never. Past 2^53 milliseconds there is no calendar. */
export function ago(time: number | null, now: number): Html {
  if (time === null) return html`<span class="faint">never</span>`
  return html`<time datetime="${utc(time)}" title="${utc(time)}">${time > now + 5 ? `in ${span(time - now)}` : `${span(now - time)} ago`}</time>`
}

/** `2026-11-27T23:26:13Z` */
export function utc(time: number): string {
  const milliseconds = time * 1000
  return Math.abs(milliseconds) > 8.64e15 ? String(time) : new Date(milliseconds).toISOString().replace('.000Z', 'Z')
}

/** `1 234 567`, with thin spaces that do not break. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, '\u202f')
}

/** `1 log`, `2 logs`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}
