/** What checking evidence comes to. */
export interface Finding {
  /**
   * `convicts`: it is proven. `question`: genuine, and no proof, to be put to others. `nothing`: it shows nothing with the keys that
   * were given.
   */
  readonly verdict: 'convicts' | 'question' | 'nothing'
  readonly convicted: Convicted | null
  /** Plain words, one sentence each. Names in them come from the file: neutralise them before showing. */
  readonly findings: readonly string[]
  /** Names of the witnesses that signed both sides, of those whose keys were given, sorted. */
  readonly bothSides: readonly string[]
}

/** `release`: either the publisher's bits or the rebuilder's are not what the recipe makes. `name` is an origin, a key name, or a product. */
export interface Convicted {
  readonly kind: 'log' | 'witness' | 'publishers' | 'authority' | 'release'
  readonly name: string
}

/** Thrown while judging: why evidence shows nothing. It never leaves this package. */
export class NotProven extends Error {}

/** The sentence that names the witnesses that signed both sides, or the one side there is. */
export function witnessSentence(names: readonly string[], sides: 'both sides' | 'it' = 'both sides'): string {
  return names.length === 0
    ? `Of the witnesses given, none signed ${sides}.`
    : `Witnesses that signed ${sides}: ${names.join(', ')}.`
}
