/** The witness, for programs that embed it. */
export { defaultLimits, type ServerLimits } from './http/server-http.ts'
export { type Cosigner, poolCosigner } from './witness/cosigner.ts'
export {
  type OperatorLog,
  type RunningWitness,
  startWitness,
  type Timing,
  type WitnessServerDeps,
  type WitnessServerOptions,
} from './witness/witness-server.ts'
