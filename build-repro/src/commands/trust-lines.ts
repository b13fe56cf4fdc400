/** Changes of trust as people read them. */
import type { TrustChange } from '@samebits/core'
import { visible } from '@samebits/host'

/** One line each; `!` marks what makes clients easier to deceive. */
export function changeLines(changes: readonly TrustChange[]): readonly string[] {
  return changes.map(({ text, weakens }) => `${weakens ? '!' : ' '} ${visible(text)}`)
}
