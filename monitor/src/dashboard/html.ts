/** HTML whose every insertion is text unless it is HTML itself. */
import { visible } from '@samebits/host'

/** Markup that was made here. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Text, a number, markup, several of them, or nothing. */
export type Insertion = string | number | Html | null | readonly Insertion[]

/**
 * Markup from a template. What is inserted as text cannot leave its place, whatever stands around it (element or quoted attribute), nor
 * its line or direction: control characters, bidirectional marks and what hides becomes `\u{…}`, as on a terminal.
 */
export function html(parts: TemplateStringsArray, ...insertions: readonly Insertion[]): Html {
  return new Html(parts.map((part, at) => (at === 0 ? part : markup(insertions[at - 1] ?? null) + part)).join(''))
}

function markup(insertion: Insertion): string {
  if (insertion === null) return ''
  if (insertion instanceof Html) return insertion.text
  if (typeof insertion === 'number') return String(insertion)
  if (typeof insertion === 'string') return escaped(insertion)
  return insertion.map(markup).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

function escaped(text: string): string {
  return visible(text).replace(/[&<>"'`]/g, (character) => entities[character] ?? '')
}
