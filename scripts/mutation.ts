/**
 * Mutation testing of the code that decides: every change of it must make a test fail, or be known to change nothing.
 *
 *     npm run test:mutation                    everything; what was found before and still holds is not run again
 *     npm run test:mutation -- notes merkle    a batch of scripts/mutation/targets.ts, files with this word in their path
 *
 * Texts are not mutated: what is said is not what is checked, and the codes are. `scripts/mutation/equivalents.json` lists
 * the mutants that may live, each with the reason; one that is not in it, or one in it that lives no more, fails the run.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cloneTree } from './mutation/clone.ts'
import { type Equivalent, judge, type Report, type Score, scoreOf } from './mutation/report.ts'
import type { Asked } from './mutation/runner.ts'
import { type Batch, chosen } from './mutation/targets.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Seconds' worth of tests that each mutant meets at most. */
const quick = process.env['MUTATION_QUICK'] ?? null
const kept = join(root, 'reports', 'mutation', ...(quick === null ? [] : ['quick']))

/** Tests that take seconds each. */
const slowTests = [
  'properties',
  'tree-reader',
  'http-source',
  'merkle',
  'fork-cost',
  'compact-range',
  'quorum',
  'subtree',
  'compact',
  'log-vectors',
  'release-vectors',
]
/** One that asks for more of vitest than the tester has: snapshots. */
const otherTests = ['refusals']

const testOf = (room: string, test: string) => `core/src/${room}/${test}.test.ts`

const strykerConfig = ({ name, room, slow, files }: Batch) => ({
  tsconfigFile: 'no-tsconfig.json',
  packageManager: 'npm',
  plugins: [join(root, 'scripts', 'mutation', 'runner.ts')],
  testRunner: 'bundled',
  samebits: {
    include: testOf(room, '*'),
    exclude: [...slowTests.filter((test) => !slow.includes(test)), ...otherTests].map((test) => testOf(room, test)),
    thorough: slow.map((test) => testOf(room, test)),
    files,
    most: quick === null ? null : Number(quick) * 1000,
  } satisfies Asked,
  mutate: files,
  mutator: { excludedMutations: ['StringLiteral'] },
  coverageAnalysis: 'perTest',
  inPlace: true,
  allowEmpty: true,
  // A machine that is busy with other things must not look like a mutant that was noticed.
  timeoutMS: 90_000,
  timeoutFactor: 4,
  dryRunTimeoutMinutes: 20,
  concurrency: Number(process.env['MUTATION_CONCURRENCY'] ?? 2),
  incremental: true,
  incrementalFile: join(kept, `${name}.incremental.json`),
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName: join(kept, `${name}.json`) },
})

/** @throws Error where the tester itself fails, or the tests fail without any mutant */
async function mutate(clone: string, batch: Batch): Promise<Score[]> {
  await writeFile(join(clone, 'stryker.json'), JSON.stringify(strykerConfig(batch)))
  const { status, said } = await runStryker(clone)
  if (status !== 0) throw new Error(`the mutation tester ended with ${status} on ${batch.name}:\n${said.slice(-4000)}`)
  const report: Report = JSON.parse(await readFile(join(kept, `${batch.name}.json`), 'utf8'))
  return batch.files.map((file) => scoreOf(file, report))
}

/** What was found is kept when it is interrupted, too. */
async function runStryker(clone: string): Promise<{ readonly status: number | null; readonly said: string }> {
  const main = join(root, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js')
  const said: string[] = []
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, 'run', 'stryker.json'], {
      cwd: clone,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said.push(text)
        for (const line of text.split('\n')) if (line.includes('Mutation testing ')) console.error(`  ${line.trim()}`)
      })
    const stop = () => child.kill('SIGINT')
    process.once('SIGINT', stop)
    child.once('error', reject)
    child.once('close', (status) => {
      process.removeListener('SIGINT', stop)
      resolve({ status, said: said.join('') })
    })
  })
}

function percent(scores: readonly Score[], equivalents: readonly Equivalent[]): string {
  const noticed = scores.reduce((sum, { killed, timedOut }) => sum + killed + timedOut, 0)
  const lived = judge(scores, equivalents).unexplained.length
  return noticed + lived === 0 ? '-' : `${((100 * noticed) / (noticed + lived)).toFixed(1)} %`
}

function tell(score: Score, equivalents: readonly Equivalent[]): void {
  const { unexplained } = judge([score], equivalents)
  const { killed, timedOut, survivors } = score
  const explained = survivors.length - unexplained.length
  console.log(
    `${score.file.padEnd(44)} ${percent([score], equivalents).padStart(8)}   ${killed + timedOut} noticed (${timedOut} by the clock), ${unexplained.length} lived, ${explained} change nothing`,
  )
  for (const { at, was, now } of unexplained) console.log(`    line ${at}: ${was}  ->  ${now}`)
}

async function main(): Promise<number> {
  const equivalents: readonly Equivalent[] = JSON.parse(
    await readFile(join(root, 'scripts', 'mutation', 'equivalents.json'), 'utf8'),
  )
  const wanted = chosen(process.argv.slice(2))
  await mkdir(kept, { recursive: true })
  await using clone = await cloneTree(root)
  const scores: Score[] = []
  for (const batch of wanted) {
    const found = await mutate(clone.path, batch)
    scores.push(...found)
    for (const score of found) tell(score, equivalents)
  }
  const { unexplained, stale } = judge(scores, equivalents)
  for (const { file, was, now } of stale)
    console.log(`scripts/mutation/equivalents.json explains a mutant that does not live: ${file}: ${was}  ->  ${now}`)
  console.log(`\nmutation score ${percent(scores, equivalents)} over ${scores.length} files`)
  return unexplained.length + stale.length === 0 ? 0 : 1
}

process.exitCode = await main()
