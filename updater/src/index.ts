/** The updater library: docs/decision.md with the I/O around it. */
export type { RetryPolicy, Sleep } from './backoff.ts'
export { type IoCode, IoFailure } from './failure.ts'
export type { FileDigest } from './file-hash.ts'
export { type GossipEvent, isMonitorUrl } from './gossip.ts'
export type { HandedOver, HandOverResult, VerifiedFile } from './hand-over.ts'
export { hashFile } from './hash-path.ts'
export type { HealthCheck } from './health-check.ts'
export type { Fetch } from './http-client.ts'
export type { InstallStep } from './install-job.ts'
export { readInstallRecord } from './install-record.ts'
export type { UpdaterEvent, UpdaterOptions } from './options.ts'
export {
  type AcceptedResult,
  type ApplyResult,
  type CheckResult,
  type CurrentResult,
  type DownloadResult,
  exitStatus,
  type RecoverResult,
  type Stopped,
} from './results.ts'
export { createStateStore, readState, type StateStore, type StateStoreOptions } from './state-store.ts'
export { type Status, statusOf } from './status.ts'
export { type CallOptions, createUpdater, type DownloadCallOptions, type Updater } from './updater.ts'
export { type VerifyOptions, type VerifyResult, verifyArtifact } from './verify-artifact.ts'
