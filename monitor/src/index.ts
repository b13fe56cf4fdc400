/** The witness, for programs that embed it. */
export {
  type RunningWitness,
  startWitness,
  type WitnessServerDeps,
  type WitnessServerOptions,
} from './witness/witness-server.ts'
