/** A log whose keys are in no file: what its process writes and shows to others holds nothing of them. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createLogFolder, startLog } from './support/log-process.ts'

it('signs with the keys of SAMEBITS_LOG_KEYS, and writes them nowhere', async () => {
  const folder = await createLogFolder()
  try {
    const keysDir = join(folder.path, 'keys')
    const pems = readdirSync(keysDir).map((name) => readFileSync(join(keysDir, name), 'utf8'))
    rmSync(keysDir, { recursive: true })
    const secrets = pems.flatMap((pem) => pem.split('\n').slice(1, -2)).filter((line) => line.length > 30)
    expect(secrets.length).toBeGreaterThan(1)
    const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'debug'], [], {
      SAMEBITS_LOG_KEYS: pems.join(''),
    })
    const answer = await fetch(`${log.url}/add`, { method: 'POST', body: 'entry' })
    const shown = [
      ...(process.platform === 'linux' ? [readFileSync(`/proc/${log.child.pid}/cmdline`, 'latin1')] : []),
      await (await fetch(`${log.url}/metrics`)).text(),
      await (await fetch(`${log.url}/checkpoint`)).text(),
    ]
    expect(await log.kill('SIGTERM')).toBe(0)
    expect([answer.status, await answer.text()]).toEqual([200, '0'])
    shown.push(log.stderr(), ...filesUnder(folder.path))
    for (const secret of secrets) expect(shown.filter((text) => text.includes(secret))).toEqual([])
  } finally {
    await folder.remove()
  }
})

function filesUnder(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((one) => one.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
}
