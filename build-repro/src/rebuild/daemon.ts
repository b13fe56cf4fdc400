/**
 * The rebuilder as a daemon: looks at every log now and then, builds what has no vote of its own yet, at most so many at a time, and
 * goes on until it is told to stop. Everything that matters is on disk or in the log at every moment: it may be killed anywhere.
 */
import { ProgramError, visible } from '@samebits/host'
import { lacksQuorum } from '../follow.ts'
import type { Machine } from '../machine.ts'
import { asTrouble, type Trouble } from '../trouble.ts'
import type { Board, JobStatus } from './board.ts'
import { type Job, jobsOf, type LoggedOwnVote, ownVote } from './job.ts'
import { afterTrouble, type JobRecord, type JobStore } from './job-store.ts'
import type { FollowedProduct } from './product.ts'
import type { RebuilderEvents } from './rebuilder-metrics.ts'
import { type JobVote, type Rebuilder, runJob } from './run-job.ts'

export interface DaemonParts {
  readonly rebuilder: Rebuilder
  readonly products: readonly FollowedProduct[]
  readonly jobs: JobStore
  readonly machine: Machine
  readonly board: Board
  readonly events: RebuilderEvents
  /** Builds at one time. */
  readonly concurrency: number
  readonly everySeconds: number
}

interface Due {
  readonly product: FollowedProduct
  readonly job: Job
  readonly record: JobRecord
}

/** How long a daemon sleeps at most while a job waits for its time, in milliseconds. */
const tickMs = 1000

/** Runs until the signal is aborted; then ends what was begun, and returns. */
export async function runDaemon(parts: DaemonParts, signal: AbortSignal): Promise<void> {
  const { machine, everySeconds, concurrency } = parts
  const running = new Map<string, Promise<void>>()
  const halted = new Set<string>()
  let known: readonly Due[] = []
  let nextLook = machine.elapsedMs()
  while (!signal.aborted) {
    if (machine.elapsedMs() >= nextLook) {
      const followed = parts.products.filter(({ name }) => !halted.has(name))
      known = (await Promise.all(followed.map((product) => look(parts, product, halted, signal)))).flat()
      nextLook = machine.elapsedMs() + everySeconds * 1000
    }
    for (const due of known) {
      if (running.size >= concurrency) break
      if (running.has(due.job.id) || !isDue(parts, due)) continue
      const work = attempt(parts, due, signal).finally(() => running.delete(due.job.id))
      running.set(due.job.id, work)
    }
    await pause(parts, running, nextLook, signal)
  }
  await Promise.all(running.values())
}

/** Until the next look, the next second, or the end of a job, whichever comes first. */
async function pause(
  { machine }: DaemonParts,
  running: ReadonlyMap<string, Promise<void>>,
  nextLook: number,
  signal: AbortSignal,
): Promise<void> {
  const waitMs = Math.min(tickMs, Math.max(1, nextLook - machine.elapsedMs()))
  const slept = machine.sleep(waitMs, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  await Promise.race([slept, ...running.values()])
}

/** What a product's log asks for now; nothing where it cannot be read now. */
async function look(
  { rebuilder, jobs, machine, board, events }: DaemonParts,
  product: FollowedProduct,
  halted: Set<string>,
  signal: AbortSignal,
): Promise<readonly Due[]> {
  const { name, log } = product
  try {
    const { view, history, tree } = await product.now(lacksQuorum)
    board.product({
      product: name,
      log: log.origin,
      size: tree.size,
      lookedAt: machine.now(),
      trouble: null,
      halted: false,
    })
    events.looked(name, tree.size, machine.now())
    const due: Due[] = []
    for (const job of jobsOf(view)) {
      const vote = ownVote(history, rebuilder.key.keyid, job)
      const record = await jobs.read(job.id)
      if (board.jobNow(job.id)?.state !== 'building') board.job(statusOf(job, record, vote))
      if (vote === null) due.push({ product, job, record })
    }
    return due
  } catch (error) {
    if (signal.aborted) return []
    const { code, detail } = asTrouble(error)
    const isFork = error instanceof ProgramError && error.exitCode === 11
    if (isFork) halted.add(name)
    machine.say(`${name}: ${code}: ${visible(detail)}`)
    events.lookFailed(name, code)
    const { size = null, lookedAt = null } = board.productNow(name) ?? {}
    board.product({ product: name, log: log.origin, size, lookedAt, trouble: { code, detail }, halted: isFork })
    return []
  }
}

function isDue({ machine, board }: DaemonParts, { job }: Due): boolean {
  const status = board.jobNow(job.id)
  if (status?.state === 'positive' || status?.state === 'negative') return false
  return (status?.retryAt ?? 0) <= machine.now()
}

/** One try at one job. Never rejects. */
async function attempt(parts: DaemonParts, { product, job, record }: Due, signal: AbortSignal): Promise<void> {
  const { rebuilder, jobs, machine, board, events } = parts
  const before = await jobs.read(job.id).catch(() => record)
  const { version, channel } = job.release.statement
  const name = `${job.product} ${version} (${channel})`
  board.job({ ...statusOf(job, before, null), state: 'building' })
  machine.say(`${name}: building`)
  const started = machine.elapsedMs()
  try {
    const vote = await runJob(rebuilder, product, job, false, signal)
    board.job(statusOf(job, before, vote))
    events.voted(job.product, vote.says, (machine.elapsedMs() - started) / 1000)
    machine.say(`${name}: ${told(vote)}`)
  } catch (error) {
    if (signal.aborted) {
      board.job(statusOf(job, before, null))
      return
    }
    const trouble = asTrouble(error)
    const after = afterTrouble(before, trouble, machine.now(), machine.random())
    await jobs.write(job.id, after).catch((error: unknown) => {
      machine.say(`${name}: ${asTrouble(error).message}`) // it is then tried again sooner
    })
    board.job(statusOf(job, after, null))
    events.failed(job.product, trouble.whose, trouble.code)
    machine.say(`${name}: ${toldTrouble(trouble, after.retryAt - machine.now())}`)
  }
}

function told({ says, index, different, folder }: JobVote): string {
  if (says === 'positive') return `the same bits; entry ${index} says so`
  const where = folder === null ? '' : `; logs and outputs are in ${folder}`
  return `OTHER BITS${different.length === 0 ? '' : `: ${different.join(', ')}`}; entry ${index} says so${where}`
}

function toldTrouble({ whose, code, detail }: Trouble, seconds: number): string {
  const what = whose === 'ours' ? 'not built' : 'cannot be built, and is not voted on'
  return `${what}: ${code}: ${visible(detail)}; again in ${seconds} s`
}

function statusOf(job: Job, { attempts, retryAt, trouble }: JobRecord, vote: LoggedOwnVote | null): JobStatus {
  const { id, statement } = job.release
  const state = vote?.says ?? (trouble === null ? 'waiting' : trouble.whose === 'ours' ? 'retrying' : 'unbuildable')
  return {
    job: job.id,
    product: job.product,
    release: id,
    version: statement.version,
    channel: statement.channel,
    artifacts: job.build.artifacts,
    state,
    index: vote?.index ?? null,
    different: vote?.different ?? [],
    attempts,
    retryAt: vote === null && trouble !== null ? retryAt : null,
    trouble: vote === null ? trouble : null,
  }
}
