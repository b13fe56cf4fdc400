/** How a log grew, as a small SVG: a step for every tree that became head. */
import { type Html, html } from './html.ts'
import { counted, grouped, utc } from './moments.ts'

const width = 600
const height = 96
const margin = 4

interface Point {
  readonly at: number
  readonly size: number
}

/** @param now the right edge: what did not grow since is a flat line */
export function plot(points: readonly Point[], now: number): Html | null {
  const [first] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined || points.length < 2) return null
  const end = Math.max(now, last.at)
  const x = (at: number) => round(margin + ((width - 2 * margin) * (at - first.at)) / Math.max(1, end - first.at))
  const y = (size: number) =>
    round(height - margin - ((height - 2 * margin) * (size - first.size)) / Math.max(1, last.size - first.size))
  const steps = points.slice(1).map(({ at, size }) => `H${x(at)}V${y(size)}`)
  const line = `M${x(first.at)} ${y(first.size)}${steps.join('')}H${x(end)}`
  const area = `${line}V${height}H${x(first.at)}Z`
  const words = `${counted(first.size, 'entry', 'entries')} at ${utc(first.at)}, ${grouped(last.size)} at ${utc(last.at)}`
  return html`<figure class="plot">
    <svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${words}">
      <path class="area" d="${area}"/><path class="line" d="${line}"/>
    </svg>
    <figcaption><span>${utc(first.at).slice(0, 10)} · ${grouped(first.size)}</span><span>now · ${grouped(last.size)}</span></figcaption>
  </figure>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
