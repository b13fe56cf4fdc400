import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { smallImage } from '../testing-image.ts'
import type { ContainerEngine } from './engine.ts'
import { type EngineWorld, engineContract } from './engine-contract.ts'
import { findEngine, listEngines } from './find-engine.ts'

const signal = new AbortController().signal
let names = 0
const search = { environment: process.env, newName: () => `samebits-test-${process.pid}-${names++}` }

for (const found of await listEngines(search, signal)) {
  if (found.engine === null) {
    it.skip(`no contract for an engine that cannot be used: ${found.why}`, () => undefined)
    continue
  }
  const { engine } = found
  describe(`${engine.name} ${engine.version}`, () => withEngine(engine))
}

function withEngine(engine: ContainerEngine): void {
  let world: EngineWorld | undefined
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'samebits-engine-'))
    const image = await smallImage(folder)
    if (image === null) throw new Error('this machine has no shell to make a small image of')
    await engine.loadImage(image.archive, image.id, signal)
    const containers = async () =>
      execFileSync(engine.name, ['ps', '--all', '--format={{.Names}}', '--filter=label=samebits.build'], {
        encoding: 'utf8',
      })
        .split('\n')
        .filter((name) => name.startsWith(`samebits-test-${process.pid}-`))
    world = { engine, image: image.id, archive: image.archive, folder, made: [], containers }
  })
  afterAll(async () => {
    for (const image of world === undefined ? [] : [world.image, ...new Set(world.made)])
      spawnSync(engine.name, ['rmi', '--force', image], { stdio: 'ignore' })
    await rm(folder, { recursive: true, force: true })
  })
  it.each(engineContract)('$name', async ({ check }) => {
    if (world === undefined) throw new Error('the engine has no image')
    await check(world)
  })
}

it('says where there is no engine which were looked for, and what to do', async () => {
  const nowhere = { ...search, environment: { PATH: '/nonexistent' } }
  await expect(findEngine(null, nowhere, signal)).rejects.toMatchObject({
    code: 'ENGINE_MISSING',
    detail: 'no container engine can be used (podman: not installed; docker: not installed)',
    remedy: expect.stringContaining('Install podman'),
  })
})
