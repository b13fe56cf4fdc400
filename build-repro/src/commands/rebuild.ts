import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { acquireLock, closeServer, listen, ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { findEngine } from '../engines/find-engine.ts'
import { createStatusServer } from '../http/status-http.ts'
import { readStatementKey } from '../keygen.ts'
import { createBoard } from '../rebuild/board.ts'
import { type RebuilderConfig, readRebuilderConfig, rebuilderConfigName } from '../rebuild/config.ts'
import { runDaemon } from '../rebuild/daemon.ts'
import { jobStore } from '../rebuild/job-store.ts'
import { type OnceResult, rebuildOnce } from '../rebuild/once.ts'
import { type FollowedProduct, followProduct } from '../rebuild/product.ts'
import { createRebuilderMetrics } from '../rebuild/rebuilder-metrics.ts'
import type { Rebuilder } from '../rebuild/run-job.ts'
import { voteStore } from '../rebuild/vote-store.ts'
import { defaultLimits } from '../retry.ts'
import { answer, type CommandIo } from './io.ts'

interface Flags {
  readonly config: string
  readonly once?: string
  readonly again?: true
  readonly engine?: string
  readonly host: string
  readonly port: string
  readonly http: boolean
}

const help = `
Without --once it follows the logs, builds every release that has no vote of this rebuilder's yet, and serves a status page at
--host and --port. A build that does not come to an end is never a vote.

exit with --once: 0 the same bits, 10 other bits or not to be built, 20 not now: run it again`

/** @param exit takes the command's exit status */
export function rebuildCommand(io: CommandIo, version: string, exit: (status: number) => void): Command {
  return new Command('rebuild')
    .description('build releases again from their logged source, and log what came out')
    .option('--config <FILE>', 'who rebuilds what', rebuilderConfigName)
    .option('--once <RELEASE>', 'one release, by its id or version, and end')
    .option('--again', 'with --once: vote although this rebuilder has voted')
    .option('--engine <NAME>', "podman, docker or host (never a vote); default: the configuration's, or what is there")
    .option('--host <ADDRESS>', 'address of the status page', '127.0.0.1')
    .option('--port <N>', 'its port; 0 lets the system choose', '2027')
    .option('--no-http', 'no status page')
    .addHelpText('after', help)
    .action(async (flags: Flags) => exit(await rebuild(io, version, flags)))
}

async function rebuild(io: CommandIo, version: string, flags: Flags): Promise<number> {
  const config = await readRebuilderConfig(io.cwd, flags.config)
  const port = checkPort(flags.port)
  await mkdir(config.state, { recursive: true, mode: 0o700 })
  const lock = acquireLock(join(config.state, 'lock'))
  if (lock === null)
    throw new ProgramError({
      code: 'BUSY',
      detail: `another rebuilder works in ${config.state}`,
      remedy: 'Stop it first, or give this one a state folder and a key of its own.',
      exitCode: 20,
    })
  try {
    await sweepScratch(io, config)
    const rebuilder = await openRebuilder(io, config, version, flags.engine ?? config.engine)
    if (flags.once === undefined) return await serve(io, config, rebuilder, { ...flags, port })
    const products = await followAll(io, config, defaultLimits)
    const result = await rebuildOnce(
      rebuilder,
      products,
      { wanted: flags.once, again: flags.again === true },
      io.signal,
    )
    return tell(io, result)
  } finally {
    lock.release()
  }
}

/** What a rebuilder that was killed left of its builds. */
async function sweepScratch({ machine }: CommandIo, { state }: RebuilderConfig): Promise<void> {
  const scratch = join(state, 'scratch')
  await rm(scratch, { recursive: true, force: true }).catch((error: Error) => {
    machine.say(
      `what an earlier build left in ${scratch} cannot be removed (${error.message}); it can be deleted by hand`,
    )
  })
  await mkdir(scratch, { recursive: true })
}

async function openRebuilder(
  io: CommandIo,
  config: RebuilderConfig,
  version: string,
  engineName: string | null,
): Promise<Rebuilder> {
  const { environment, machine, signal } = io
  const newName = () => `samebits-${randomUUID()}`
  const engine = await findEngine(engineName, { environment, newName }, signal)
  if (!engine.isolates)
    throw new ProgramError({
      code: 'NOT_ATTESTABLE',
      detail: 'builds on this machine itself, without a container, are never votes',
      remedy: 'Rebuild with --engine podman or docker; samebits-build check --engine host is for a first look.',
      exitCode: 10,
    })
  const { state, path, images, protocols, confirm } = config
  return {
    engine,
    environment,
    state,
    path,
    images,
    protocols,
    confirm,
    now: () => machine.now(),
    say: (line) => machine.say(line),
    key: await readStatementKey(config.key),
    identity: { id: config.builder, version },
    votes: voteStore(join(state, 'votes')),
  }
}

async function followAll(
  { machine, signal }: CommandIo,
  { products, state }: RebuilderConfig,
  limits: typeof defaultLimits,
): Promise<readonly FollowedProduct[]> {
  const parts = { machine, signal, limits, state }
  const followed: FollowedProduct[] = []
  for (const [name, product] of products) {
    await mkdir(join(state, 'products', name.replaceAll('/', '_')), { recursive: true })
    followed.push(await followProduct(name, product, parts))
  }
  return followed
}

/** A daemon asks again by itself: one look need not wait long for a log that is down. */
const patience = { ...defaultLimits, totalMs: 30_000 }

async function serve(
  io: CommandIo,
  config: RebuilderConfig,
  rebuilder: Rebuilder,
  { host, port, http }: { readonly host: string; readonly port: number; readonly http: boolean },
): Promise<number> {
  const { machine, signal } = io
  const { builder, jobs: concurrency, everySeconds, state } = config
  const engine = `${rebuilder.engine.name} ${rebuilder.engine.version}`
  const board = createBoard({ builder, engine, startedAt: machine.now() })
  const metrics = createRebuilderMetrics(board)
  const products = await followAll(io, config, patience)
  const server = http ? createStatusServer({ board, metrics, now: () => machine.now() }) : null
  const url = server === null ? null : `http://${bracketed(host)}:${await listen(server, host, port)}/`
  answer(io, { builder, engine, url, products: products.map(({ name }) => name) }, [
    `rebuilding ${products.map(({ name }) => name).join(', ')} with ${engine}${url === null ? '' : `; status at ${url}`}`,
  ])
  try {
    const jobs = jobStore(join(state, 'jobs'))
    await runDaemon(
      { rebuilder, products, jobs, machine, board, events: metrics.events, concurrency, everySeconds },
      signal,
    )
  } finally {
    if (server !== null) await closeServer(server, 1000)
  }
  machine.say('stopped')
  return 0
}

function tell(io: CommandIo, result: OnceResult): number {
  const lines = result.votes.map(({ job, says, index, different, folder }) =>
    says === 'positive'
      ? `the same bits: ${job}, entry ${index}`
      : `OTHER BITS: ${different.join(', ')} (${job}), entry ${index}${folder === null ? '' : `; logs and outputs are in ${folder}`}`,
  )
  answer(io, result, lines)
  return result.votes.every(({ says }) => says === 'positive') ? 0 : 10
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function checkPort(text: string): number {
  const port = /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new ProgramError({ code: 'USAGE', detail: `"${text}" is no port`, remedy: 'Give --port from 0 to 65535.' })
}
