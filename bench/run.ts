/**
 * Every benchmark, one after the other, on a machine that does nothing else meanwhile.
 *
 *     npm run bench [-- --quick]
 */
import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
const { quick } = values

const rows: readonly (readonly [title: string, file: string, ...args: string[]])[] = [
  ['POST /add, raw mode, 500-byte entries, durable', 'add.ts', '--seconds', quick ? '3' : '8'],
  ['POST /add, product mode: signed releases, full admission', 'admission.ts'],
  ['a log that grows', 'log.ts', '--entries', quick ? '100000' : '1000000'],
  ['a monitor, from scratch, beside Tessera fsck', 'monitor.ts', '--entries', quick ? '100000' : '1000000'],
  ['add-checkpoint over 1,000 logs, beside omniwitness', 'witness.ts', '--seconds', quick ? '3' : '8'],
  ['a client that comes back', 'catch-up.ts', '--entries', quick ? '100000' : '1000000'],
  ['an update of a large artifact', 'update.ts', '--megabytes', quick ? '300' : '2000', '--rounds', quick ? '1' : '3'],
  ['a build in a container, beside the same commands without it', 'container.ts', quick ? '5' : '11'],
  ['samebits verify, 50 MB, cold', 'verify.ts', quick ? '7' : '21'],
]

const [cpu] = cpus()
console.log(
  `${type()} ${release()}, ${cpus().length} × ${cpu?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
)
let status = 0
for (const [title, file, ...args] of rows) {
  console.log(`\n${title}`)
  const run = spawnSync(process.execPath, ['--conditions=samebits-source', join(import.meta.dirname, file), ...args], {
    stdio: 'inherit',
  })
  status ||= run.status ?? 1
}
process.exitCode = status
