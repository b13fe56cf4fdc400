/** What people have around the program: shells that complete it, a manual, a terminal, proxies, authorities of their own. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../updater/test-support/folders.ts'
import { createPublisher, type Publisher, type Release } from '../../updater/test-support/publisher.ts'

let publisher: Publisher
let release: Release
let folder: string
let program: string
const disposals: (() => unknown)[] = []
beforeAll(async () => {
  const temporary = await temporaryFolder()
  folder = temporary.path
  execFileSync(process.execPath, [join(import.meta.dirname, '../../scripts/build-cli.mjs'), join(folder, 'dist')])
  program = join(folder, 'dist/samebits.cjs')
  publisher = await createPublisher()
  publisher.now = Math.floor(Date.now() / 1000) - 60
  await publisher.release('1.0.0')
  await writeFile(join(folder, 'trust.json'), publisher.trust())
  await writeFile(join(folder, 'example.com_notes.anchor.json'), await publisher.anchor())
  release = await publisher.release('1.1.0', { bytes: Buffer.alloc(3_000_000, 'notes') })
  await writeFile(join(folder, 'notes'), release.bytes)
  await writeFile(join(folder, 'notes.samebits.json'), await publisher.bundle(release))
  disposals.push(
    () => publisher[Symbol.asyncDispose](),
    () => temporary[Symbol.asyncDispose](),
  )
})
afterAll(async () => {
  for (const dispose of disposals) await dispose()
})

interface Ended {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

async function run(command: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: folder, TERM: 'xterm', ...more }
  const child = spawn(command, args, { cwd: folder, env })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { status, out, err }
}

/** Escapes, as something that can be read. */
const legible = (text: string) => text.replaceAll('\u001b', '␛')
const samebits = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
  run(process.execPath, [program, ...args], more)
const isThere = (name: string) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0

describe('completion', () => {
  /** What bash offers for a line whose last word is being typed. */
  async function offered(...words: string[]): Promise<string[]> {
    const script = `source <("$1" "$2" completion bash); shift 2; COMP_WORDS=(samebits "$@"); COMP_CWORD=$#; _samebits; printf '%s\n' "\${COMPREPLY[@]}"`
    const { out, err } = await run('bash', ['-c', script, 'bash', process.execPath, program, ...words])
    expect(err).toBe('')
    return out.split('\n').filter((word) => word !== '')
  }

  test.skipIf(!isThere('bash'))('in bash knows commands, options, codes and files', async () => {
    await mkdir(join(folder, 'some files'), { recursive: true })
    await writeFile(join(folder, 'some files', 'a b'), '')
    expect(await offered('ver')).toEqual(['verify'])
    expect(await offered('trust', 's')).toEqual(['show'])
    expect(await offered('update', '--unp')).toEqual(['--unpack'])
    expect(await offered('explain', 'WITNESS')).toEqual(['WITNESS_QUORUM'])
    expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish'])
    expect(await offered('verify', 'notes.sa')).toEqual(['notes.samebits.json'])
    expect(await offered('inspect', 'some files/a')).toEqual(['some files/a b'])
    expect(await offered('update', '--into', 'some')).toEqual(['some files'])
    expect(await offered('verify', '--channel', '')).toEqual([])
  })

  test.each(['bash', 'zsh', 'fish'])('is a script that %s reads', async (shell) => {
    const { status, out } = await samebits(['completion', shell])
    expect([status, out]).toEqual([0, expect.stringContaining('samebits')])
    for (const word of ['unpack', 'health-check', 'WITNESS_QUORUM', 'export']) expect(out).toContain(word)
    if (!isThere(shell)) return
    const path = join(folder, `completion.${shell}`)
    await writeFile(path, out)
    expect(await run(shell, ['-n', path])).toEqual({ status: 0, out: '', err: '' })
  })

  test('of an unknown shell is wrong usage', async () => {
    expect(await samebits(['completion', 'tcsh'])).toMatchObject({ status: 64 })
  })
})

/** What is printed bold by printing twice, or in colours, as plain text. */
const plain = (text: string) => legible(text).replaceAll(/.[\b]|␛\[[0-9;]*m/g, '')

describe('the manual', () => {
  test('names every command and option, and comes with the package', async () => {
    const page = await readFile(join(folder, 'dist/samebits.1'), 'utf8')
    expect(page).toBe((await samebits(['manual'])).out)
    const help = (await samebits(['update', '--help'])).out
    for (const [option] of help.matchAll(/--[a-z-]+(?= )/g)) expect(page).toContain(option.replaceAll('-', '\\-'))
    expect(page).toMatch(/^\.TH SAMEBITS 1 /)
  })

  test.skipIf(!isThere('groff'))('is roff without a warning', async () => {
    const { out, err } = await run('groff', ['-man', '-Tutf8', '-ww', join(folder, 'dist/samebits.1')])
    expect(err).toBe('')
    expect(plain(out)).toContain('samebits verify ARTIFACT')
  })
})

/** Runs the program on a terminal of its own, which script(1) makes; what it wrote and what came to its error are one. */
async function onTerminal(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<string> {
  const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ')
  const { out } = await run(
    'script',
    ['--quiet', '--return', '--command', `stty cols 120; ${command}`, '/dev/null'],
    more,
  )
  return legible(out)
}

describe.skipIf(!isThere('script') || process.platform !== 'linux')('on a terminal', () => {
  /** The artifact comes in pieces, so that there is something to watch. */
  const slowly = () => {
    publisher.hostile = ({ url }, response) => {
      if (url !== `/feed/${release.id}/notes`) return false
      response.writeHead(200, { 'content-length': release.bytes.length })
      let sent = 0
      const timer = setInterval(() => {
        response.write(release.bytes.subarray(sent, sent + 300_000))
        sent += 300_000
        if (sent < release.bytes.length) return
        clearInterval(timer)
        response.end()
      }, 60)
      return true
    }
  }

  test('the checklist has colours, unless they are not wanted', async () => {
    const verify = ['verify', 'notes', '--trust', 'trust.json']
    expect(await onTerminal(verify)).toMatch(/␛\[32mVERIFIED␛\[39m notes[\s\S]*␛\[32m✓␛\[39m publisher/)
    expect(await onTerminal(verify, { NO_COLOR: '1' })).not.toContain('␛[')
    expect(await onTerminal(verify, { TERM: 'dumb' })).not.toContain('␛[')
    expect(legible((await samebits(verify)).out)).not.toContain('␛')
  })

  test('a download shows a bar with its rate and the time left, and elsewhere nothing', async () => {
    slowly()
    const seen = await onTerminal(['update', '--trust', 'trust.json', '--into', 'watched'])
    expect(seen).toMatch(/\r␛\[K\[#+\.*\] notes: [\d.]+ [kM]B of 3\.0 MB \(\d+ %\), [\d.]+ [kM]B\/s, \d+ s left/)
    expect(seen).toMatch(/installed\S* notes/)
    slowly()
    const quiet = await samebits(['update', '--trust', 'trust.json', '--into', 'unwatched'])
    publisher.hostile = null
    expect([quiet.status, quiet.err]).toEqual([0, expect.stringMatching(/^(?:note [^\n]*\n)*$/)])
  })
})

/** Speaks TLS and hands on to the publisher, with a certificate of an authority that nobody else knows. */
async function privateFeed(): Promise<{ readonly url: string; readonly port: number }> {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  openssl(
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca.key -out ca.pem -subj /CN=own'.split(
      ' ',
    ),
  )
  openssl(
    ...'req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout feed.key -out feed.csr -subj /CN=feed'.split(
      ' ',
    ),
  )
  await writeFile(join(folder, 'san'), 'subjectAltName=DNS:localhost\n')
  openssl(
    ...'x509 -req -in feed.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out feed.pem'.split(' '),
  )
  const [key, cert] = ['feed.key', 'feed.pem'].map((name) => readFileSync(join(folder, name)))
  const server = createTlsServer({ key, cert }, (request, response) => {
    const onward = httpRequest(`${publisher.url}${request.url}`, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.end()
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  disposals.unshift(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `https://localhost:${port}/feed`, port }
}

/** A proxy that opens tunnels (RFC 9110 §9.3.6). */
async function tunnelProxy(): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const onward = httpRequest(request.url ?? '', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.end()
  })
  server.on('connect', ({ url = '' }, client) => {
    asked.push(`CONNECT ${url}`)
    const port = Number(url.split(':')[1])
    const there = connect(port, 'localhost', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      client.pipe(there).pipe(client)
    })
    const end = () => {
      there.destroy()
      client.destroy()
    }
    there.on('error', end)
    client.on('error', end)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  disposals.unshift(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

describe.skipIf(!isThere('openssl'))('a network of one’s own', () => {
  test('an authority is trusted where it is named, and a proxy is gone through where it is set', async () => {
    const feed = await privateFeed()
    const proxy = await tunnelProxy()
    const update = (into: string, more: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      samebits(['update', '--trust', 'trust.json', '--into', into, '--feed', feed.url, ...more], env)
    expect(await update('distrusted', [])).toMatchObject({ status: 20, err: expect.stringContaining('TRANSPORT') })
    expect(await update('trusted', ['--ca', 'ca.pem'])).toMatchObject({ status: 0 })
    const extra = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
    expect(await update('by-environment', ['--check'], extra)).toMatchObject({ status: 0 })

    const proxied = { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url }
    expect(await update('proxied', ['--ca', 'ca.pem'], proxied)).toMatchObject({ status: 0 })
    expect(proxy.asked).toContain(`CONNECT localhost:${feed.port}`)
    expect(proxy.asked).toContain(`CONNECT ${new URL(publisher.url).host}`)
    proxy.asked.length = 0
    await update('direct', ['--ca', 'ca.pem', '--check'], { ...proxied, NO_PROXY: 'localhost,127.0.0.1' })
    expect(proxy.asked).toEqual([])
  })

  test('a file that holds no authority is wrong usage', async () => {
    const { status, err } = await samebits(['update', '--trust', 'trust.json', '--into', 'x', '--ca', 'trust.json'])
    expect([status, err]).toEqual([64, expect.stringContaining('holds no certificate')])
  })

  test('headers for a feed come from a file, and reach only the feed', async () => {
    await writeFile(join(folder, 'headers'), 'Authorization: Bearer token\n')
    publisher.server.requests.length = 0
    const args = ['update', '--trust', 'trust.json', '--into', 'authorised', '--feed', publisher.feed, '--check']
    expect((await samebits([...args, '--feed-headers', 'headers'])).status).toBe(0)
    const sent = publisher.server.requests.map(({ path, headers }) => [path.split('/')[1], headers['authorization']])
    expect(new Set(sent.map((pair) => pair.join(' ')))).toEqual(new Set(['feed Bearer token', 'log ']))
  })
})

describe('--json', () => {
  const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../output.schema.json'), 'utf8'))
  const fits = new Ajv({ strict: true, allErrors: true }).compile(schema)
  const demand = ({ status, out }: Ended, result: string) => {
    const value = JSON.parse(out)
    fits(value)
    expect(fits.errors ?? []).toEqual([])
    expect([value.result, value.exit]).toEqual([result, status])
  }
  const update = (...more: string[]) =>
    samebits(['update', '--trust', 'trust.json', '--into', 'json', '--json', ...more])

  test('answers as its schema says, whatever the result', async () => {
    const verify = (...more: string[]) => samebits(['verify', 'notes', '--trust', 'trust.json', '--json', ...more])
    demand(await verify(), 'verified')
    demand(await verify('--platform', 'linux-x64', '--max-age', '1s'), 'refused')
    demand(await verify('--max-age', 'soon'), 'usage')
    demand(await update('--feed', 'http://127.0.0.1:1'), 'undecided')
    demand(await update('--check'), 'accepted')
    demand(await update(), 'installed')
    demand(await update(), 'current')
  })

  test('the schema refuses what is none of its results', () => {
    for (const value of [
      {},
      { result: 'verified', exit: 0 },
      { result: 'fine', exit: 0 },
      { result: 'refused', exit: 0 },
    ])
      expect(fits(value)).toBe(false)
  })
})
