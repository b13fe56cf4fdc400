/**
 * Progress of long work: a line that rewrites itself on a terminal, a line every few seconds elsewhere.
 */

/** The part of a stream that progress needs; `process.stderr` fits. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

export interface ProgressOptions {
  readonly stream: ProgressStream
  /** Milliseconds that only go up. */
  readonly clock: () => number
  /** What is counted, as `entries` or `bytes`. */
  readonly unit: string
  readonly label: string
  /** Where the end is known. */
  readonly total?: number
}

export interface Progress {
  /** How much is done in all. Cheap: it draws at most ten times a second on a terminal, once in five seconds elsewhere. */
  update(done: number): void
  /** Draws the last state and ends the line. */
  finish(): void
}

/** Starts a progress report. Nothing is drawn before the first interval has passed, so short work stays silent. */
export function progress(options: ProgressOptions): Progress {
  const { stream, clock } = options
  const terminal = stream.isTTY === true
  const intervalMs = terminal ? 100 : 5000
  const start = clock()
  let drawn = start
  let done = 0
  let shown = false
  const draw = (now: number) => {
    const line = progressLine(options, done, now - start)
    stream.write(terminal ? `\r\x1b[K${onTerminal(options, line, done)}` : `${line}\n`)
    drawn = now
    shown = true
  }
  return {
    update(next) {
      done = next
      const now = clock()
      if (now - drawn >= intervalMs) draw(now)
    },
    finish() {
      if (!shown) return
      draw(clock())
      shown = false
      if (terminal) stream.write('\n')
    },
  }
}

const barWidth = 20

/** The line with a bar before it, where the end is known and there is room for both. */
function onTerminal({ stream, total }: ProgressOptions, line: string, done: number): string {
  const room = Math.max(20, (stream.columns ?? 80) - 1)
  if (total === undefined || line.length + barWidth + 3 > room) return line.slice(0, room)
  const filled = total === 0 ? barWidth : Math.min(barWidth, Math.floor((done * barWidth) / total))
  return `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${line}`
}

function progressLine({ label, unit, total }: ProgressOptions, done: number, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0
  const of =
    total === undefined
      ? ''
      : ` of ${quantity(total, unit)} (${total === 0 ? 100 : Math.floor((done * 100) / total)} %)`
  const left = total === undefined || rate === 0 ? '' : `, ${seconds((total - done) / rate)} left`
  return `${label}: ${quantity(done, unit)}${of}, ${quantity(Math.round(rate), unit)}/s${left}`
}

function quantity(value: number, unit: string): string {
  if (unit !== 'bytes') return `${value.toLocaleString('en')} ${unit}`
  if (value < 1e3) return `${value} B`
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} kB`
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e9).toFixed(2)} GB`
}

function seconds(value: number): string {
  const whole = Math.max(0, Math.ceil(value))
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
