/** A client that asks once, in a process of its own: what came of it, how long it took, what it fetched, its peak memory, what it holds. */
import { readFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { nodeCrypto } from '@samebits/core/node'
import { createUpdater } from '@samebits/updater'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: object) => void

const [folder = ''] = process.argv.slice(2)
const fetched: string[] = []
const options = {
  trust: await readFile(`${folder}/trust.json`),
  anchor: await readFile(`${folder}/anchor.json`),
  stateDir: `${folder}/state`,
  installDir: null,
  channel: 'stable',
  platform: 'linux-x64',
  fetch: (url: string, init: RequestInit) => {
    fetched.push(url)
    return fetch(url, init)
  },
  clock: () => Math.floor(Date.now() / 1000),
  stopwatch: () => performance.now(),
  random: Math.random,
  os: process.platform,
  uid: process.getuid?.(),
  crypto: nodeCrypto,
  relieveMemory: () => collect({ type: 'minor' }),
  historyBudgetMs: 600_000,
}
const before = process.resourceUsage()
const start = performance.now()
const found = await createUpdater(options).check()
const ms = performance.now() - start
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
// What is freed by one round may be all that holds something else.
for (let round = 0; round < 3; round++) {
  collect({ type: 'major' })
  await turn()
}
const { heapUsed, external } = process.memoryUsage()
process.stdout.write(
  JSON.stringify({
    kind: found.kind,
    said: found.kind === 'stopped' ? `${found.refusal.code}: ${found.refusal.detail}` : '',
    ms,
    cpuMs: (userCPUTime + systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1000,
    peakMb: maxRSS / 1024,
    heldMb: (heapUsed + external) / 1_000_000,
    tiles: fetched.filter((url) => url.includes('/tile/') && !url.includes('/tile/entries/')).length,
    bundles: fetched.filter((url) => url.includes('/tile/entries/')).length,
  }),
)
