/** `samebits-monitor evidence check` as a process, on a file of each kind of docs/formats.md section 5. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checksEvidence } from './support/evidence-check.ts'

interface Vectors {
  readonly keys: Readonly<Record<string, string>>
  readonly trust: string
  readonly cases: readonly { readonly desc: string; readonly file: string; readonly keys?: readonly string[] }[]
}

const vectors: Vectors = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors/evidence.json'), 'utf8'))
const log = 'log.example.com/test'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-evidence-'))
  writeFileSync(join(folder, 'trust.json'), vectors.trust)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The vector of that name, checked with the keys that it says, or with others. */
function checks(desc: string, believed?: readonly string[]) {
  const found = vectors.cases.find((vector) => vector.desc === desc)
  if (found === undefined) throw new Error(`no vector is called ${desc}`)
  const file = join(folder, `${desc.replaceAll(/[^a-z]/g, '-')}.json`)
  writeFileSync(file, found.file)
  const words = (believed ?? found.keys ?? []).flatMap((name) =>
    name === 'trust' ? ['--trust', join(folder, 'trust.json')] : ['--key', vectors.keys[name] ?? ''],
  )
  return checksEvidence(file, ...words)
}

/** Vector, exit status, the first line, and what it says in words. */
const kinds: readonly [string, number, string, RegExp][] = [
  ['a fork', 0, 'fork: proven', /signed a tree of 6 entries, and one of 11 that does not extend it\./],
  ['a split', 0, 'split: proven', /signed two different trees of 7 entries\./],
  ['two leaves at one index', 0, 'leaf-conflict: proven', /signed two trees with different entries at index 5\./],
  ['an empty tree with a root', 0, 'empty-root: proven', /no entries whose root is not that of the empty tree\./],
  [
    'a witness that went back',
    0,
    'witness-rollback: proven',
    /alder\S* cosigned a tree of 9 entries .*later one of 4\./,
  ],
  ['a witness that signed two trees of one size', 0, 'witness-split: proven', /cedar\S* cosigned two different trees/],
  ['two trees and no proof: a question', 10, 'unproven: question', /This convicts nobody: ask the log/],
  [
    'two releases of one sequence',
    0,
    'equivocation: proven',
    /The publishers of \S+, .*sequence 7 signed two releases/,
  ],
  [
    'two trust files of one version',
    0,
    'trust-fork: proven',
    /The authority of \S+ signed two trust files of version 2/,
  ],
  ['a vote against', 0, 'mismatch: proven', /carol rebuilt plugin\.so and got [0-9a-f]{64}; the release says/],
]

it.each(kinds)('%s: status %i, %s', async (desc, status, line, words) => {
  const [kind, verdict] = line.split(': ')
  const said = await checks(desc)
  expect(said).toMatchObject({ status, stderr: '' })
  const [first, ...rest] = said.stdout.trimEnd().split('\n')
  expect(first).toBe(`${kind} in ${log}: ${verdict}`)
  expect(rest.join('\n')).toMatch(words)
  expect(rest.every((text) => text.startsWith('  '))).toBe(true)
})

it.each<[string, string, readonly string[] | undefined, number, RegExp]>([
  ['that is believed by the key of a stranger', 'a fork', ['stranger'], 10, /fork in \S+: nothing/],
  ['that proves nothing', 'a vote for', undefined, 10, /mismatch in \S+: nothing/],
  ['that is none', 'a list', ['log01'], 64, /FORMAT_INVALID/],
])('a file %s convicts nobody', async (_what, desc, believed, status, words) => {
  const { status: ended, stdout, stderr } = await checks(desc, believed)
  expect(ended).toBe(status)
  expect(`${stdout}${stderr}`).toMatch(words)
  expect(stdout).not.toContain('proven')
})
