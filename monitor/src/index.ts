/** The witness, for programs that embed it. */
export { defaultLimits, type ServerLimits } from './http/server-http.ts'
export { type Cosigner, poolCosigner } from './witness/cosigner.ts'
export type { OperatorLog, Timing } from './witness/server-parts.ts'
export {
  type RunningWitness,
  startWitness,
  type WitnessServerDeps,
  type WitnessServerOptions,
} from './witness/witness-server.ts'
