/**
 * Every benchmark, one after the other, on a machine that does nothing else meanwhile, and one table at the end.
 *
 *     npm run bench [-- --quick] [--long] [--only writes,reads] [--with-cosign] [--json FILE]
 *
 * Peers are programs of others in the same run: those in Go are built once, at pinned versions, into the user's cache, where go is installed.
 * A peer that is not there is named in the table.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { met, number, peerText, type Row, wanted } from './report.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    'with-cosign': { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    json: { type: 'string', default: '' },
  },
})
const { quick, long } = values
const million = quick ? '100000' : '1000000'
const svg = join(import.meta.dirname, '../docs/growth.svg')

const all: Readonly<Record<string, readonly string[]>> = {
  writes: quick ? ['--seconds', '3', '--rounds', '1'] : ['--seconds', '4', '--rounds', '2'],
  admission: [],
  reads: quick ? ['--seconds', '2', '--rounds', '1'] : [],
  fsck: ['--entries', million],
  growth: ['--entries', long ? '10000000' : million, ...(long ? ['--svg', svg] : [])],
  monitor: ['--entries', quick ? '100000' : '500000'],
  witness: ['--seconds', quick ? '3' : '4', '--connections', '1,32'],
  'catch-up': ['--entries', million],
  update: ['--megabytes', quick ? '300' : '2000', '--rounds', quick ? '1' : '3'],
  container: [quick ? '5' : '11'],
  verify: [quick ? '7' : '21', ...(values['with-cosign'] ? ['--with-cosign'] : [])],
}

const chosen = values.only === '' ? Object.keys(all) : values.only.split(',')
const unknown = chosen.filter((name) => !Object.hasOwn(all, name))
if (unknown.length > 0) throw new Error(`no benchmark is called ${unknown.join(', ')}: ${Object.keys(all).join(', ')}`)

const rows: Row[] = []
const failed: string[] = []
const started = performance.now()
for (const name of chosen) {
  console.log(`\n# ${name}`)
  const args = ['--conditions=samebits-source', join(import.meta.dirname, `${name}.ts`), ...(all[name] ?? [])]
  if (!(await passed(spawn(process.execPath, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] }))))
    failed.push(name)
}

const machine = describeMachine()
console.log(`\n${machine}\n\n${table(rows)}`)
for (const name of failed) console.log(`\nFAILED: ${name}; what it said stands above`)
for (const row of rows.filter((row) => met(row) === false)) console.log(`\nMISSED: ${row.what}`)
if (values.json !== '') await writeFile(values.json, `${JSON.stringify({ machine, rows, failed }, null, 2)}\n`)
process.exitCode = failed.length === 0 && rows.every((row) => met(row) !== false) ? 0 : 1

async function passed(child: ChildProcess): Promise<boolean> {
  child.on('message', (row: Row) => rows.push(row))
  const [status] = (await once(child, 'close')) as [number | null]
  return status === 0
}

function describeMachine(): string {
  const [cpu] = cpus()
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../node_modules/better-sqlite3/package.json'), 'utf8'),
  ) as { version: string }
  const go = spawnSync('go', ['version'], { encoding: 'utf8' }).stdout ?? ''
  return [
    `${type()} ${release()}, ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Node ${process.version}, better-sqlite3 ${version}${go === '' ? '' : `, ${go.trim().split(' ').slice(0, 3).join(' ')}`}`,
    `${new Date().toISOString().slice(0, 10)}, ${Math.round((performance.now() - started) / 60_000)} minutes`,
  ].join('; ')
}

function table(all: readonly Row[]): string {
  const line = (row: Row) => {
    const ratio = row.ratio === undefined ? '' : number(row.ratio)
    const asked = met(row) === false ? `**${wanted(row)}: missed**` : wanted(row)
    return `| ${row.what} | ${row.ours} | ${peerText(row)} | ${ratio} | ${asked} |`
  }
  return ['| | samebits | beside | ratio | wanted |', '|---|---|---|---|---|', ...all.map(line)].join('\n')
}
