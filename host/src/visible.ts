/**
 * Text from elsewhere, made safe to show on a terminal.
 *
 * Control characters (with C1 and DEL), bidirectional marks, zero-width characters, line and paragraph separators and lone
 * surrogates become `\u{…}`; nothing that moves the cursor, hides text or turns it round gets through. Newlines too: one
 * value stays on one line.
 */
export function visible(text: string): string {
  return text.replace(hidden, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** Cc, Cf (bidi, zero-width, tags), Cs, Zl, Zp, and the variation selectors that hide data. */
const hidden = /\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}|\p{Variation_Selector}/gu
