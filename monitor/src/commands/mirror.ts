import { resolve } from 'node:path'
import { Command } from 'commander'
import { destination, pino } from 'pino'
import { defaultLimits } from '../http/server-http.ts'
import { startMirror } from '../mirror/mirror-server.ts'
import type { Cosigner } from '../witness/cosigner.ts'
import { claimWitnessKeys, loadWitnessKeys } from '../witness/witness-keys.ts'
import { answer, type CommandIo } from './io.ts'
import { demandLogLevel, demandPrefix, integer, untilAborted, usage } from './serving.ts'

const help = `
A mirror has a name and keys of its own, which no witness has:
  samebits-monitor keygen --name mirror.example.com/m1 --keys-dir mirror-keys
  samebits-monitor mirror --logs logs.txt --keys-dir mirror-keys

Logs upload to it (add-checkpoint, add-entries), or it fetches by itself:
  samebits-monitor mirror --logs logs.txt --follow https://log.example.com/

Without --keys-dir it is a copy: verified, served, and signed by nobody but the log and its witnesses.
Stopped or killed, it goes on where it was. The log list is as for a witness.`

interface Flags {
  readonly logs: string
  readonly dataDir: string
  readonly keysDir?: string
  readonly follow: readonly string[]
  readonly pollSeconds: string
  readonly host: string
  readonly port: string
  readonly prefix: string
  readonly monitoringUrl: string
  readonly logLevel: string
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
  demandPrefix(command, flags.prefix)
  if (flags.keysDir === undefined && flags.follow.length === 0)
    throw usage(command, 'a copy needs --follow, a mirror --keys-dir')
  for (const url of flags.follow)
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw usage(command, `--follow ${url} is no URL`)
  const operator = pino(
    { level: demandLogLevel(command, flags.logLevel), base: null },
    destination({ dest: 2, sync: true }),
  )
  const keysDir = flags.keysDir === undefined ? null : resolve(io.cwd, flags.keysDir)
  const signers: readonly Cosigner[] = keysDir === null ? [] : await loadWitnessKeys(keysDir)
  const options = {
    dataDir: resolve(io.cwd, flags.dataDir),
    logList: resolve(io.cwd, flags.logs),
    host: flags.host,
    port: integer(command, '--port', flags.port, 0, 65_535),
    prefix: flags.prefix,
    follow: flags.follow,
    pollMs: 1000 * integer(command, '--poll-seconds', flags.pollSeconds, 1, 86_400),
    monitoringUrl: flags.monitoringUrl,
    ...{ globalPerSecond: 1000, maxPending: 1000, maxUploads: 16, idleMs: 30_000, pieceMs: 60_000 },
    ...{ timeoutMs: 30_000, refreshMs: 2000 },
    limits,
  }
  const claimKeys = async (stateId: string) => {
    if (keysDir === null || (await claimWitnessKeys(keysDir, stateId))) return
    operator.warn({ keysDir }, 'the folder of keys is read-only: nothing ties them to this state')
  }
  const running = await startMirror(options, { signers, timing: io.timing, fetch: io.fetch, operator, claimKeys })
  const url = `http://${flags.host.includes(':') ? `[${flags.host}]` : flags.host}:${running.port}${flags.prefix}`
  const name = signers[0]?.key.name ?? 'copy'
  answer(io, { name, url }, [`${name} at ${url}`])
  await untilAborted(io.signal)
  await running.stop()
}
