/**
 * Network namespaces of their own for the parts of a test (`ip netns`, where the machine lets us): each reaches the outside by one wire
 * alone, and what it finds at an address of its own loopback is what the test puts there. Where the machine has none, every part
 * runs on the one loopback, at addresses of its own.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

export interface Place {
  /** Runs a program there. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess
  /** Makes what listens outside at `url` reachable there; returns the URL by which it is, the same in every place for one `port`. */
  reach(url: string, port: number): Promise<string>
  /** The URL by which the outside reaches what listens there on all addresses at `port`. */
  outside(port: number): string
  /** The outside's own address on the wire to this place: where servers for it listen. */
  readonly host: string
  close(): Promise<void>
}

/** Why there are no namespaces here, or null. */
export function missingNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are of Linux'
  const name = `sb-try-${process.pid}`
  const added = spawnSync('ip', ['netns', 'add', name])
  if (added.status !== 0) return 'ip netns add is not allowed here'
  const wired = spawnSync('ip', [
    'link',
    'add',
    `sbt${process.pid % 10_000}`,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    name,
  ])
  spawnSync('ip', ['netns', 'del', name])
  return wired.status === 0 ? null : 'virtual wires are not allowed here'
}

const forwarder = `
const [port, host, to] = process.argv.slice(1)
require('node:net').createServer((client) => {
  const server = require('node:net').connect(Number(to), host)
  client.pipe(server).pipe(client)
  for (const end of [client, server]) end.on('error', () => { client.destroy(); server.destroy() })
}).listen(Number(port), '127.0.0.1', () => process.stdout.write('up'))`

/** A namespace with one wire. @param number different for each, 0 to 60 */
export async function namespace(number: number): Promise<Place> {
  const name = `sb-${process.pid}-${number}`
  const link = `sb${process.pid % 100_000}n${number}`
  const net = `10.213.${(process.pid % 60) * 4 + (number >> 6)}.${(number % 64) * 4}`
  const at = (offset: number) => net.replace(/\d+$/, (last) => String(Number(last) + offset))
  const [host, inside] = [at(1), at(2)]
  ip('netns', 'add', name)
  const inNamespace = (...args: string[]) => ip('netns', 'exec', name, 'ip', ...args)
  ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  ip('addr', 'add', `${host}/30`, 'dev', link)
  ip('link', 'set', link, 'up')
  inNamespace('addr', 'add', `${inside}/30`, 'dev', 'eth0')
  inNamespace('link', 'set', 'eth0', 'up')
  inNamespace('link', 'set', 'lo', 'up')
  const running: ChildProcess[] = []
  const start: Place['spawn'] = (command, args, options) => {
    const child = spawn('ip', ['netns', 'exec', name, command, ...args], options)
    running.push(child)
    return child
  }
  return {
    spawn: start,
    host,
    outside: (port) => `http://${inside}:${port}`,
    async reach(url, port) {
      const target = new URL(url)
      const args = ['-e', forwarder, String(port), target.hostname, target.port]
      const child = start(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = once(child, 'exit').then(() => {
        throw new Error(`nothing can listen at ${port} there`)
      })
      if (child.stdout !== null) await Promise.race([once(child.stdout, 'data'), ended])
      ended.catch(() => undefined)
      return `http://127.0.0.1:${port}${target.pathname.replace(/\/$/, '')}`
    },
    async close() {
      await Promise.all(running.map(end))
      ip('netns', 'del', name)
    },
  }
}

/** The one loopback. */
export function loopbackPlace(): Place {
  const running: ChildProcess[] = []
  return {
    host: '127.0.0.1',
    spawn(command, args, options) {
      const child = spawn(command, args, options)
      running.push(child)
      return child
    },
    reach: async (url) => url,
    outside: (port) => `http://127.0.0.1:${port}`,
    async close() {
      await Promise.all(running.map(end))
    },
  }
}

/** Carries connections from a port of `host` to another address, so that one place reaches what listens in another. */
export async function bridge(host: string, url: string): Promise<{ readonly url: string; close(): void }> {
  const { connect } = await import('node:net')
  const target = new URL(url)
  const server = createServer((client) => {
    const far = connect(Number(target.port), target.hostname)
    client.pipe(far).pipe(client)
    for (const side of [client, far])
      side.on('error', () => {
        client.destroy()
        far.destroy()
      })
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a port')
  return { url: `http://${host}:${address.port}`, close: () => void server.close() }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
