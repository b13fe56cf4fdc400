/**
 * A Docker daemon of this checkout's own for as long as one command runs:
 *
 *     node scripts/boot.mjs scripts/with-docker.ts SCRIPT [argument ...]
 *
 * A daemon that answers already is used as it is. Else one is started by hand in a temporary folder, without bridge and firewall rules,
 * so that nothing of this machine changes; it takes root on Linux. Where no dockerd is installed, Debian's is unpacked (not installed)
 * into reports/docker. What cannot be started is said, and the command is then not run.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

const unpacked = join(import.meta.dirname, '..', 'reports', 'docker')
const searchPath = [process.env['PATH'], join(unpacked, 'usr/sbin'), join(unpacked, 'usr/bin')].join(delimiter)
const environment = { ...process.env, PATH: searchPath }
const longestStartMs = 60_000

interface Daemon {
  readonly host: string
  stop(): Promise<void>
}

function answers(host: string | undefined): boolean {
  const env = host === undefined ? environment : { ...environment, DOCKER_HOST: host }
  return spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { env, stdio: 'ignore' }).status === 0
}

function has(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', program], { env: environment, stdio: 'ignore' }).status === 0
}

/** Debian's dockerd and containerd, beside what is installed. */
function unpackDebian(): void {
  const packages = mkdtempSync(join(tmpdir(), 'samebits-docker-'))
  try {
    const download = () =>
      spawnSync('apt-get', ['download', '-qq', 'docker.io', 'containerd'], { cwd: packages, stdio: 'ignore' })
    if (download().status !== 0) {
      spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
      download()
    }
    mkdirSync(unpacked, { recursive: true })
    for (const file of readdirSync(packages))
      if (file.endsWith('.deb')) execFileSync('dpkg-deb', ['--extract', join(packages, file), unpacked])
  } finally {
    rmSync(packages, { recursive: true, force: true })
  }
}

async function startDaemon(): Promise<Daemon | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'no daemon answers, and starting one takes root on Linux'
  if (!has('dockerd') && has('apt-get')) unpackDebian()
  if (!has('dockerd') || !has('docker')) return 'docker is not installed, and could not be fetched from Debian'
  const folder = mkdtempSync(join(tmpdir(), 'samebits-docker-'))
  const [host, logFile] = [`unix://${join(folder, 'docker.sock')}`, join(folder, 'log')]
  const log = openSync(logFile, 'w')
  const places = ['data-root', 'exec-root', 'pidfile'].map((each) => `--${each}=${join(folder, each)}`)
  const plain = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver=vfs']
  const child = spawn('dockerd', [`--host=${host}`, ...places, ...plain, '--exec-opt=native.cgroupdriver=cgroupfs'], {
    env: environment,
    stdio: ['ignore', log, log],
    detached: true, // Ctrl-C is for the command; the daemon ends after it
  })
  closeSync(log)
  const ended = Promise.race([once(child, 'exit'), once(child, 'error')]).catch(() => undefined)
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const until = performance.now() + longestStartMs
  while (child.exitCode === null && performance.now() < until && !answers(host)) await setTimeout(200)
  if (answers(host)) return { host, stop }
  const said = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join('\n') : ''
  await stop()
  return `dockerd did not start:\n${said}`
}

async function runCommand(args: readonly string[], host: string | undefined): Promise<number> {
  const env = host === undefined ? environment : { ...environment, DOCKER_HOST: host }
  const child = spawn(process.execPath, args, { env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  const [status] = (await once(child, 'exit')) as [number | null]
  return status ?? 1
}

const args = process.argv.slice(2)
if (args.length === 0) throw new Error('which script is to be run?')
const daemon = answers(process.env['DOCKER_HOST']) ? null : await startDaemon()
if (typeof daemon === 'string') console.log(`SKIPPED: ${daemon}`)
else
  try {
    process.exitCode = await runCommand(args, daemon?.host)
  } finally {
    await daemon?.stop()
  }
