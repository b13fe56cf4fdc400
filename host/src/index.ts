/** The machine under a samebits program. */
export { type Arrival, clientGroup, clientOf } from './client-address.ts'
export { createFileDurably, type DurableFileOptions, syncDirectory, writeFileDurably } from './durable-file.ts'
export { type PrivateFile, readKeyFile, readPrivateFile, readSecretFile, writeKeyFile } from './key-file.ts'
export { closeServer, listen } from './listen.ts'
export { acquireLock, type Lock } from './lock.ts'
export { nearest } from './nearest.ts'
export {
  describeFailure,
  exitCodes,
  formatFailure,
  ProgramError,
  type ProgramIo,
  type ProgramSignals,
  type ProgramStream,
  runProgram,
} from './program.ts'
export { type ProcessLike, packageVersion, programIo } from './program-io.ts'
export { type Progress, type ProgressOptions, type ProgressStream, progress } from './progress.ts'
export { isCode, systemReason } from './system-error.ts'
export { untilAborted } from './until-aborted.ts'
export { visible } from './visible.ts'
