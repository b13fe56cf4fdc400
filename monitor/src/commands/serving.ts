/** What commands that serve have in common. */
import { resolve } from 'node:path'
import { ProgramError, untilAborted } from '@samebits/host'
import { destination, pino } from 'pino'
import type { OperatorLog, RunningServer, ServerDeps, ServerOptions } from '../witness/server-parts.ts'
import { claimWitnessKeys, loadWitnessKeys } from '../witness/witness-keys.ts'
import { answer, type CommandIo } from './io.ts'

export interface ServingFlags {
  readonly logs: string
  readonly dataDir: string
  readonly keysDir?: string
  readonly host: string
  readonly port: string
  readonly prefix: string
  readonly monitoringUrl: string
  readonly logLevel: string
}

export type ServingOptions = Omit<ServerOptions, 'globalPerSecond' | 'maxPending' | 'limits'>

/** The options of all of them, checked. @throws ProgramError USAGE */
export function servingOptions({ cwd }: CommandIo, command: string, flags: ServingFlags): ServingOptions {
  demandPrefix(command, flags.prefix)
  return {
    dataDir: resolve(cwd, flags.dataDir),
    logList: resolve(cwd, flags.logs),
    host: flags.host,
    port: integer(command, '--port', flags.port, 0, 65_535),
    prefix: flags.prefix,
    monitoringUrl: flags.monitoringUrl,
    refreshMs: 2000,
  }
}

export function operatorOf(command: string, { logLevel }: Pick<ServingFlags, 'logLevel'>): OperatorLog {
  return pino({ level: demandLogLevel(command, logLevel), base: null }, destination({ dest: 2, sync: true }))
}

/** Starts with the keys of the folder, says where it is, and ends on request. */
export async function serveOnRequest(
  io: CommandIo,
  { host, prefix, keysDir }: ServingFlags,
  operator: OperatorLog,
  nameless: string,
  start: (deps: ServerDeps) => Promise<RunningServer>,
): Promise<void> {
  const folder = keysDir === undefined ? null : resolve(io.cwd, keysDir)
  const signers = folder === null ? [] : await loadWitnessKeys(folder)
  const claimKeys = async (stateId: string) => {
    if (folder === null || (await claimWitnessKeys(folder, stateId))) return
    operator.warn({ keysDir: folder }, 'the folder of keys is read-only: nothing ties them to this state')
  }
  const running = await start({ signers, timing: io.timing, fetch: io.fetch, operator, claimKeys })
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${running.port}${prefix}`
  const name = signers[0]?.key.name ?? nameless
  answer(io, { name, url }, [`${name} at ${url}`])
  await untilAborted(io.signal)
  await running.stop()
}

export function usage(command: string, detail: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy: `See samebits-monitor ${command} --help.` })
}

export function integer(command: string, flag: string, text: string, min: number, max: number): number {
  const value = /^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw usage(command, `${flag} is ${JSON.stringify(text)}, not a number from ${min} to ${max}`)
}

function demandPrefix(command: string, prefix: string): void {
  if (!/^(?:\/[\w.~-]+)*$/.test(prefix)) throw usage(command, `--prefix is a path such as /${command}`)
}

function demandLogLevel(command: string, level: string): string {
  if (['info', 'warn', 'error', 'silent'].includes(level)) return level
  throw usage(command, `--log-level ${level} is not known`)
}
