/** What is mutated, and which tests must notice: those of the same room of core, so that each room stands by its own tests. */

/** Files that are run together: the tests are run once before any of them is changed. */
export interface Batch {
  readonly name: string
  /** A folder under core/src, whose tests are asked. */
  readonly room: 'log' | 'release' | 'decision'
  readonly files: readonly string[]
  /** Slow tests of the room that are asked too; the others are left out, and so somebody quick must notice. */
  readonly slow: readonly string[]
}

interface Plan {
  readonly room: Batch['room']
  readonly slow?: readonly string[]
  readonly files: string
}

const plans: Readonly<Record<string, Plan>> = {
  notes: { room: 'log', files: 'note vkey checkpoint cosignature policy trust-policy' },
  proofs: { room: 'log', files: 'merkle compact-range', slow: ['merkle', 'compact-range'] },
  quorum: { room: 'log', files: 'quorum fork-cost', slow: ['quorum', 'fork-cost'] },
  reading: { room: 'log', files: 'tree-reader', slow: ['tree-reader'] },
  fetching: { room: 'log', files: 'http-source', slow: ['http-source'] },
  trust: { room: 'release', files: 'trust roles members votes' },
  deciding: {
    room: 'decision',
    files: 'decide passes one-history inclusion freshness floors votes target build-key attempt',
  },
  trusting: { room: 'decision', files: 'trust-steps successor trust-in-force' },
  looking: { room: 'decision', files: 'observe absorb join-histories heads known gather' },
  offers: { room: 'decision', files: 'offers offer run judge halt material verify-offline commit' },
  room: { room: 'decision', files: 'compact', slow: ['compact'] },
  state: { room: 'decision', files: 'state-format state-file state refusal statement-evidence verdict' },
}

export const batches: readonly Batch[] = Object.entries(plans).map(([name, { room, files, slow = [] }]) => {
  return { name, room, slow, files: files.split(' ').map((file) => `core/src/${room}/${file}.ts`) }
})

/** What fits one of the words, a batch's name or a part of a path; all, where there are none. @throws Error where a word fits nothing */
export function chosen(words: readonly string[]): readonly Batch[] {
  if (words.length === 0) return batches
  const fits = (word: string, batch: Batch, file: string) => batch.name === word || file.includes(word)
  const idle = words.filter((word) => !batches.some((batch) => batch.files.some((file) => fits(word, batch, file))))
  if (idle.length > 0) throw new Error(`nothing that is mutated is called ${idle.join(', ')}`)
  return batches
    .map((batch) => ({ ...batch, files: batch.files.filter((file) => words.some((word) => fits(word, batch, file))) }))
    .filter(({ files }) => files.length > 0)
}
