/**
 * A log server in a process of its own, for tests of what it signs and when: every signature is written to a file before it is
 * handed on (the tap), and its clock follows a number in another file.
 *
 *     node tapped-server-main.ts '{"options": {…}, "keysDir": …, "tap": …, "clock": …}'
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type SigningKey, signingKeyFromPem } from '@samebits/core/node'
import { type LogServerOptions, rawMode, resolveOptions, startServer } from '@samebits/log-server'

export interface ServerSetup {
  readonly options: Partial<LogServerOptions>
  readonly keysDir: string
  /** One line a signature: its message in base64. */
  readonly tap: string
  /** Seconds that this process's clock is wrong by; missing for none. */
  readonly clock: string
}

const setup = JSON.parse(process.argv[2] ?? '') as ServerSetup

function tapped(key: SigningKey): SigningKey {
  return {
    ...key,
    sign(message) {
      appendFileSync(setup.tap, `${Buffer.from(message).toString('base64')}\n`)
      return key.sign(message)
    },
  }
}

const keys = ['ed25519.pem', 'ml-dsa-44.pem'].map((name) =>
  tapped(signingKeyFromPem(readFileSync(join(setup.keysDir, name), 'utf8'))),
)
const wrongBy = () => (existsSync(setup.clock) ? Number(readFileSync(setup.clock, 'utf8')) : 0)
const say = (level: string) => (fields: object, message: string) =>
  void process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`)
const quiet = () => undefined

const options = { ...resolveOptions({ file: null, environment: {}, flags: {} }), ...setup.options }
const server = await startServer(options, rawMode, {
  keys,
  fetch,
  operator: { debug: quiet, info: quiet, warn: say('warn'), error: say('error') },
  timing: {
    now: () => Math.floor(Date.now() / 1000) + wrongBy(),
    clock: () => performance.now(),
    defer: setImmediate,
    after(milliseconds, work) {
      const timer = setTimeout(work, milliseconds)
      return () => clearTimeout(timer)
    },
  },
})
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.port}` })}\n`)
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)))
