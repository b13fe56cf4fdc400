/** An application that updates itself, in a process of its own: tells how long the download took, and its peak memory. */
import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { nodeCrypto } from '@samebits/core/node'
import { createUpdater } from '@samebits/updater'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: object) => void

const [trust = '', anchor = '', folder = '', now = ''] = process.argv.slice(2)
const updater = createUpdater({
  trust: await readFile(trust),
  anchor: await readFile(anchor),
  stateDir: `${folder}/.samebits/state`,
  installDir: folder,
  channel: 'stable',
  platform: 'linux-x64',
  fetch,
  clock: () => Number(now),
  stopwatch: () => performance.now(),
  random: Math.random,
  os: process.platform,
  uid: process.getuid?.(),
  crypto: nodeCrypto,
  relieveMemory: () => collect({ type: 'minor' }),
})
const start = performance.now()
const found = await updater.check()
const checked = performance.now()
if (found.kind !== 'accepted') throw new Error(JSON.stringify(found))
const fetched = await updater.download()
if (fetched.kind !== 'downloaded') throw new Error(JSON.stringify(fetched))
const downloaded = performance.now()
const memory = process.resourceUsage().maxRSS / 1024
const done = await updater.apply()
if (done.kind !== 'installed') throw new Error(JSON.stringify(done))
const result = {
  checkMs: checked - start,
  downloadMs: downloaded - checked,
  applyMs: performance.now() - downloaded,
  downloadMb: memory,
  peakMb: process.resourceUsage().maxRSS / 1024,
}
process.stdout.write(JSON.stringify(result))
