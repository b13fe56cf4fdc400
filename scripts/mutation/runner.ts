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
  readonly exclude: string[]
  readonly files: readonly string[]
  /** Test files whose properties are run as often as they ask, and not just a few times. */
  readonly thorough: readonly string[]
  /** Milliseconds' worth of tests, the quick ones first, that each mutant meets at most; null: all that reach it. */
  readonly most: number | null
}

/** A promise that a mutant left open; loops are noticed by their count. */
const PATIENCE = 60_000

/** Of a property. */
const RUNS = 25

/** Where the tester's other processes find what the first one measured. */
const measuredFile = 'mutation-measured.json'

interface Measured {
  /** Milliseconds of the processor that each test takes, and each file until it is loaded. */
  readonly times: Record<string, number>
  /** How often each test, and each file when it is loaded, comes past a place that can be mutated. */
  readonly steps: Record<string, number>
}

class BundledRunner implements TestRunner {
  readonly #root = process.cwd()
  readonly #asked: Asked
  readonly #stryker: InstrumenterContext
  readonly #steps: Steps
  #files: readonly TestFile[] = []
  #measured: Measured | null = null

  constructor(options: StrykerOptions) {
    this.#asked = options['samebits'] as Asked
    const all = globalThis as unknown as Record<string, InstrumenterContext>
    this.#stryker = all['__stryker__'] ??= {}
    this.#steps = new Steps(this.#stryker)
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  async init(): Promise<void> {
    const { include, exclude, files, thorough } = this.#asked
    const bundled: TestFile[] = []
    for await (const path of glob(include, { cwd: this.#root, exclude }))
      bundled.push(await bundle(this.#root, path, thorough.includes(path) ? Number.POSITIVE_INFINITY : RUNS))
    this.#files = bundled.filter(({ inputs }) => files.some((file) => inputs.has(file)))
  }

  async dryRun(): Promise<DryRunResult> {
    const measured: Measured = { times: {}, steps: {} }
    const tests: TestResult[] = []
    const mutantCoverage: MutantCoverage = { static: {}, perTest: {} }
    for (const file of this.#files) {
      const { static: atLoad, perTest } = await this.#runAll(file, tests, measured)
      // What runs when the file is loaded is run for each of its tests.
      for (const { id, fileName } of tests)
        if (fileName === file.path) mutantCoverage.perTest[id] = added(perTest[id] ?? {}, atLoad)
    }
    writeFileSync(join(this.#root, measuredFile), JSON.stringify(measured))
    return { status: DryRunStatus.Complete, tests, mutantCoverage } satisfies CompleteDryRunResult
  }

  async #runAll(file: TestFile, tests: TestResult[], { times, steps }: Measured): Promise<MutantCoverage> {
    const coverage: MutantCoverage = { static: {}, perTest: {} }
    this.#stryker.mutantCoverage = coverage
    const loadBegan = processorTime()
    this.#steps.restart(null, Number.POSITIVE_INFINITY)
    const loaded = file.load()
    times[file.path] = processorTime() - loadBegan
    steps[file.path] = this.#steps.count
    for (const test of loaded.cases) {
      const id = idOf(file, test)
      this.#stryker.currentTestId = id
      const [began, cpuBegan] = [performance.now(), processorTime()]
      this.#steps.restart(null, Number.POSITIVE_INFINITY)
      const failure = await failureOf(test)
      steps[id] = this.#steps.count
      const base = { id, name: test.name, fileName: file.path, timeSpentMs: performance.now() - began }
      tests.push(
        failure === null
          ? { ...base, status: TestStatus.Success }
          : { ...base, status: TestStatus.Failed, failureMessage: failure },
      )
      delete this.#stryker.currentTestId
      times[id] = processorTime() - cpuBegan
    }
    await loaded.end()
    return coverage
  }

  async mutantRun({ activeMutant, testFilter }: MutantRunOptions): Promise<MutantRunResult> {
    this.#measured ??= JSON.parse(readFileSync(join(this.#root, measuredFile), 'utf8')) as Measured
    const measured = this.#measured
    const wanted = new Set(testFilter)
    let nrOfTests = 0
    let spent = 0
    for (const file of quickFirst(this.#files, measured, wanted, activeMutant.fileName)) {
      this.#steps.restart(activeMutant.id, limitFor(measured.steps[file.path]))
      const loaded = attempt(() => file.load())
      if (typeof loaded === 'string')
        return { status: MutantRunStatus.Killed, killedBy: [], failureMessage: loaded, nrOfTests }
      const cases = loaded.cases
        .map((test) => ({ ...test, id: idOf(file, test) }))
        .filter(({ id }) => wanted.has(id))
        .toSorted((a, b) => (measured.times[a.id] ?? 0) - (measured.times[b.id] ?? 0))
      const failed = await this.#firstFailure(cases, activeMutant.id, measured)
      nrOfTests += cases.length
      spent += cases.reduce((sum, { id }) => sum + (measured.times[id] ?? 0), measured.times[file.path] ?? 0)
      await loaded.end()
      if (failed === null && spent > (this.#asked.most ?? Number.POSITIVE_INFINITY)) break
      if (failed === null) continue
      const { id, failure, isEndless } = failed
      if (isEndless) return { status: MutantRunStatus.Timeout, reason: failure }
      return { status: MutantRunStatus.Killed, killedBy: [id], failureMessage: failure, nrOfTests }
    }
    return { status: MutantRunStatus.Survived, nrOfTests }
  }

  async #firstFailure(cases: readonly Named[], mutant: string, { steps }: Measured): Promise<Failed | null> {
    for (const test of cases) {
      const { id } = test
      this.#steps.restart(mutant, limitFor(steps[id]))
      const failure = await failureOf(test)
      if (this.#steps.isExceeded) return { id, failure: 'a loop without end', isEndless: true }
      if (failure !== null) return { id, failure, isEndless: failure === endless }
    }
    return null
  }
}

/** Five times what is done without a mutant is without end. */
function limitFor(steps = 0): number {
  return 5 * steps + 50_000
}

/**
 * Counts how often the code comes past a place that can be mutated, whichever that is: there it asks for the active mutant. (The
 * tester's own limit counts only the place of the active one, and all tests together.) Past the limit every such place throws.
 */
class Steps {
  count = 0
  #limit = 0
  #active: string | null = null

  constructor(stryker: InstrumenterContext) {
    Object.defineProperty(stryker, 'activeMutant', { get: () => this.#pass() })
  }

  restart(active: string | null, limit: number): void {
    this.count = 0
    this.#active = active
    this.#limit = limit
  }

  get isExceeded(): boolean {
    return this.count > this.#limit
  }

  #pass(): string | null {
    if (++this.count > this.#limit) throw new Error('a loop without end')
    return this.#active
  }
}

/** The files with a test that is wanted: the mutated file's own, then by the time that they take. */
function quickFirst(
  files: readonly TestFile[],
  { times }: Measured,
  wanted: ReadonlySet<string>,
  mutated: string,
): readonly TestFile[] {
  const cost = new Map<string, number>()
  for (const id of wanted) {
    const path = id.slice(0, id.indexOf('#'))
    cost.set(path, (cost.get(path) ?? times[path] ?? 0) + (times[id] ?? 0))
  }
  const own = mutated.replace(/\.ts$/, '.test.ts')
  const rank = ({ path }: TestFile) => (own.endsWith(path) ? -1 : (cost.get(path) ?? 0))
  return files.filter(({ path }) => cost.has(path)).toSorted((a, b) => rank(a) - rank(b))
}

interface Named extends Case {
  readonly id: string
}

interface Failed {
  readonly id: string
  readonly failure: string
  readonly isEndless: boolean
}

const endless = 'a promise is still open'

/** Of this process, in milliseconds: what others do on the machine is not in it. */
function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

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
