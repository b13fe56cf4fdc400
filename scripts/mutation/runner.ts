/**
 * Runs core's tests for the mutation tester, in one process and without a pool: the tests that reach a mutant, those that are quick
 * first, until one fails. Every file is evaluated afresh under the mutant, so that what a module computes when it is loaded is
 * computed by the mutant, and nothing that one mutant left behind is seen by the next.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import type { CoverageData, InstrumenterContext, MutantCoverage, StrykerOptions } from '@stryker-mutator/api/core'
import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin'
import {
  type CompleteDryRunResult,
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  MutantRunStatus,
  type TestResult,
  type TestRunner,
  TestStatus,
} from '@stryker-mutator/api/test-runner'
import { bundle, type TestFile } from './bundle.ts'
import type { Case } from './harness.ts'

/** What scripts/mutation.ts says of a batch. */
export interface Asked {
  readonly include: string
  readonly exclude: readonly string[]
  readonly files: readonly string[]
}

/** A promise that a mutant left open; loops are noticed by their count. */
const PATIENCE = 20_000

const times = 'mutation-times.json'

class BundledRunner implements TestRunner {
  readonly #root = process.cwd()
  readonly #asked: Asked
  readonly #stryker: InstrumenterContext
  #files: readonly TestFile[] = []
  #times: Readonly<Record<string, number>> | null = null

  constructor(options: StrykerOptions) {
    this.#asked = options['samebits'] as Asked
    const all = globalThis as unknown as Record<string, InstrumenterContext>
    this.#stryker = all['__stryker__'] ??= {}
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  async init(): Promise<void> {
    const { include, exclude, files } = this.#asked
    const paths = await Array.fromAsync(glob(include, { cwd: this.#root }))
    const bundled = await Promise.all(
      paths.filter((path) => !exclude.includes(path)).map((path) => bundle(this.#root, path)),
    )
    this.#files = bundled.filter(({ inputs }) => files.some((file) => inputs.has(file)))
  }

  async dryRun(): Promise<DryRunResult> {
    const tests: TestResult[] = []
    const mutantCoverage: MutantCoverage = { static: {}, perTest: {} }
    this.#stryker.activeMutant = undefined
    for (const file of this.#files) {
      const { static: atLoad, perTest } = await this.#runAll(file, tests)
      // What runs when the file is loaded is run for each of its tests.
      for (const { id, fileName } of tests)
        if (fileName === file.path) mutantCoverage.perTest[id] = added(perTest[id] ?? {}, atLoad)
    }
    writeFileSync(join(this.#root, times), JSON.stringify(Object.fromEntries(tests.map((test) => [test.id, test.timeSpentMs]))))
    return { status: DryRunStatus.Complete, tests, mutantCoverage } satisfies CompleteDryRunResult
  }

  async #runAll(file: TestFile, tests: TestResult[]): Promise<MutantCoverage> {
    const coverage: MutantCoverage = { static: {}, perTest: {} }
    this.#stryker.mutantCoverage = coverage
    for (const test of file.load()) {
      const id = idOf(file, test)
      this.#stryker.currentTestId = id
      const began = performance.now()
      const failure = await failureOf(test)
      const base = { id, name: test.name, fileName: file.path, timeSpentMs: performance.now() - began }
      tests.push(
        failure === null
          ? { ...base, status: TestStatus.Success }
          : { ...base, status: TestStatus.Failed, failureMessage: failure },
      )
      this.#stryker.currentTestId = undefined
    }
    return coverage
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }: MutantRunOptions): Promise<MutantRunResult> {
    const wanted = new Set(testFilter)
    let nrOfTests = 0
    for (const file of this.#quickFirst(wanted, activeMutant.fileName)) {
      const stryker = this.#stryker
      Object.assign(stryker, { activeMutant: activeMutant.id, hitCount: 0, hitLimit, currentTestId: undefined })
      const cases = attempt(() => file.load())
      if (typeof cases === 'string') return { status: MutantRunStatus.Killed, killedBy: [], failureMessage: cases, nrOfTests }
      for (const test of cases.filter((one) => wanted.has(idOf(file, one)))) {
        nrOfTests++
        const failure = await failureOf(test)
        if (determineHitLimitReached(stryker.hitCount, hitLimit) !== undefined || failure === endless)
          return { status: MutantRunStatus.Timeout, reason: failure ?? 'a loop without end' }
        if (failure !== null)
          return { status: MutantRunStatus.Killed, killedBy: [idOf(file, test)], failureMessage: failure, nrOfTests }
      }
    }
    return { status: MutantRunStatus.Survived, nrOfTests }
  }

  /** The files with a test that is wanted: the mutated file's own, then by the time that they take. */
  #quickFirst(wanted: ReadonlySet<string>, mutated: string): readonly TestFile[] {
    this.#times ??= JSON.parse(readFileSync(join(this.#root, times), 'utf8')) as Record<string, number>
    const cost = new Map<string, number>()
    for (const id of wanted) {
      const path = id.slice(0, id.indexOf('#'))
      cost.set(path, (cost.get(path) ?? 0) + (this.#times[id] ?? 0))
    }
    const own = mutated.replace(/\.ts$/, '.test.ts')
    const rank = ({ path }: TestFile) => (own.endsWith(path) ? -1 : (cost.get(path) ?? 0))
    return this.#files.filter(({ path }) => cost.has(path)).toSorted((a, b) => rank(a) - rank(b))
  }
}

const endless = 'a promise is still open'

function idOf(file: TestFile, test: Case): string {
  return `${file.path}#${test.name}`
}

async function failureOf(test: Case): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve(endless), PATIENCE)
  try {
    return await Promise.race([test.run().then(() => null), promise])
  } catch (error) {
    return String(error)
  } finally {
    clearTimeout(timer)
  }
}

function attempt<T>(load: () => T): T | string {
  try {
    return load()
  } catch (error) {
    return `the file cannot be loaded: ${String(error)}`
  }
}

function added(one: CoverageData, other: CoverageData): CoverageData {
  const sum = { ...one }
  for (const [id, hits] of Object.entries(other)) sum[id] = (sum[id] ?? 0) + hits
  return sum
}

export const strykerPlugins = [
  declareClassPlugin(
    PluginKind.TestRunner,
    'bundled',
    Object.assign(BundledRunner, { inject: tokens(commonTokens.options) }),
  ),
]
