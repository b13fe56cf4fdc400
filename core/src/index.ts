export * from './bytes.ts'
export * from './crypto.ts'
export { type Absorbed, absorb } from './decision/absorb.ts'
export { type Applied, applied, renew, rolledBack, stage } from './decision/commit.ts'
export { decide } from './decision/decide.ts'
export type { Checker, IncludedLeaf } from './decision/gather.ts'
export { judge } from './decision/judge.ts'
export * from './decision/material.ts'
export { type Observed, observe, type View } from './decision/observe.ts'
export { type Comparison, compareTrees, type OfferedProof } from './decision/one-history.ts'
export * from './decision/outcome.ts'
export { type PassQuestion, passes } from './decision/passes.ts'
export * from './decision/refusal.ts'
export { isOnline, type Prepared, prepareRun, type Run, type RunInput } from './decision/run.ts'
export * from './decision/state.ts'
export {
  formatStateFile,
  MAX_STATE_FILE_SIZE,
  type OpenedState,
  openState,
  parseStateFile,
  type StateFiles,
  stateFileName,
} from './decision/state-file.ts'
export {
  formatInstallRecord,
  formatState,
  type Migrations,
  parseInstallRecord,
  parseState,
  STATE_TOO_LARGE,
} from './decision/state-format.ts'
export { type Imported, importTrust } from './decision/trust-in-force.ts'
export * from './decision/verdict.ts'
export { type OfflineInput, type OfflineResult, verifyOffline } from './decision/verify-offline.ts'
export * from './decision/want.ts'
export * from './errors.ts'
export * from './log/checkpoint.ts'
export * from './log/compact-range.ts'
export * from './log/cosignature.ts'
export * from './log/fork-cost.ts'
export * from './log/http-source.ts'
export * from './log/memory-source.ts'
export * from './log/merkle.ts'
export * from './log/note.ts'
export * from './log/policy.ts'
export * from './log/quorum.ts'
export * from './log/subtree.ts'
export * from './log/tile.ts'
export * from './log/tile-source.ts'
export * from './log/tlog-proof.ts'
export * from './log/tree-reader.ts'
export * from './log/trust-policy.ts'
export * from './log/vkey.ts'
export * from './log/witness.ts'
export * from './release/anchor.ts'
export { checkEvidence, type EvidenceCase } from './release/check-evidence.ts'
export * from './release/entry.ts'
export * from './release/evidence.ts'
export { FileError, type FileFault } from './release/file-error.ts'
export type { Convicted, Finding } from './release/finding.ts'
export * from './release/identity.ts'
export { type LoggedEntry, openLoggedEntry } from './release/logged-entry.ts'
export * from './release/media-types.ts'
export { type IdentityCredential, type KeyCredential, type Member, validAt } from './release/members.ts'
export {
  isArtifactName,
  isChannel,
  isDigest,
  isMediaType,
  isPlatform,
  isProduct,
  isUri,
  isVersion,
  productInFileName,
  productInUrl,
} from './release/names.ts'
export * from './release/roles.ts'
export * from './release/statement.ts'
export { canonicalJson, type JsonObject, type JsonValue, parseCanonicalJson, parseJson } from './release/strict-json.ts'
export { parseDuration } from './release/time.ts'
export * from './release/trust.ts'
export { forkCostText, type TrustChange, trustChanges } from './release/trust-changes.ts'
export * from './release/update-bundle.ts'
export * from './release/votes.ts'
export * from './spki.ts'
