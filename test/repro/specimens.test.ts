/** Ten small projects, each broken in one classic way: check says in which, and what alone brings it out. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkHere, findTestEngine, type ReproImage, reproImage } from './support.ts'

interface Specimen {
  readonly name: string
  readonly kind: string
  readonly variations: readonly string[]
  readonly run: readonly string[]
}
const specimens = JSON.parse(await readFile(join(import.meta.dirname, 'specimens.json'), 'utf8')) as readonly Specimen[]
const skipped = process.env['MODE'] === 'repro' ? null : 'run by npm run test:repro'
const engine = skipped === null ? await findTestEngine() : null

let folder = ''
let image: ReproImage
describe.runIf(engine !== null)('check, on a project that is broken by one', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'samebits-specimens-'))
    await chmod(folder, 0o711)
    image = await reproImage('debian')
  }, 1_800_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(specimens)('$name', async ({ name, kind, variations, run }) => {
    if (engine === null) throw new Error('there is no engine')
    const tree = join(folder, name.replaceAll(' ', '-'))
    await mkdir(join(tree, 'parts'), { recursive: true })
    for (let part = 0; part < 20; part++) await writeFile(join(tree, 'parts', `part-${part * 37}`), `${part}\n`)
    const recipe = { build: { run }, artifacts: ['app'], epoch: 1_700_000_000 }
    const result = await checkHere({ engine, image, recipe, folder: tree, room: folder, onBuild: () => undefined })
    expect(result.variety.unvaried).toEqual([])
    const told = new Set(
      result.differences.map(({ kind: said, cause }) =>
        JSON.stringify([said, 'variations' in cause ? cause.variations : []]),
      ),
    )
    expect([...told]).toEqual([JSON.stringify([kind, variations])])
  })
})

it.runIf(engine === null)(`ten broken projects: not run (${skipped ?? 'no container engine'})`, (context) =>
  context.skip(),
)
