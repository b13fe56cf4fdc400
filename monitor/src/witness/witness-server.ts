/** A running witness, put together from its parts. */
import { nodeCrypto, verifyInPool } from '@samebits/core/node'
import { closeServer, listen } from '@samebits/host'
import { createHttpServer } from '../http/server-http.ts'
import { handleWitness } from '../http/witness-http.ts'
import { Budget } from './budget.ts'
import { cosignWith } from './cosigner.ts'
import {
  graceMs,
  minBurst,
  openKnownLogs,
  openSuspicions,
  type RunningServer,
  type ServerDeps,
  type ServerOptions,
  type StateFolder,
  servingFrom,
} from './server-parts.ts'
import { openSqliteWitnessStore } from './sqlite-witness-store.ts'
import { Witness } from './witness.ts'
import { createWitnessMetrics } from './witness-metrics.ts'
import type { WitnessStore } from './witness-store.ts'

export type WitnessServerOptions = ServerOptions
export type WitnessServerDeps = ServerDeps
export type RunningWitness = RunningServer

/** @throws ProgramError, StoreUnfitError, and the system's error where the port cannot be had */
export function startWitness(options: ServerOptions, deps: ServerDeps): Promise<RunningServer> {
  return servingFrom(options, 'witness', openSqliteWitnessStore, (state) => serve(options, deps, state))
}

async function serve(
  options: ServerOptions,
  deps: ServerDeps,
  state: StateFolder<WitnessStore>,
): Promise<RunningServer> {
  const { timing, operator } = deps
  await deps.claimKeys(state.store.id)
  const budget = new Budget({ clock: timing.clock, globalPerSecond: options.globalPerSecond, minBurst })
  const signedAt = (origin: string) => state.store.read(origin)?.timestamp ?? null
  const logs = await openKnownLogs(options, { ...deps, store: state.store, budget, signedAt })
  const metrics = createWitnessMetrics()
  const suspicions = await openSuspicions(state.evidence, deps, metrics.suspected)
  const witness = new Witness({
    ...{ crypto: nodeCrypto, verify: verifyInPool, store: state.store, cosigning: cosignWith(deps.signers) },
    maxPending: options.maxPending,
    ...{ now: timing.now, defer: timing.defer, logs: () => logs.list },
    suspect: (origin, suspicion) => void suspicions.keep(origin, suspicion),
    halted: (error) => operator.error({ err: error }, 'halted: nothing is cosigned until a restart'),
  })
  const gauges = { logs: () => logs.list.size, cosigned: () => witness.cosignedLogs }
  metrics.watch({ ...gauges, halted: () => witness.halted !== null })
  const onDefect = (error: unknown) => operator.error({ err: error }, 'a request met a defect')
  const { prefix, limits } = options
  const http = { witness, budget, prefix, onDefect, onAnswer: metrics.answered, clock: timing.clock }
  const server = createHttpServer(
    (req, res) => handleWitness({ ...http, logs: () => logs.list }, req, res),
    { ready: () => witness.halted === null, metrics, onDefect },
    limits,
  )
  const port = await listen(server, options.host, options.port)
  const endRefresh = timing.every(options.refreshMs, () => void logs.refresh())
  return {
    port,
    async stop() {
      endRefresh()
      await closeServer(server, graceMs)
      state.close()
    },
  }
}
