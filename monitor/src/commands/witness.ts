import { resolve } from 'node:path'
import { Command } from 'commander'
import { destination, pino } from 'pino'
import { defaultLimits } from '../http/server-http.ts'
import { claimWitnessKeys, loadWitnessKeys } from '../witness/witness-keys.ts'
import { startWitness } from '../witness/witness-server.ts'
import { answer, type CommandIo } from './io.ts'
import { demandLogLevel, demandPrefix, integer, untilAborted } from './serving.ts'

const help = `
The log list is the witness network's format; a log with two keys stands there twice:

  logs/v0
  vkey example.com/log+2a5d21f9+AQ…
  origin none
  qpd 86400
  contact sysadmin (at) example.com

It is read again when it changes. Signed checkpoints that do not fit are kept in DATA/evidence.`

interface Flags {
  readonly logs: string
  readonly dataDir: string
  readonly keysDir: string
  readonly host: string
  readonly port: string
  readonly prefix: string
  readonly monitoringUrl: string
  readonly requestsPerSecond: string
  readonly logLevel: string
}

export function witnessCommand(io: CommandIo): Command {
  return new Command('witness')
    .description('cosign the checkpoints of the listed logs, as long as each only grows (C2SP tlog-witness)')
    .requiredOption('--logs <FILE>', 'which logs are cosigned: a logs/v0 list')
    .option('--data-dir <DIR>', 'folder of the state and of what did not fit', 'data')
    .option('--keys-dir <DIR>', 'folder that keygen wrote', 'keys')
    .option('--host <ADDRESS>', 'address to listen on', '127.0.0.1')
    .option('--port <N>', 'port to listen on; 0 lets the system choose', '2026')
    .option('--prefix <PATH>', 'submission and monitoring prefix', '/witness')
    .option(
      '--monitoring-url <URL>',
      'where the monitoring copies are published; compared before anything is signed',
      '',
    )
    .option('--requests-per-second <N>', 'requests over all logs; each log has its qpd besides', '2000')
    .option('--log-level <NAME>', 'what is written to standard error: info, warn, error, silent', 'info')
    .addHelpText('after', help)
    .action((flags: Flags) => serve(io, flags))
}

async function serve(io: CommandIo, flags: Flags): Promise<void> {
  const command = 'witness'
  demandPrefix(command, flags.prefix)
  const level = demandLogLevel(command, flags.logLevel)
  const operator = pino({ level, base: null }, destination({ dest: 2, sync: true }))
  const keysDir = resolve(io.cwd, flags.keysDir)
  const signers = await loadWitnessKeys(keysDir)
  const options = {
    dataDir: resolve(io.cwd, flags.dataDir),
    logList: resolve(io.cwd, flags.logs),
    host: flags.host,
    port: integer(command, '--port', flags.port, 0, 65_535),
    prefix: flags.prefix,
    monitoringUrl: flags.monitoringUrl,
    globalPerSecond: integer(command, '--requests-per-second', flags.requestsPerSecond, 1, 1_000_000),
    maxPending: 10_000,
    refreshMs: 2000,
    limits: defaultLimits,
  }
  const claimKeys = async (stateId: string) => {
    const claimed = await claimWitnessKeys(keysDir, stateId)
    if (!claimed) operator.warn({ keysDir }, 'the folder of keys is read-only: nothing ties them to this state')
  }
  if (flags.monitoringUrl === '')
    operator.warn({}, 'no --monitoring-url: a restored backup of this state would not be noticed; never restore one')
  const running = await startWitness(options, { signers, timing: io.timing, fetch: io.fetch, operator, claimKeys })
  const url = `http://${flags.host.includes(':') ? `[${flags.host}]` : flags.host}:${running.port}${flags.prefix}`
  const name = signers[0]?.key.name ?? ''
  answer(io, { name, url }, [`${name} at ${url}`])
  await untilAborted(io.signal)
  await running.stop()
}
