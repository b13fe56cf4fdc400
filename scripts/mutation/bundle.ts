/** A test file with all of the workspace that it imports, as one script that can be evaluated afresh for each mutant in milliseconds. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Script } from 'node:vm'
import { build, type Plugin } from 'esbuild'
import { Harness } from './harness.ts'

export interface TestFile {
  /** Its path from the root of the clone. */
  readonly path: string
  /** The paths of all sources that are in it. */
  readonly inputs: ReadonlySet<string>
  /** Evaluates everything anew. @throws whatever the modules throw when they are loaded */
  load(): Harness
}

type Wrapped = (require: (name: string) => unknown, module: { exports: object }, exports: object) => void

/**
 * `runs` is the most that a property of the file is run.
 * @throws Error where the file or something that it imports is no TypeScript
 */
export async function bundle(root: string, path: string, runs: number): Promise<TestFile> {
  const packages = new Map<string, unknown>()
  const built = await build({
    absWorkingDir: root,
    entryPoints: [path],
    bundle: true,
    write: false,
    metafile: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    conditions: ['samebits-source'],
    logLevel: 'silent',
    plugins: [packagesOutside(packages), places],
  })
  for (const name of packages.keys()) packages.set(name, await outside(root, name, runs))
  const [file] = built.outputFiles
  if (file === undefined) throw new Error(`nothing was built of ${path}`)
  const script = new Script(`(function (require, module, exports) {${file.text}\n})`, { filename: path })
  return {
    path,
    inputs: new Set(Object.keys(built.metafile.inputs)),
    load() {
      const harness = new Harness()
      const { vitest } = harness
      const module = { exports: {} }
      const require = (name: string) => (name === 'vitest' ? vitest : packages.get(name))
      ;(script.runInThisContext() as Wrapped)(require, module, module.exports)
      return harness
    },
  }
}

/** Packages that are not the workspace's own are loaded once, and are not in the script. */
const packagesOutside = (found: Map<string, unknown>): Plugin => ({
  name: 'packages-outside',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === 'entry-point' || path.startsWith('@samebits/')) return null
      found.set(path, null)
      return { path, external: true }
    })
  },
})

/** Where a module is, which a script does not know. */
const places: Plugin = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: (await readFile(path, 'utf8'))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
        .replaceAll('import.meta.main', 'false'),
    }))
  },
}

/** A package as a script's `require` gives it: the default is the whole, where it has the named ones, too. */
async function outside(root: string, name: string, runs: number): Promise<unknown> {
  if (name === 'vitest') return null
  const at = name.startsWith('node:')
    ? name
    : pathToFileURL(createRequire(`${root}/core/package.json`).resolve(name)).href
  const { default: whole, ...named }: Record<string, unknown> = await import(at)
  if (name === 'fast-check') return fewerRuns(whole as FastCheck, runs)
  return whole !== undefined && Object.keys(named).every((key) => key === 'module.exports' || key in Object(whole))
    ? whole
    : named
}

/** Properties with fewer runs, the same ones for each mutant, and without a search for the smallest example that fails. */
function fewerRuns(real: FastCheck, runs: number): FastCheck {
  const assert = (property: unknown, asked: Parameters = {}) =>
    real.assert(property, {
      ...asked,
      seed: 20_261_128,
      numRuns: Math.min(asked.numRuns ?? 100, runs),
      endOnFailure: true,
    })
  return { ...real, assert }
}

interface Parameters {
  readonly numRuns?: number
}

interface FastCheck {
  assert(property: unknown, parameters: object): unknown
}
