/**
 * The last tree of a frozen log, signed, witnessed and published once more after the freeze: a server is run for as long as that
 * takes, on a port of the loopback that nobody knows, with everything that a server checks before it signs.
 */
import { ProgramError } from '@samebits/host'
import type { Mode } from '../http/modes-http.ts'
import type { LogServerOptions } from '../options.ts'
import { type RunningServer, type ServerDeps, startServer } from '../server.ts'
import type { Frozen } from './frozen.ts'

export interface LastCheckpointDeps extends Omit<ServerDeps, 'tls' | 'events'> {
  readonly signal: AbortSignal
  /** How long it may take, witnesses and all. */
  readonly timeoutMs: number
}

const lookEveryMs = 50

/** The published checkpoint. @throws ProgramError LAST_CHECKPOINT where it could not be had in time: the log is frozen all the same */
export async function publishLast<Item, Tables>(
  options: LogServerOptions,
  mode: Mode<Item, Tables>,
  { signal, timeoutMs, ...deps }: LastCheckpointDeps,
  { size }: Frozen,
): Promise<string> {
  let issued = false
  const events = {
    issued() {
      issued = true
    },
  }
  const quiet = { ...options, host: '127.0.0.1', port: 0, tlsCert: '', tlsKey: '', advertiseUrl: '', readers: 0 }
  const server = await startServer(quiet, mode, { ...deps, events })
  try {
    const { clock, after } = deps.timing
    const until = clock() + timeoutMs
    for (;;) {
      // Another machine may lead, and publish: then it is read here.
      const here = issued || server.gate().state === 'following'
      if (here && server.published().size === size) return server.published().checkpoint
      signal.throwIfAborted()
      if (clock() > until || isStuck(server)) throw notPublished(server)
      await new Promise<void>((resolve) => void after(lookEveryMs, resolve))
    }
  } finally {
    await server.stop()
  }
}

function isStuck(server: RunningServer): boolean {
  const gate = server.gate()
  return gate.state === 'read-only' && gate.retrySeconds === null
}

function notPublished(server: RunningServer): ProgramError {
  const gate = server.gate()
  return new ProgramError({
    code: 'LAST_CHECKPOINT',
    detail: `the log is frozen, and its last checkpoint is not published yet (${'detail' in gate ? gate.detail : gate.state})`,
    remedy: 'Run this again, or serve it: it is published as soon as the witnesses cosign it.',
    exitCode: 1,
  })
}
