import { Command } from 'commander'
import { defaultLimits } from '../http/server-http.ts'
import { startWitness } from '../witness/witness-server.ts'
import type { CommandIo } from './io.ts'
import { integer, operatorOf, type ServingFlags, serveOnRequest, servingOptions } from './serving.ts'

const help = `
The log list is the witness network's format; a log with two keys stands there twice:

  logs/v0
  vkey example.com/log+2a5d21f9+AQ…
  origin none
  qpd 86400
  contact sysadmin (at) example.com

It is read again when it changes. Signed checkpoints that do not fit are kept in DATA/evidence.`

interface Flags extends ServingFlags {
  readonly requestsPerSecond: string
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
  const options = {
    ...servingOptions(io, command, flags),
    globalPerSecond: integer(command, '--requests-per-second', flags.requestsPerSecond, 1, 1_000_000),
    maxPending: 10_000,
    limits: defaultLimits,
  }
  const operator = operatorOf(command, flags)
  if (flags.monitoringUrl === '')
    operator.warn({}, 'no --monitoring-url: a restored backup of this state would not be noticed; never restore one')
  await serveOnRequest(io, flags, operator, '', (deps) => startWitness(options, deps))
}
