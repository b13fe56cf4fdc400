import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  acquireLock,
  createFileDurably,
  formatFailure,
  ProgramError,
  type ProgramIo,
  progress,
  readKeyFile,
  runProgram,
  visible,
  writeFileDurably,
  writeKeyFile,
} from './index.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-host-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('a durable file', () => {
  it('is replaced whole, and nothing else is left in the folder', async () => {
    const path = join(folder, 'state')
    await writeFileDurably(path, 'one')
    await writeFileDurably(path, 'two')
    expect(await readFile(path, 'utf8')).toBe('two')
    expect(await readdir(folder)).toEqual(['state'])
  })
  it('replaces a link and leaves alone what it pointed to', async () => {
    await writeFile(join(folder, 'victim'), 'untouched')
    await symlink('victim', join(folder, 'state'))
    await writeFileDurably(join(folder, 'state'), 'new')
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('untouched')
    expect(await readFile(join(folder, 'state'), 'utf8')).toBe('new')
  })
  it('is not created over a file, nor over a dangling link', async () => {
    await writeFile(join(folder, 'there'), 'old')
    await symlink('nowhere', join(folder, 'dangling'))
    for (const name of ['there', 'dangling'])
      await expect(createFileDurably(join(folder, name), 'new')).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(join(folder, 'there'), 'utf8')).toBe('old')
    expect((await readdir(folder)).sort()).toEqual(['dangling', 'there'])
  })
  it('leaves nothing behind where the target is a folder', async () => {
    await expect(writeFileDurably(folder, 'x')).rejects.toThrow()
    expect(await readdir(folder)).toEqual([])
  })
})

describe('a lock', () => {
  it('is held by one and free again after release', () => {
    const path = join(folder, 'lock')
    const lock = acquireLock(path)
    expect(lock).not.toBeNull()
    expect(acquireLock(path)).toBeNull()
    lock?.release()
    lock?.release()
    const again = acquireLock(path)
    expect(again).not.toBeNull()
    again?.release()
  })
  it('is freed by the death of its holder, without a word about experiments', async () => {
    const path = join(folder, 'lock')
    const script = `import { acquireLock } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      console.log(acquireLock(${JSON.stringify(path)}) !== null); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
    let spoken = ''
    child.stderr.on('data', (data) => {
      spoken += data
    })
    const [held] = await once(child.stdout, 'data')
    expect(String(held)).toBe('true\n')
    expect(acquireLock(path)).toBeNull()
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lock = acquireLock(path)
    expect(lock).not.toBeNull()
    lock?.release()
    expect(spoken).toBe('')
  })
  it('refuses a file that is something else', async () => {
    const path = join(folder, 'lock')
    await writeFile(path, 'this is no lock file, and it is longer than nothing'.repeat(100))
    expect(() => acquireLock(path)).toThrow()
  })
})

const pem = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n'

/** Stands for the folder that holds the file. */
const folderName = 'the same folder'

describe('a key file', () => {
  it('is written for its owner alone, once, and read back', async () => {
    const path = join(folder, 'key.pem')
    await writeKeyFile(path, pem)
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readKeyFile(path)).toBe(pem)
    await expect(writeKeyFile(path, pem)).rejects.toMatchObject({ code: 'KEY_FILE' })
  })
  const bad: [what: string, content: string | null, mode: number][] = [
    ['missing', null, 0],
    ['readable by the group', pem, 0o640],
    ['readable by all', pem, 0o604],
    ['writable by the group', pem, 0o620],
    ['empty', '', 0o600],
    ['a public key', pem.replaceAll('PRIVATE', 'PUBLIC'), 0o600],
    ['an encrypted key', pem.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'), 0o600],
    ['two keys', pem + pem, 0o600],
    ['preceded by text', `hello\n${pem}`, 0o600],
    ['enormous', pem.padEnd(20_000, '\n'), 0o600],
  ]
  it.each(bad)('that is %s is refused, and its content not quoted', async (_, content, mode) => {
    const path = join(folder, 'key.pem')
    if (content !== null) {
      await writeFile(path, content)
      await chmod(path, mode)
    }
    const error = await readKeyFile(path).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'KEY_FILE', exitCode: 64 })
    expect(String(error)).not.toContain('MC4C')
  })
  const isRoot = process.getuid?.() === 0
  it.skipIf(!isRoot).each([
    [0o400, folderName, true],
    [0o440, folderName, true],
    [0o440, 'elsewhere', false],
    [0o460, folderName, false],
    [0o444, folderName, false],
  ])("of root's (needs root), mode %o, credentials in %s: may be read %s", async (mode, credentials, expected) => {
    const path = join(folder, 'key.pem')
    await writeFile(path, pem)
    await chmod(path, mode)
    const read = readKeyFile(path, credentials === folderName ? `${folder}/` : join(folder, credentials))
    expect(
      await read.then(
        () => true,
        () => false,
      ),
    ).toBe(expected)
  })
  it.skipIf(!isRoot)(
    "of another user's in the folder of credentials (needs root) is held to its own bits",
    async () => {
      const path = join(folder, 'key.pem')
      await writeFile(path, pem)
      await chown(path, 1, 1)
      await chmod(path, 0o440)
      await expect(readKeyFile(path, folder)).rejects.toMatchObject({ code: 'KEY_FILE' })
    },
  )
  it('that is a folder is refused', async () => {
    await expect(readKeyFile(folder)).rejects.toMatchObject({ code: 'KEY_FILE' })
  })
})

describe('visible text', () => {
  const table: [what: string, text: string, shown: string][] = [
    ['plain', 'Notes 1.2 — naïve 日本', 'Notes 1.2 — naïve 日本'],
    ['an escape', '\x1b[2J', '\\u{1b}[2J'],
    ['a C1 control', '\u009b31m', '\\u{9b}31m'],
    ['a right-to-left override', 'a\u202etxt', 'a\\u{202e}txt'],
    ['an isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['a newline', 'a\nb\r', 'a\\u{a}b\\u{d}'],
    ['a zero-width joiner', 'a\u200db', 'a\\u{200d}b'],
    ['a line separator', '\u2028', '\\u{2028}'],
    ['a tag character', '\u{e0041}', '\\u{e0041}'],
    ['a variation selector', 'a\ufe0f', 'a\\u{fe0f}'],
    ['a lone surrogate', '\ud800', '\\u{d800}'],
  ]
  it.each(table)('neutralises %s', (_, text, shown) => expect(visible(text)).toBe(shown))
  it('never lets a control or format character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u)
      }),
    )
  })
})

function io(json = false) {
  const listeners = new Map<string, () => void>()
  const out = { stderr: '', stdout: '', exited: 0 }
  const value: ProgramIo = {
    stderr: { write: (text) => (out.stderr += text) },
    stdout: { write: (text) => (out.stdout += text) },
    json,
    signals: { on: (name, listener) => listeners.set(name, listener), off: (name) => listeners.delete(name) },
    exit: (status) => {
      out.exited = status
    },
  }
  return { value, out, listeners }
}

describe('a program', () => {
  const failures: [what: string, error: unknown, line: string, status: number][] = [
    [
      'its own error',
      new ProgramError({ code: 'X_Y', detail: 'saw this', remedy: 'Do that.' }),
      'X_Y: saw this. Do that.\n',
      64,
    ],
    [
      'a coded error of a library part',
      Object.assign(new Error('m'), { code: 'PROOF_INVALID', detail: 'd.' }),
      'PROOF_INVALID: d.\n',
      64,
    ],
    [
      'a full disk',
      Object.assign(new Error('write'), { code: 'ENOSPC', syscall: 'write', path: '/x' }),
      'IO: /x: the disk is full (ENOSPC). Make room and run the command again.\n',
      74,
    ],
    ['an unknown system error', Object.assign(new Error('odd'), { code: 'EODD', syscall: 's' }), 'IO: odd.\n', 74],
    [
      'a defect',
      new TypeError('undefined is not\na function'),
      'INTERNAL: undefined is not\\u{a}a function. This is a defect of the program: please report it with the command that led here.\n',
      70,
    ],
    [
      'a node error code',
      Object.assign(new Error('bad'), { code: 'ERR_X' }),
      'INTERNAL: bad. This is a defect of the program: please report it with the command that led here.\n',
      70,
    ],
    ['no error at all', 'text', 'INTERNAL: text.\n', 70],
  ]
  it.each(failures)('says %s in one line and never shows a stack', async (_, error, line, status) => {
    const { value, out } = io(true)
    expect(await runProgram(() => Promise.reject(error), value)).toBe(status)
    expect(out.stderr).toBe(line)
    expect(JSON.parse(out.stdout)).toHaveProperty('error.code')
  })
  it('aborts at the first interrupt, exits at the second, and lets go of its signals', async () => {
    const { value, out, listeners } = io()
    const status = runProgram(async (signal) => {
      listeners.get('SIGINT')?.()
      expect(out.exited).toBe(0)
      listeners.get('SIGTERM')?.()
      signal.throwIfAborted()
      return 0
    }, value)
    expect(await status).toBe(130)
    expect(out.exited).toBe(130)
    expect(out.stderr).toBe('INTERRUPTED: stopped on request.\n')
    expect(listeners.size).toBe(0)
  })
  it('ends quietly when the reader of its output goes away', async () => {
    const script = `import { runProgram } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
      process.exitCode = await runProgram(async () => {
        for (let i = 0; i < 1000; i++) { process.stdout.write('x'.repeat(1000)); await new Promise(setImmediate) }
        return 0
      }, { stderr: process.stderr, stdout: process.stdout, json: false, signals: process, exit: (s) => process.exit(s) })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
    let spoken = ''
    child.stderr.on('data', (data) => {
      spoken += data
    })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    expect(await once(child, 'close')).toEqual([141, null])
    expect(spoken).toBe('')
  })
  it('neutralises what it quotes', () => {
    expect(formatFailure({ code: 'A', detail: '\x1b]0;x\x07', exitCode: 1 })).toBe('A: \\u{1b}]0;x\\u{7}.')
  })
})

describe('progress', () => {
  const run = (isTTY: boolean) => {
    let now = 0
    let text = ''
    const report = progress({
      stream: { isTTY, columns: 60, write: (part) => (text += part) },
      clock: () => now,
      unit: 'entries',
      label: 'reading',
      total: 1000,
    })
    for (let done = 0; done <= 1000; done += 100) {
      report.update(done)
      now += 2000
    }
    report.finish()
    return text
  }
  it('rewrites one line on a terminal', () => {
    expect(run(true).split('\r').length).toBeGreaterThan(8)
    expect(run(true).split('\n')).toHaveLength(2)
  })
  it('draws a bar where there is room for one, and ends once', () => {
    let now = 0
    let text = ''
    const stream = { isTTY: true, columns: 120, write: (part: string) => (text += part) }
    const report = progress({ stream, clock: () => now, unit: 'entries', label: 'reading', total: 1000 })
    now = 1000
    report.update(500)
    report.finish()
    report.finish()
    expect(text).toContain('[##########..........] reading: 500 entries of 1,000 entries (50 %)')
    expect(text.split('\n')).toHaveLength(2)
    expect(run(true)).not.toContain('[#')
  })
  it('prints plain lines elsewhere, without escapes', () => {
    expect(run(false)).not.toMatch(/\p{Cc}(?<!\n)/u)
    expect(run(false)).toContain('reading: 300 entries of 1,000 entries (30 %), 50 entries/s, 14 s left\n')
  })
  it('stays silent for short work', () => {
    let text = ''
    const report = progress({ stream: { write: (part) => (text += part) }, clock: () => 0, unit: 'bytes', label: 'x' })
    report.update(5)
    report.finish()
    expect(text).toBe('')
  })
})
