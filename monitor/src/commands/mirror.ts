import { Command } from 'commander'
import { defaultLimits } from '../http/server-http.ts'
import { startMirror } from '../mirror/mirror-server.ts'
import type { CommandIo } from './io.ts'
import { integer, operatorOf, type ServingFlags, serveOnRequest, servingOptions, usage } from './serving.ts'

const help = `
A mirror has a name and keys of its own, which no witness has:
  samebits-monitor keygen --name mirror.example.com/m1 --keys-dir mirror-keys
  samebits-monitor mirror --logs logs.txt --keys-dir mirror-keys

Logs upload to it (add-checkpoint, add-entries), or it fetches by itself:
  samebits-monitor mirror --logs logs.txt --follow https://log.example.com/

Without --keys-dir it is a copy: verified, served, and signed by nobody but the log and its witnesses.
Stopped or killed, it goes on where it was. The log list is as for a witness.`

interface Flags extends ServingFlags {
  readonly follow: readonly string[]
  readonly pollSeconds: string
}

export function mirrorCommand(io: CommandIo): Command {
  return new Command('mirror')
    .description('keep verified copies of logs, serve them, and say so with keys of its own (C2SP tlog-mirror)')
    .requiredOption('--logs <FILE>', 'which logs are accepted: a logs/v0 list')
    .option('--data-dir <DIR>', 'folder of the state: the copies', 'data')
    .option('--keys-dir <DIR>', 'folder that keygen wrote; without it nothing is signed and nothing is taken')
    .option('--follow <URL>', 'prefix of a log to fetch from; may be repeated', gather, [])
    .option('--poll-seconds <N>', 'how often a followed log is looked at', '30')
    .option('--host <ADDRESS>', 'address to listen on', '127.0.0.1')
    .option('--port <N>', 'port to listen on; 0 lets the system choose', '2027')
    .option('--prefix <PATH>', 'submission and monitoring prefix', '/mirror')
    .option('--monitoring-url <URL>', 'where the copies are published; compared before anything is signed', '')
    .option('--log-level <NAME>', 'what is written to standard error: info, warn, error, silent', 'info')
    .addHelpText('after', help)
    .action((flags: Flags) => serve(io, flags))
}

function gather(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

/** An upload may take long; a body from which nothing comes ends earlier. */
const limits = { ...defaultLimits, requestTimeoutMs: 3_600_000 }

async function serve(io: CommandIo, flags: Flags): Promise<void> {
  const command = 'mirror'
  const common = servingOptions(io, command, flags)
  if (flags.keysDir === undefined && flags.follow.length === 0)
    throw usage(command, 'a copy needs --follow, a mirror --keys-dir')
  for (const url of flags.follow)
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw usage(command, `--follow ${url} is no URL`)
  const options = {
    ...common,
    follow: flags.follow,
    pollMs: 1000 * integer(command, '--poll-seconds', flags.pollSeconds, 1, 86_400),
    ...{ globalPerSecond: 1000, maxPending: 1000, maxUploads: 16, idleMs: 30_000, pieceMs: 60_000, timeoutMs: 30_000 },
    limits,
  }
  await serveOnRequest(io, flags, operatorOf(command, flags), 'copy', (deps) => startMirror(options, deps))
}
