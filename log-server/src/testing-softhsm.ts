/** A SoftHSM token in a temporary folder, for tests: the real module, a real PIN, files that can be taken away. */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where Debian, Fedora and Homebrew put it. */
const modules = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]
const module = modules.find((path) => existsSync(path))

/** Why there is no token for tests; null where there is one. */
export function softHsmMissing(): string | null {
  if (module === undefined) return 'SoftHSM is not installed (Debian: softhsm2)'
  try {
    execFileSync('softhsm2-util', ['--version'], { stdio: 'ignore' })
  } catch {
    return 'softhsm2-util is not installed (Debian: softhsm2)'
  }
  try {
    createRequire(import.meta.url)('pkcs11js')
    return null
  } catch {
    return 'pkcs11js is not built (npm run build:pkcs11, with a C++ compiler, make and python3)'
  }
}

export interface SoftHsm {
  readonly pin: string
  /** For the module, which reads its configuration there. */
  readonly environment: Readonly<Record<string, string>>
  /** Of a key by its name. */
  uri(object: string): string
  /** As when a token is pulled out, and put back. */
  remove(): void
  putBack(): void
  /** A new token under the same name. */
  reset(): Promise<void>
  destroy(): void
}

export async function makeSoftHsm(): Promise<SoftHsm> {
  const folder = mkdtempSync(join(tmpdir(), 'samebits-token-'))
  const [tokens, away, config] = ['tokens', 'away', 'softhsm2.conf'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(config, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  const environment = { SOFTHSM2_CONF: config }
  const pin = '73519'
  const reset = async () => {
    rmSync(tokens, { recursive: true, force: true })
    mkdirSync(tokens)
    const args = ['--init-token', '--free', '--label', 'samebits', '--so-pin', '98765', '--pin', pin]
    await promisify(execFile)('env', [`SOFTHSM2_CONF=${config}`, 'softhsm2-util', ...args])
  }
  await reset()
  return {
    pin,
    environment,
    uri: (object) => `pkcs11:token=samebits;object=${encodeURIComponent(object)}?module-path=${module}`,
    remove: () => renameSync(tokens, away),
    putBack: () => renameSync(away, tokens),
    reset,
    destroy: () => rmSync(folder, { recursive: true, force: true }),
  }
}
