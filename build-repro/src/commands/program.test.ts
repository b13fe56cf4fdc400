import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatVkey } from '@samebits/core'
import { describe, expect, it } from 'vitest'
import { inFolder, testMachine } from '../testing.ts'
import { testLog } from '../testing-log.ts'
import type { CommandIo } from './io.ts'
import { runCommandLine } from './program.ts'

interface Ran {
  readonly status: number
  readonly stdout: string
  readonly said: readonly string[]
  readonly asked: readonly string[]
}

/** Runs a command line with a person who gives these answers. */
async function run(
  cwd: string,
  args: readonly string[],
  answers: readonly string[] | null,
  fetch = testLog().fetch,
): Promise<Ran> {
  const { machine, said } = testMachine({ fetch })
  const asked: string[] = []
  let stdout = ''
  const ask = async (question: string) => {
    asked.push(question)
    return answers?.[asked.length - 1] ?? ''
  }
  const io: CommandIo = {
    cwd,
    machine,
    environment: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => undefined },
    ask: answers === null ? null : ask,
    signal: new AbortController().signal,
    json: false,
  }
  return { status: await runCommandLine(args, io, '1.2.3'), stdout, said, asked }
}

describe('init, asked in a terminal', () => {
  it('asks for product, log, key and channel', () =>
    inFolder(async (folder) => {
      const log = testLog()
      const answers = ['example.com/notes', log.url, formatVkey(log.signer.key), '']
      const { asked, said } = await run(folder, ['init'], answers, log.fetch)
      expect(asked.map((question) => question.split(/[ (:]/)[0])).toEqual(['Product', 'Log', 'The', 'Channel'])
      expect(JSON.parse(await readFile(join(folder, 'samebits.build.json'), 'utf8'))).toMatchObject({
        product: 'example.com/notes',
        publish: { channel: 'stable' },
      })
      expect(said.join('\n')).toContain('offline')
    }))

  it('asks only for what no flag says', () =>
    inFolder(async (folder) => {
      const log = testLog()
      const flags = ['--product', 'notes', '--log-url', log.url, '--log-vkey', formatVkey(log.signer.key)]
      const { asked } = await run(folder, ['init', ...flags], ['beta'], log.fetch)
      expect(asked).toHaveLength(1)
      expect(JSON.parse(await readFile(join(folder, 'trust.json'), 'utf8'))).toMatchObject({ channels: ['beta'] })
    }))

  it('takes a log of its own by the file that its init wrote', () =>
    inFolder(async (folder) => {
      const log = testLog()
      const file = { origin: log.origin, vkeys: [formatVkey(log.signer.key)], checkpoint: log.checkpointText() }
      await writeFile(join(folder, 'log.json'), JSON.stringify(file))
      await run(folder, ['init'], ['notes', 'log.json', ''])
      const trust = JSON.parse(await readFile(join(folder, 'trust.json'), 'utf8'))
      expect(trust.tlogPolicy).toContain(' http://127.0.0.1:2025\n')
    }))

  it.each<[string, readonly string[]]>([
    ['a product that is none', ['Notes!']],
    ['a channel that is none', ['notes', 'LOG', 'VKEY', '../beta']],
    ['a vkey of another log', ['notes', 'LOG', 'OTHER', '']],
  ])('writes nothing after %s', (_, given) =>
    inFolder(async (folder) => {
      const log = testLog()
      const words = new Map([
        ['LOG', log.url],
        ['VKEY', formatVkey(log.signer.key)],
        ['OTHER', formatVkey(testLog().signer.key)],
      ])
      const answers = given.map((word) => words.get(word) ?? word)
      await expect(run(folder, ['init'], answers, log.fetch)).rejects.toMatchObject({ name: 'ProgramError' })
      expect(await readdir(folder)).toEqual([])
    }),
  )
})

describe('keygen', () => {
  it.each(['ed25519', 'p256', 'p384'])('makes a %s key and prints its public half', (algorithm) =>
    inFolder(async (folder) => {
      const { stdout } = await run(folder, ['keygen', 'mine.pem', '--algorithm', algorithm], null)
      expect(stdout).toMatch(/^-----BEGIN PUBLIC KEY-----\n/)
      expect(stdout).not.toContain('PRIVATE')
      expect(await readFile(join(folder, 'mine.pem'), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
    }),
  )

  it.each(['rsa', 'ml-dsa-44', '__proto__', 'ED25519', ''])('refuses the algorithm "%s"', (algorithm) =>
    inFolder(async (folder) => {
      const made = run(folder, ['keygen', 'mine.pem', '--algorithm', algorithm], null)
      await expect(made).rejects.toMatchObject({ code: 'USAGE' })
      expect(await readdir(folder)).toEqual([])
    }),
  )
})

it('says its version and its commands', async () => {
  expect((await run('/', ['--version'], null)).stdout).toBe('1.2.3\n')
  expect((await run('/', ['--help'], null)).stdout).toMatch(/init[\s\S]*keygen[\s\S]*publish[\s\S]*staple/)
})
