// Compiles pkcs11js, which has no prebuilt binaries, for the tests of keys in tokens (SoftHSM). Install scripts are off here, and the headers
// come with the pinned Node: nothing is fetched. It takes a C++ compiler, make and python3.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

const built = 'node_modules/pkcs11js/build/Release/pkcs11.node'
const root = dirname(dirname(process.execPath))
const headers = existsSync(join(root, 'include/node/node_api.h')) ? [`--nodedir=${root}`] : []

if (!existsSync(built)) {
  const args = ['rebuild', 'pkcs11js', '--ignore-scripts=false', '--foreground-scripts', ...headers]
  const { status, error } = spawnSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (error !== undefined) console.error(`npm cannot be run: ${error.message}`)
  process.exitCode = status ?? 1
}
if (!existsSync(built)) console.error('pkcs11js was not built: the tests of keys in tokens are skipped, and say so')
