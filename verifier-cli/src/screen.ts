/** How answers look: plain text that reads the same in a log file, a little colour on a terminal. */
import { styleText } from 'node:util'
import { visible } from '@samebits/host'
import type { World } from './world.ts'

type Style = 'green' | 'red' | 'yellow' | 'bold' | 'dim'

export function styled(world: Pick<World, 'colour'>, style: Style, text: string): string {
  return world.colour ? styleText(style, text, { validateStream: false }) : text
}

/** ok: proven. none: not asked for, or cannot be said. warn: holds, but look at it. */
export type Mark = 'ok' | 'none' | 'warn'

export interface CheckLine {
  readonly mark: Mark
  readonly label: string
  /** May quote others. */
  readonly text: string
}

const marks = { ok: ['✓', 'green'], none: ['-', 'dim'], warn: ['!', 'yellow'] } as const

/** The checklist of what was proven, one line each. */
export function checklist(world: Pick<World, 'colour'>, lines: readonly CheckLine[]): string {
  const width = Math.max(...lines.map(({ label }) => label.length))
  return lines
    .map(({ mark, label, text }) => {
      const [sign, style] = marks[mark]
      return `  ${styled(world, style, sign)} ${label.padEnd(width)}  ${visible(text)}\n`
    })
    .join('')
}

/** `3 days`, `1 hour`: the largest unit that fits, rounded down. */
export function ago(seconds: number): string {
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const
  for (const [name, size] of units) {
    const count = Math.floor(seconds / size)
    if (count >= 1) return `${count} ${name}${count === 1 ? '' : 's'}`
  }
  return `${Math.max(0, Math.floor(seconds))} s`
}

/** `2026-11-23 20:35:00 UTC` of Unix seconds. */
export function utc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** `1 witness`, `1,200 witnesses`. By hand: the first use of the language's own formatting costs a quarter of a `verify`. */
export function count(value: number, one: string, many: string = `${one}s`): string {
  const grouped = String(value).replace(/\B(?=(?:\d{3})+$)/g, ',')
  return `${grouped} ${value === 1 ? one : many}`
}

/** Up to `max` names, then how many more. Names are neutralised where they are shown. */
export function names(list: readonly string[], max = 6): string {
  const rest = list.length - max
  return rest <= 0 ? list.join(', ') : `${list.slice(0, max).join(', ')} and ${rest} more`
}
