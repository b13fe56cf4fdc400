/**
 * Certificate identities for trust files that name them: pass `sigstoreIdentities()` as `identities`. An entry of its own, and
 * `@samebits/identity` an optional peer: who trusts keys alone installs nothing of it.
 */
export { sigstoreIdentities } from '@samebits/identity'
