import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { equalBytes, FormatError, formatVkey, parseTrust, type Trust, TrustError } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { acquireLock, ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { createLog } from '../create-log.ts'
import { dataDir, exists } from '../data-dir.ts'
import { originIn } from '../frozen/freeze-log.ts'
import { readMarker } from '../marker.ts'
import type { LogServerOptions } from '../options.ts'
import { handOut, writeHandOut } from '../rotation/hand-out.ts'
import { type Plan, planPath, readPlan, type SuccessorPlan, stepNames, writePlan } from '../rotation/plan.ts'
import { type Progress, type RotationWork, rotate } from '../rotation/rotate.ts'
import { copiesBeforeInit } from '../witnesses/open-witnesses.ts'
import { freeze } from './freeze.ts'
import { answer, type CommandIo } from './io.ts'
import { demandOrigin, ensureKeys, loadKeys, signerFor } from './keys.ts'
import { addOptions, readOptions } from './shared-options.ts'

const help = `
Give it the options that serve gets, or the same configuration file, and those of the successor the first time:
  samebits-log rotate --config log.json --url https://log.example.com/ --to-origin example.com/log2027 \\
    --to-url https://log2027.example.com/ --to-keys-dir keys-2027 --to-data-dir data-2027
Then run samebits-log rotate --config log.json again and again. Each time it does what can be done, tells who must do what next,
and keeps in rotation.json how far it has come; it may be interrupted anywhere:
  keys      the successor's keys are made
  hand-out  its configuration, policy and admission file, and what others need, are derived from this log, in its data folder
  init      it begins
  served    you serve it, and its witnesses know it
  moved     the authority of each product signs the trust version that names it (docs/trust.md)
  frozen    this log ends, for ever: only once you stopped its server and said --confirm
  told      it is served again, and sends writers to the successor
Exit status: 0 all is done, 20 it waits for somebody, and says for whom.`

interface Flags extends Record<string, unknown> {
  readonly url?: string
  readonly toOrigin?: string
  readonly toUrl?: string
  readonly toKeysDir?: string
  readonly toDataDir?: string
  readonly toDatabase?: string
  readonly toPolicy?: string
  readonly trust: readonly string[]
  readonly leaveBehind: readonly string[]
  readonly confirm?: string
}

/** @param exit takes the command's exit status */
export function rotateCommand(io: CommandIo, exit: (status: number) => void): Command {
  const collect = (value: string, all: readonly string[]) => [...all, value]
  const command = new Command('rotate')
    .description('replace a log by a successor, step by step: keys, witnesses, the trust of each product, and its end')
    .option('--url <URL>', 'where this log is served')
    .option('--to-origin <NAME>', 'name of the successor')
    .option('--to-url <URL>', 'where the successor will be served')
    .option('--to-keys-dir <DIR>', 'folder for its keys')
    .option('--to-data-dir <DIR>', 'its data folder')
    .option('--to-database <URL>', 'its PostgreSQL database, where it is to be in one')
    .option('--to-policy <FILE>', 'a policy with other witnesses for it; its log line is replaced')
    .option('--trust <FILE>', 'a next trust file that the owner of a product proposed; may be repeated', collect, [])
    .option('--leave-behind <PRODUCT>', 'do not wait for this product; may be repeated', collect, [])
    .option('--confirm <ORIGIN>', 'the name of this log, to freeze it once everybody is led away: there is no way back')
    .addHelpText('after', help)
  return addOptions(command).action(async (flags: Flags) => {
    const { url, toOrigin, toUrl, toKeysDir, toDataDir, toDatabase, toPolicy, trust, leaveBehind, confirm, ...given } =
      flags
    const options = await readOptions(io, given)
    const log = await originIn(options.dataDir)
    if (confirm !== undefined && confirm !== log) throw usage(`--confirm ${confirm}, and the log is ${log}`)
    const lock = acquireLock(join(options.dataDir, 'rotation.lock'))
    if (lock === null) throw usage('this log is being rotated by another process')
    try {
      const wanted = { toOrigin, toUrl, toKeysDir, toDataDir, toDatabase, toPolicy, url }
      const plan = await planOf(io, options, log, wanted)
      const proposals = await Promise.all(trust.map((path) => readTrust(resolve(io.cwd, path))))
      const progress = await rotate(
        {
          folder: options.dataDir,
          hasProducts: options.mode === 'product',
          eyes: { fetch: io.fetch, timeoutMs: 10_000 },
          pause: (milliseconds) => new Promise((resolve) => void io.timing.after(milliseconds, () => resolve())),
          work: workOf(io, options, plan, leaveBehind),
          trust: proposals,
          ...{ leaveBehind, confirmed: confirm !== undefined, now: io.timing.now },
        },
        plan,
      )
      tell(io, progress)
      exit(progress.waits === null ? 0 : 20)
    } finally {
      lock.release()
    }
  })
}

type Wanted = Partial<
  Record<'url' | 'toOrigin' | 'toUrl' | 'toKeysDir' | 'toDataDir' | 'toDatabase' | 'toPolicy', string | undefined>
>

/** The plan that was begun, or the one that the flags make. What was begun is not changed by flags. */
async function planOf(io: CommandIo, options: LogServerOptions, log: string, wanted: Wanted): Promise<Plan> {
  const path = (given: string | undefined) => (given === undefined || given === '' ? given : resolve(io.cwd, given))
  const flags: Partial<SuccessorPlan> = Object.fromEntries(
    Object.entries({
      ...{
        origin: wanted.toOrigin,
        url: wanted.toUrl,
        keysDir: path(wanted.toKeysDir),
        dataDir: path(wanted.toDataDir),
      },
      ...{ database: wanted.toDatabase, policy: path(wanted.toPolicy) },
    }).filter(([, value]) => value !== undefined),
  )
  const begun = await readPlan(options.dataDir)
  if (begun !== null) {
    const other = Object.entries({ ...begun.successor, ...flags }).find(
      ([name, value]) => begun.successor[name as keyof SuccessorPlan] !== value,
    )
    if (other !== undefined || begun.log !== log)
      throw usage(`${planPath(options.dataDir)} is of another rotation (${other?.[0] ?? 'log'})`)
    return wanted.url === undefined ? begun : { ...begun, url: wanted.url }
  }
  const { origin, url, keysDir, dataDir: folder, database = '', policy = '' } = flags
  if (!wanted.url || !origin || !url || !keysDir || !folder)
    throw usage(
      'no rotation was begun here, and --url, --to-origin, --to-url, --to-keys-dir and --to-data-dir are not all given',
    )
  checkSuccessorPlan(options, log, { origin, keysDir, dataDir: folder })
  for (const each of [wanted.url, url]) if (!URL.canParse(each)) throw usage(`${JSON.stringify(each)} is no URL`)
  const plan: Plan = {
    ...{ log, url: wanted.url, done: {} },
    successor: { origin, url, keysDir, dataDir: folder, database, policy },
  }
  await writePlan(options.dataDir, plan)
  return plan
}

/** A log's keys live as long as its name, and nothing of it may be touched by another one. */
function checkSuccessorPlan(
  options: LogServerOptions,
  log: string,
  { origin, keysDir, dataDir: folder }: Pick<SuccessorPlan, 'origin' | 'keysDir' | 'dataDir'>,
): void {
  demandOrigin(origin)
  if (origin === log) throw usage('the successor has the name of this log')
  if (keysDir === options.keysDir || folder === options.dataDir) throw usage('the successor has a folder of this log')
}

function workOf(
  io: CommandIo,
  options: LogServerOptions,
  { successor }: Plan,
  leaveBehind: readonly string[],
): RotationWork {
  const files = handOut(successor)
  const policy = async () => ((await exists(files.policy)) ? readFile(files.policy, 'utf8') : null)
  const signer = async () => signerFor(successor.origin, await successorKeys(io, options, successor))
  return {
    policy,
    keys: async () => (await signer()).keys.map(formatVkey),
    handOut: (vkeys, trust) => writeHandOut({ options, successor, vkeys, trust }),
    async init() {
      const own = await signer()
      const { dataDir: folder, database } = successor
      const given = { ...options, dataDir: folder, database, policy: (await policy()) === null ? '' : files.policy }
      const copies = await copiesBeforeInit(given, { signer: own, fetch: io.fetch })
      const { databaseTimeoutMs } = options
      const { fetch, timing } = io
      const made = {
        dataDir: folder,
        database,
        databaseTimeoutMs,
        signer: own,
        publishedUrl: '',
        copies,
        fetch,
        now: timing.now,
      }
      await createLog(made).catch(async (error: unknown) => {
        // Busy: it is served already.
        const isThere = error instanceof ProgramError && (error.code === 'LOG_EXISTS' || error.code === 'LOG_BUSY')
        if (!isThere || !(await isBegun(successor, own.open))) throw error
      })
    },
    async freeze(next) {
      await freeze(io, options, { successor: next, leaveBehind })
    },
  }
}

/** Keys of its own: one that this log has signed with would let the two speak for each other. */
async function successorKeys(io: CommandIo, options: LogServerOptions, { keysDir }: SuccessorPlan) {
  const keys = await ensureKeys(keysDir)
  const own = await loadKeys(io, options)
  if (!keys.some((key) => own.some((other) => equalBytes(key.publicKey, other.publicKey)))) return keys
  throw usage(`${keysDir} holds a key of this log`)
}

/** Whether an earlier run made the successor. */
async function isBegun({ dataDir: folder, origin }: SuccessorPlan, open: (text: string) => unknown): Promise<boolean> {
  const { marker } = dataDir(folder)
  if (!(await exists(marker))) return false
  const there = await originIn(folder)
  if (there !== origin) throw usage(`${folder} holds the log ${there}`)
  open((await readMarker(marker)).checkpoint)
  return true
}

async function readTrust(path: string): Promise<Trust> {
  try {
    return parseTrust(nodeCrypto, Uint8Array.from(await readFile(path)))
  } catch (cause) {
    if (!(cause instanceof TrustError) && !(cause instanceof FormatError)) throw cause
    const remedy = 'Name a trust file that samebits-build trust propose wrote.'
    throw new ProgramError({ code: 'TRUST_INVALID', detail: `${path}: ${cause.detail}`, remedy, cause })
  }
}

function tell(io: CommandIo, { plan, waits }: Progress): void {
  const { log, successor, done } = plan
  const lines = stepNames.flatMap((step) => {
    if (done[step] !== undefined) return [`done   ${step}`]
    if (step !== waits?.step) return [`later  ${step}`]
    return [`now    ${step}: ${waits.why}`, ...waits.todo.map((todo) => `       ${todo}`)]
  })
  const end = waits === null ? [`${log} has ended, and ${successor.origin} goes on at ${successor.url}`] : []
  answer(io, { log, successor, done, waits }, [...lines, ...end])
}

function usage(detail: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy: 'Run samebits-log rotate --help.' })
}
