/** What is mutated, and which tests must notice: those of the same room of core, so that each room stands by its own tests. */

export interface Target {
  readonly file: string
  /** Where the tests lie that must notice: a folder under core/src. */
  readonly tests: 'log' | 'release' | 'decision'
}

const rooms: Readonly<Record<Target['tests'], readonly string[]>> = {
  log: [
    'merkle',
    'compact-range',
    'note',
    'vkey',
    'checkpoint',
    'cosignature',
    'policy',
    'trust-policy',
    'quorum',
    'fork-cost',
    'tree-reader',
    'http-source',
  ],
  release: ['trust', 'roles', 'members', 'votes'],
  decision: [
    'decide',
    'passes',
    'one-history',
    'inclusion',
    'freshness',
    'floors',
    'votes',
    'target',
    'trust-steps',
    'successor',
    'trust-in-force',
    'observe',
    'absorb',
    'join-histories',
    'heads',
    'known',
    'gather',
    'offers',
    'offer',
    'run',
    'judge',
    'verify-offline',
    'commit',
    'statement-evidence',
    'state-format',
    'state-file',
    'state',
    'refusal',
    'halt',
    'material',
    'verdict',
  ],
}

export const targets: readonly Target[] = (['log', 'release', 'decision'] as const).flatMap((tests) =>
  rooms[tests].map((name) => ({ file: `core/src/${tests}/${name}.ts`, tests })),
)

/** Those whose path contains one of the words; all, where there are none. @throws Error where a word fits nothing */
export function chosen(words: readonly string[]): readonly Target[] {
  if (words.length === 0) return targets
  const idle = words.filter((word) => !targets.some(({ file }) => file.includes(word)))
  if (idle.length > 0) throw new Error(`nothing that is mutated is called ${idle.join(', ')}`)
  return targets.filter(({ file }) => words.some((word) => file.includes(word)))
}
