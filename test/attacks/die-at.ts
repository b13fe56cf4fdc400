/** Updates a home, and kills itself when a given step of the installation is reached. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeCrypto } from '@samebits/core/node'
import { createUpdater } from '@samebits/updater'

interface Job {
  readonly home: string
  readonly feed: string
  readonly now: number
  readonly step: string
}
const { home, feed, now, step } = JSON.parse(process.argv[2] ?? '') as Job
const updater = createUpdater({
  trust: await readFile(join(home, 'trust.json')),
  stateDir: join(home, 'app', '.samebits', 'state'),
  installDir: join(home, 'app'),
  channel: 'stable',
  platform: 'linux-x64',
  feeds: [feed],
  healthCheck: { command: ['sh', '-c', 'exit 0'], timeoutMs: 10_000 },
  fetch,
  clock: () => now,
  stopwatch: () => performance.now(),
  random: Math.random,
  os: process.platform,
  uid: process.getuid?.(),
  crypto: nodeCrypto,
  onEvent: (event) => {
    if (event.kind === 'install' && event.step === step) process.kill(process.pid, 'SIGKILL')
  },
})
const found = await updater.check()
if (found.kind !== 'accepted') throw new Error(found.kind)
await updater.download()
const done = await updater.apply()
if (done.kind !== 'installed') throw new Error(done.kind)
