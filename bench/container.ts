/**
 * What the container costs: the same commands, by the same shell, as a build in a container and as a build on this machine, one after
 * the other. The image is loaded before.
 *
 *     node --conditions=samebits-source bench/container.ts [rounds]
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainConditions } from '../build-repro/src/build/conditions.ts'
import { type BuildRequest, buildPrepared, prepareBuild } from '../build-repro/src/build/run-build.ts'
import type { ContainerEngine } from '../build-repro/src/engines/engine.ts'
import { findEngine, listEngines } from '../build-repro/src/engines/find-engine.ts'
import { smallImage } from '../build-repro/src/testing-image.ts'
import { report } from './report.ts'
import { median } from './samples.ts'

const rounds = Number(process.argv[2] ?? 11)
const signal = new AbortController().signal
let names = 0
const search = { environment: process.env, newName: () => `samebits-bench-${process.pid}-${names++}` }
const engine = (await listEngines(search, signal)).find((found) => found.engine !== null)?.engine
const folder = await mkdtemp(join(tmpdir(), 'samebits-bench-'))
const image = engine === undefined ? null : await smallImage(folder)
if (engine === undefined || image === null)
  report({ what: 'a build in a container', ours: '', peer: null, missing: 'no container engine is installed' })
else await measure(engine, await findEngine('host', search, signal), image)
await rm(folder, { recursive: true, force: true })

async function measure(
  inside: ContainerEngine,
  outside: ContainerEngine,
  { id, archive }: { id: string; archive: string },
) {
  const tree = join(folder, 'tree')
  await mkdir(tree)
  await writeFile(join(tree, 'input'), 'input\n')
  const work = 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; cp input app'
  const prepared = await Promise.all(
    [inside, outside].map(async (each) => {
      const scratch = join(folder, each.name)
      await mkdir(scratch)
      const request: BuildRequest = {
        recipe: { image: { id }, build: { run: [work] }, artifacts: ['app'], epoch: 0 },
        source: { kind: 'folder', folder: tree },
        engine: each,
        scratch,
        archives: [archive],
        toolEnvironment: process.env,
        now: () => 0,
      }
      return prepareBuild(request, join(folder, `${each.name}.log`), signal)
    }),
  )
  const seconds: number[][] = [[], []]
  for (let round = -1; round < rounds; round++)
    for (const [at, each] of prepared.entries()) {
      const start = performance.now()
      await buildPrepared(each, plainConditions, join(folder, `out-${at}-${round}`), signal)
      if (round >= 0) seconds[at]?.push((performance.now() - start) / 1000) // the first warms up
    }
  const [container = 0, host = 0] = seconds.map(median)
  console.log(
    `  in ${inside.name} ${inside.version} ${container.toFixed(3)} s, without ${host.toFixed(3)} s (medians of ${rounds})`,
  )
  console.log(`  the container adds ${(container - host).toFixed(3)} s (bound 0.5 s)`)
  const peer = { name: 'the same commands without it', value: `${host.toFixed(3)} s` }
  report({
    what: `a build in a container (${inside.name})`,
    ours: `${container.toFixed(3)} s`,
    peer,
    ratio: container / host,
  })
}
