import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { progress, untilAborted } from '@samebits/host'
import { Command } from 'commander'
import { parseConfig } from '../config/config-format.ts'
import { loadConfig, type MonitorConfig, resolveConfig } from '../config/monitor-config.ts'
import { startMonitor } from '../monitor.ts'
import type { MonitorStore } from '../state/monitor-store.ts'
import { answer, type CommandIo, type RunningIo } from './io.ts'
import { operatorOf, usage } from './serving.ts'

const command = 'run'

const help = `
One log, without a file:
  samebits-monitor run --url https://log.example.com --key log.example.com+2a5d21f9+AQ…

Several logs, trust files, witnesses, mirrors, other monitors, and who is told (docs/monitoring.md):
  samebits-monitor run --config monitor.json

It goes on from where it was, also after it was killed. Exit status of --once: 0 all was read; 20 it was not: something did not answer, or not in time.`

/** Exit status: nothing is wrong that is known, and something is not known. */
const notAllRead = 20

/** How often `--once` asks: what did not answer may do so when it is asked again. */
const pollsOfOnce = 3

function isAllRead(store: MonitorStore, origins: readonly string[]): boolean {
  return origins.every((origin) => {
    const { head = null, readTo = 0, failure = null } = store.log(origin) ?? {}
    return head !== null && readTo >= head.size && failure === null
  })
}

interface Flags {
  readonly config?: string
  readonly url?: string
  readonly key: readonly string[]
  readonly origin?: string
  readonly dataDir: string
  readonly once?: boolean
  readonly logLevel: string
}

export function runCommand(io: RunningIo): Command {
  return new Command(command)
    .description('follow logs, notice what is wrong, keep the evidence, tell people')
    .option('--config <FILE>', 'which logs, from where they are looked at, who is told')
    .option('--url <URL>', 'one log, where there is no file')
    .option('--key <VKEY>', "that log's key; may be repeated", (value, before: string[]) => [...before, value], [])
    .option('--origin <NAME>', "that log's name, where it is not its key's name")
    .option('--data-dir <DIR>', 'folder of the state', 'monitor')
    .option('--once', 'read everything that there is, and end')
    .option('--log-level <NAME>', 'what is written to standard error: info, warn, error, silent', 'info')
    .addHelpText('after', help)
    .action((flags: Flags) => run(io, flags))
}

async function run(io: RunningIo, flags: Flags): Promise<void> {
  const operator = operatorOf(command, flags)
  const config = await configOf(io, flags)
  const bars = new Map<string, ReturnType<typeof progress>>()
  const onProgress = (origin: string, readTo: number, size: number) => {
    const common = { stream: io.stderr, clock: io.timing.clock, unit: 'entries' }
    const bar = bars.get(origin) ?? progress({ ...common, label: origin, total: size })
    bars.set(origin, bar)
    bar.update(readTo)
    if (readTo < size) return
    bar.finish()
    bars.delete(origin)
  }
  const deps = {
    timing: io.timing,
    fetch: io.fetch,
    stdout: io.stdout,
    operator,
    processors: availableParallelism(),
    onProgress,
  }
  const monitor = await startMonitor(config, resolve(io.cwd, flags.dataDir), deps)
  try {
    const origins = config.logs.map(({ origin }) => origin)
    if (flags.once === true) {
      let allRead = false
      for (let polls = 0; polls < pollsOfOnce && !allRead; polls++) {
        await monitor.pollAll()
        allRead = isAllRead(monitor.store, origins)
      }
      await monitor.flush()
      const logs = monitor.store
        .logs()
        .map(({ origin, head, readTo, failure }) => ({ origin, size: head?.size ?? null, readTo, failure }))
      answer(
        io,
        { logs },
        logs.map(
          ({ origin, size, readTo, failure }) =>
            `${origin}: ${readTo} of ${size ?? 'unknown'}${failure === null ? '' : ` (${failure})`}`,
        ),
      )
      if (!allRead) io.leaveWith(notAllRead)
      return
    }
    const url = monitor.port === null ? null : `http://${config.listen?.host}:${monitor.port}`
    const lines = origins.map((origin) => `following ${origin}`)
    answer(io, { logs: origins, url }, url === null ? lines : [...lines, `listening at ${url}`])
    await untilAborted(io.signal)
  } finally {
    await monitor.stop()
  }
}

function configOf(io: CommandIo, { config, url, key, origin }: Flags): Promise<MonitorConfig> {
  if (config !== undefined && (url !== undefined || key.length > 0))
    throw usage(command, '--config and --url exclude each other')
  if (config !== undefined) return loadConfig(resolve(io.cwd, config))
  if (url === undefined || key.length === 0) throw usage(command, 'no log was named')
  const log = { url, keys: key, ...(origin === undefined ? {} : { origin }) }
  const file = parseConfig(JSON.stringify({ format: 1, logs: [log], sinks: [{ kind: 'stdout' }] }), 'the command line')
  return resolveConfig(file, resolve(io.cwd, 'command line'))
}
