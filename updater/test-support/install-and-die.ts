/** Installs one release over another and kills itself, as hard as a power cut, when a given step is reached. */
import { createInstaller } from '../src/installer.ts'
import { openFolder } from '../src/paths.ts'

const [folderPath = '', lastStep = '', job = ''] = process.argv.slice(2)
const me = { uid: process.getuid?.() }
const folder = await openFolder(folderPath, me)
const workspace = await openFolder(`${folderPath}/.samebits`, me, 0o700)
const { next, installed, healthCheck, unpack = null } = JSON.parse(job)
const installer = createInstaller({
  folder,
  workspace,
  platform: process.platform,
  healthCheck,
  onStep(step) {
    process.stdout.write(`${step}\n`)
    if (step === lastStep) process.kill(process.pid, 'SIGKILL')
  },
})
await installer.install({ next, unpack, installed, commit: async () => undefined })
