/**
 * Checking a whole log from its files: our fsck and Tessera's, with four workers, over the same exported folder, in turns. Start-up counts for both.
 *
 *     node --conditions=samebits-source bench/fsck.ts [--entries 1000000] [--rounds 3]
 */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { missingGo, runToEnd } from '../test/peers/go-programs.ts'
import { createLogFolder, type LogFolder, runFsck, startLog } from '../test/support/log-process.ts'
import { fillStore } from './fill-store.ts'
import { number, report } from './report.ts'
import { median } from './samples.ts'

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } },
})
const entries = Number(values.entries)

/** Writes the log's files as a static folder, as `--export-to` does beside a running server. */
async function exported(folder: LogFolder): Promise<string> {
  const to = join(folder.path, 'files')
  const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'warn', '--export-to', to])
  try {
    while (!(await checkpointIn(to)).includes(`\n${entries}\n`))
      await new Promise((resolve) => setTimeout(resolve, 200))
    return to
  } finally {
    await log.kill('SIGTERM')
  }
}

/** Empty before there is one. */
const checkpointIn = (folder: string) => readFile(join(folder, 'checkpoint'), 'utf8').catch(() => '')

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

const whyNot = await missingGo()
const folder = await createLogFolder()
try {
  await fillStore(join(folder.path, 'data', 'log.db'), entries, () => randomBytes(500))
  const files = await exported(folder)
  const key = join(folder.path, 'log.pub')
  await writeFile(key, folder.vkeys.find((vkey) => vkey.length < 200) ?? '')
  const theirArgs = [`--storage_url=${pathToFileURL(files)}/`, `--public_key=${key}`, '--ui=false', '--N=4']
  const [ours, theirs]: [number[], number[]] = [[], []]
  if (whyNot === null) await runToEnd('fsck', ['--help']).catch(() => undefined) // built before the clock starts
  for (let round = 0; round < Number(values.rounds); round++) {
    ours.push(await seconds(() => runFsck(folder, files)))
    if (whyNot === null) theirs.push(await seconds(() => runToEnd('fsck', theirArgs)))
  }
  const rate = entries / median(ours)
  const what = `entries/s checked from files, ${number(entries)} entries of 500 bytes`
  if (whyNot !== null) report({ what, ours: number(rate), peer: null, missing: whyNot })
  else {
    const peer = entries / median(theirs)
    const value = number(peer)
    report({
      what,
      ours: number(rate),
      peer: { name: "Tessera's fsck, 4 workers", value },
      ratio: rate / peer,
      atLeast: 1,
    })
  }
} finally {
  await folder.remove()
}
