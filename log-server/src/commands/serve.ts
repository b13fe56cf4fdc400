import { untilAborted } from '@samebits/host'
import { Command } from 'commander'
import { destination, type Logger, pino } from 'pino'
import type { Mode } from '../http/modes-http.ts'
import type { LogServerOptions } from '../options.ts'
import { startServer } from '../server.ts'
import { isDistant, KeyUnavailableError, type LogKey } from '../signer.ts'
import { openTracing } from '../tracing/open-tracing.ts'
import { answer, type CommandIo } from './io.ts'
import { loadKeys } from './keys.ts'
import { withMode } from './modes.ts'
import { addOptions, readOptions } from './shared-options.ts'
import { openTls } from './tls.ts'
import { asProgramError } from './token-keys.ts'

export function serveCommand(io: CommandIo): Command {
  const command = new Command('serve').description(
    'serve the log: take entries, sign and publish, answer readers, until told to stop',
  )
  return addOptions(command).action(async (flags: Record<string, unknown>) => {
    const options = await readOptions(io, flags)
    await withMode(io, options, (mode) => serve(io, options, mode))
  })
}

async function serve<Item, Tables>(io: CommandIo, options: LogServerOptions, mode: Mode<Item, Tables>): Promise<void> {
  const operator = operatorLog(options)
  const keys = await loadKeys(io, options)
  await tryKeys(keys, operator)
  const files = await openTls(io, options)
  const tls = files === null ? {} : { tls: { files, onReload: io.onReload } }
  const warn = (message: string, detail?: unknown) => operator.warn({ detail }, message)
  const traces = await openTracing({ environment: io.environment, ...io.timing, warn })
  const followed = traces === null ? {} : { tracing: traces.tracing }
  const { timing, fetch } = io
  const server = await startServer(options, mode, { keys, timing, fetch, operator, ...tls, ...followed })
  const url = `${files === null ? 'http' : 'https'}://${options.host.includes(':') ? `[${options.host}]` : options.host}:${server.port}`
  answer(io, { origin: server.origin, url, mode: options.mode, state: server.gate().state }, [
    `${server.origin} at ${url}`,
  ])
  await untilAborted(io.signal)
  operator.info({}, 'stopping: what was taken is finished first')
  await server.stop()
  await traces?.close()
  operator.info({}, 'stopped')
}

/** A PIN that is refused ends the program; a token that is away does not keep readers waiting. */
async function tryKeys(keys: readonly LogKey[], operator: Logger): Promise<void> {
  for (const key of keys.filter(isDistant))
    await key.ready().catch((error: unknown) => {
      if (!(error instanceof KeyUnavailableError)) asProgramError(error)
      operator.warn({ detail: (error as Error).message }, 'the token cannot sign yet: the log only reads until it can')
    })
}

/** One JSON object a line on standard error. Bodies, keys and addresses are never logged. */
export function operatorLog({ logLevel }: Pick<LogServerOptions, 'logLevel'>): Logger {
  return pino({ level: logLevel, base: null }, destination({ dest: 2, sync: true }))
}
