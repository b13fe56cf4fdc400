/** The witness and the monitor, for programs that embed them. */
export { parseConfig } from './config/config-format.ts'
export { type MonitorConfig, resolveConfig } from './config/monitor-config.ts'
export { defaultLimits, type ServerLimits } from './http/server-http.ts'
export { type MonitorDeps, type RunningMonitor, startMonitor } from './monitor.ts'
export type * from './state/monitor-store.ts'
export { type Cosigner, poolCosigner } from './witness/cosigner.ts'
export type { OperatorLog, Timing } from './witness/server-parts.ts'
export {
  type RunningWitness,
  startWitness,
  type WitnessServerDeps,
  type WitnessServerOptions,
} from './witness/witness-server.ts'
