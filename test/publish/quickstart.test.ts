/** docs/quickstart.md, command by command, in an empty home: what it shows is what happens. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return String(typeof address === 'object' && address !== null ? address.port : 0)
}

/** The document's commands as one script that stops at the first that fails. */
async function script(): Promise<string> {
  const text = await readFile(join(root, 'docs/quickstart.md'), 'utf8')
  const blocks = [...text.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block]) => block)
  expect(blocks.length).toBeGreaterThan(6)
  const commands = blocks
    .join('\n')
    .replaceAll('2025', await freePort())
    .replaceAll('8025', await freePort())
  return `set -e\n${commands}`
}

it.skipIf(process.platform === 'win32')('the quick start works as it is written', async () => {
  const home = await mkdtemp(join(tmpdir(), 'samebits-quickstart-'))
  const env = { PATH: process.env['PATH'], HOME: home, TMPDIR: tmpdir() }
  // A process group of its own, so that what the script leaves running in the background ends with it.
  const child = spawn('bash', ['-c', await script()], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endGroup = () => endProcesses(-(child.pid ?? Number.NaN))
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const closed = once(child, 'close')
  const limit = setTimeout(endGroup, 150_000)
  const [status] = await once(child, 'exit')
  clearTimeout(limit)
  endGroup()
  await closed
  expect({ status, output: status === 0 ? '' : output }).toEqual({ status: 0, output: '' })
  expect(output).toContain('notes 1.1.0\n')
  expect(output).toMatch(/DIGEST_MISMATCH[\s\S]*refused: 10\n/)
  const files = await readdir(join(home, 'notes'))
  for (const name of ['samebits.build.json', 'trust.json', 'sizes.json', 'admission.json', 'keys', 'authority', 'feed'])
    expect(files).toContain(name)
  await rm(home, { recursive: true })
})

/** Ends a process group; one that is empty has ended already. */
function endProcesses(group: number): void {
  try {
    process.kill(group, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
