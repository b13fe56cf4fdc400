/** A log whose Ed25519 key is in a SoftHSM token: real module, real processes, and a token that comes and goes. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint, parseSpkiDer, parseVkey } from '@samebits/core'
import { generateSigningKey, nodeCrypto, signingKeyFromPem } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rawMode } from '../http/modes-http.ts'
import { headSigner, KeyRefusedError } from '../signer.ts'
import { startTestServer, type TestServer } from '../testing.ts'
import { makeSoftHsm, type SoftHsm, softHsmMissing } from '../testing-softhsm.ts'
import { TokenKey } from '../token/token-key.ts'
import { parseTokenUri } from '../token/uri.ts'
import { type Ran, runIn } from './testing.ts'

const missing = softHsmMissing()
const title = 'a log with a key in a token'
const origin = 'example.com/log'

describe.skipIf(missing !== null)(missing === null ? title : `${title} (skipped: ${missing})`, () => {
  let cwd: string
  let hsm: SoftHsm
  let vkeys: readonly string[]
  const run = (args: string, environment: Record<string, string> = {}): Promise<Ran> =>
    runIn(cwd, args, { ...hsm.environment, ...environment })
  const token = (object = origin) => `--pkcs11 ${hsm.uri(object)} --pkcs11-pin-file pin --pkcs11-timeout-ms 30000`
  const pin = (text: string) => writeFileSync(join(cwd, 'pin'), `${text}\n`, { mode: 0o600 })
  /** Serves, adds an entry, and gives the checkpoint. */
  async function serve(
    flags = token(),
    environment: Record<string, string> = {},
  ): Promise<{ ran: Ran; checkpoint: string }> {
    let checkpoint = ''
    const ran = await runIn(
      cwd,
      `serve --port 0 --mode raw --json --log-level silent ${flags}`,
      { ...hsm.environment, ...environment },
      async (url) => {
        const { status } = await fetch(`${url}/add`, { method: 'POST', body: 'entry' })
        if (status === 200) checkpoint = await (await fetch(`${url}/checkpoint`)).text()
      },
    )
    return { ran, checkpoint }
  }
  const signers = (checkpoint: string, known = vkeys) =>
    openCheckpoint(
      nodeCrypto,
      checkpoint,
      known.map((vkey) => parseVkey(nodeCrypto, vkey)),
      origin,
    ).verified.length

  beforeAll(async () => {
    hsm = await makeSoftHsm()
    cwd = mkdtempSync(join(tmpdir(), 'samebits-hsm-'))
    pin(hsm.pin)
    const { stdout, stderr } = await run(`keygen --origin ${origin} ${token()} --json`)
    expect(stderr).toMatch(/^keys in /)
    vkeys = (JSON.parse(stdout) as { vkeys: string[] }).vkeys
    expect((await run(`init --origin ${origin} ${token()}`)).stderr).toBe('')
  })
  afterAll(() => {
    rmSync(cwd, { recursive: true, force: true })
    hsm.destroy()
  })

  it('made it there: the folder holds its public half and the other key', () => {
    expect(readdirSync(join(cwd, 'keys')).sort()).toEqual(['ed25519.pub.pem', 'ml-dsa-44.pem'])
    expect(statSync(join(cwd, 'keys/ml-dsa-44.pem')).mode & 0o777).toBe(0o600)
    expect(vkeys).toHaveLength(2)
  })

  it('signs with it, and with the one beside it', async () => {
    const { ran, checkpoint } = await serve()
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    expect(signers(checkpoint)).toBe(2)
  })

  it('takes the PIN from the environment, and the other key too', async () => {
    const pem = readFileSync(join(cwd, 'keys/ml-dsa-44.pem'), 'utf8')
    const environment = { SAMEBITS_LOG_PKCS11_PIN: hsm.pin, SAMEBITS_LOG_KEYS: pem }
    const { ran, checkpoint } = await serve(`--pkcs11 ${hsm.uri(origin)} --pkcs11-timeout-ms 30000`, environment)
    expect([ran.status, signers(checkpoint)]).toEqual([0, 2])
    const both = `${pem}${pem}`
    expect((await serve(token(), { SAMEBITS_LOG_KEYS: both })).ran.stderr).toMatch(/^KEY_FILE: /)
  })

  it('is healthy as doctor sees it', async () => {
    const { stdout } = await run(`doctor --mode raw --json ${token()}`)
    const { findings } = JSON.parse(stdout.split('\n')[0] ?? '') as { findings: { check: string; level: string }[] }
    expect(findings.filter(({ check }) => check === 'token').map(({ level }) => level)).toEqual(['ok'])
  })

  it.each([
    ['a key of this name again', `keygen --origin ${origin} --keys-dir other`, 'KEY_REFUSED'],
    ['keys over keys', `keygen --origin ${origin} --existing`, 'KEY_FILE'],
  ])('does not make %s', async (_what, command, code) => {
    const { status, stderr } = await run(`${command} ${token()}`)
    expect([stderr.split(':')[0], status > 0]).toEqual([code, true])
    expect(existsSync(join(cwd, 'other/ed25519.pub.pem'))).toBe(false)
  })

  it('writes down the public half of a key that is there', async () => {
    const { stdout } = await run(
      `keygen --origin ${origin} --existing --ed25519-only --keys-dir alone ${token()} --json`,
    )
    expect((JSON.parse(stdout) as { vkeys: string[] }).vkeys).toEqual([vkeys[0]])
    expect((await run(`keygen --origin ${origin} --existing`)).stderr).toMatch(/^USAGE: /)
  })

  it('does not serve without a key that it has signed with', async () => {
    const { ran } = await serve(`${token()} --keys-dir alone`)
    expect(ran.stderr).toMatch(/^WRONG_KEYS: .*a key that signed it is missing/)
  })

  it.each<[string, () => string, RegExp]>([
    ['without a PIN', () => `--pkcs11 ${hsm.uri(origin)}`, /^CONFIG_INVALID: .*no PIN/],
    ['with a PIN in the URI', () => `--pkcs11 ${hsm.uri(origin)}&pin-value=13579`, /^CONFIG_INVALID: (?!.*13579)/],
    [
      'with a module that is none',
      () => token().replace(/\?module-path=\S+/, '?module-path=/etc/hostname'),
      /^KEY_REFUSED: .*PKCS#11 module/,
    ],
    ['without the public half', () => `${token()} --keys-dir nowhere`, /^KEY_FILE: .*public half/],
  ])('does not start %s', async (_what, flags, said) => {
    expect((await serve(flags())).ran.stderr).toMatch(said)
  })

  it('refuses a token that holds another key than the one it is known by', async () => {
    const folder = join(cwd, 'keys/ed25519.pub.pem')
    const right = readFileSync(folder, 'utf8')
    expect((await run(`keygen --origin ${origin} --keys-dir second ${token('second')}`)).status).toBe(0)
    const { ran } = await serve(token('second'))
    expect([ran.status, ran.stderr]).toEqual([78, expect.stringMatching(/^KEY_REFUSED: .*another key/)])
    expect(readFileSync(folder, 'utf8')).toBe(right)
  })

  describe('with a wrong PIN', () => {
    it('ends with a status that no service manager tries again, and gives it to the token once', async () => {
      pin('00000')
      const first = await serve()
      expect([first.ran.status, first.ran.stderr]).toEqual([
        78,
        expect.stringMatching(/^KEY_REFUSED: .*CKR_PIN_INCORRECT/),
      ])
      expect(first.ran.stderr).not.toContain('00000')
      for (const text of ['00000', hsm.pin]) {
        pin(text)
        const { ran } = await serve()
        expect([ran.status, ran.stderr]).toEqual([78, expect.stringMatching(/wrong PIN was given .* none was tried/)])
      }
    })

    it('goes on once a person has seen to it', async () => {
      pin(hsm.pin)
      expect((await run(`doctor --mode raw --json ${token()}`)).stdout).toContain('"check":"token","level":"fail"')
      expect((await run(`doctor --mode raw --json --try-pin ${token()}`)).stdout).toContain(
        '"check":"token","level":"ok"',
      )
      expect(signers((await serve()).checkpoint)).toBe(2)
    })
  })

  describe('whose token comes and goes', () => {
    let server: TestServer
    let key: TokenKey
    beforeAll(async () => {
      const environment = { ...process.env, ...hsm.environment }
      const access = {
        uri: parseTokenUri(hsm.uri(origin)),
        pin: hsm.pin,
        tryPin: false,
        timeoutMs: 10_000,
        environment,
      }
      const pem = readFileSync(join(cwd, 'keys/ed25519.pub.pem'), 'utf8').split('\n')[1] ?? ''
      key = new TokenKey(access, parseSpkiDer(Buffer.from(pem, 'base64')).publicKey)
      const second = signingKeyFromPem(readFileSync(join(cwd, 'keys/ml-dsa-44.pem'), 'utf8'))
      server = await startTestServer({ dataDir: join(cwd, 'data') }, [key, second], rawMode)
    })
    afterAll(() => server.stop())
    const add = async (text: string) => (await server.add(text)).status
    const writesAgain = (text: string) => expect.poll(() => add(text), { timeout: 60_000, interval: 200 }).toBe(200)

    it('goes on when the process that holds it is killed', async () => {
      expect(await add('before')).toBe(200)
      process.kill(key.pid ?? 0, 'SIGKILL')
      await writesAgain('after')
    })

    it('waits for a module that hangs no longer than told, and begins another session', async () => {
      process.kill(key.pid ?? 0, 'SIGSTOP')
      expect(await add('hung')).toBe(503)
      expect(server.gate()).toMatchObject({ state: 'read-only', code: 'KEY_UNAVAILABLE' })
      await writesAgain('hung')
    })

    it('takes nothing while it is away, says so, is read on, and goes on by itself', async () => {
      hsm.remove()
      expect(await add('away')).toBe(503)
      const ready = await fetch(`${server.url}/readyz`)
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('KEY_UNAVAILABLE')])
      const { size } = server.published()
      expect((await fetch(`${server.url}/checkpoint`)).status).toBe(200)
      expect((await fetch(`${server.url}/v1/entries/${size - 1}`)).status).toBe(200)
      expect(await add('away too')).toBe(503)
      hsm.putBack()
      await writesAgain('away')
      expect(signers(server.published().checkpoint)).toBe(2)
    })
  })

  it('serves reads from the start while the token is away', async () => {
    hsm.remove()
    let seen: unknown[] = []
    await runIn(cwd, `serve --port 0 --mode raw --json --log-level silent ${token()}`, hsm.environment, async (url) => {
      const statuses = ['checkpoint', 'readyz'].map(async (path) => (await fetch(`${url}/${path}`)).status)
      seen = [...(await Promise.all(statuses)), (await fetch(`${url}/add`, { method: 'POST', body: 'x' })).status]
    })
    hsm.putBack()
    expect(seen).toEqual([200, 503, 503])
  })
})

describe('a signature that comes from elsewhere', () => {
  it('is verified before it is used', async () => {
    const [right, wrong] = [generateSigningKey('ed25519'), generateSigningKey('ed25519')]
    const distant = (by: typeof right) => ({
      algorithm: 'ed25519' as const,
      publicKey: right.publicKey,
      sign: async (message: Uint8Array) => by.sign(message),
      ready: async () => undefined,
    })
    const head = { size: 0, root: nodeCrypto.sha256(new Uint8Array(0)) }
    const second = generateSigningKey('ml-dsa-44')
    const here = await headSigner(nodeCrypto, origin, [right, second]).sign(head, 7)
    const there = await headSigner(nodeCrypto, origin, [distant(right), second]).sign(head, 7)
    expect([there.note.text, there.note.signatures[0]]).toEqual([here.note.text, here.note.signatures[0]])
    await expect(headSigner(nodeCrypto, origin, [distant(wrong), second]).sign(head, 7)).rejects.toThrow(
      KeyRefusedError,
    )
  })
})
