/**
 * Certificate identities (keyless signing), behind one interface: core checks keys, and whoever has a Sigstore
 * library checks certificates. Loaded only where a trust file names identities.
 */
import type { Entry } from './entry.ts'
import type { JsonObject } from './strict-json.ts'

/** Who a certificate was issued to, and by whom the subject was authenticated: exact strings, never patterns. */
export interface Identity {
  /** OIDC issuer, e.g. `https://token.actions.githubusercontent.com`. */
  readonly issuer: string
  /** Subject alternative name: an e-mail address or a URI. */
  readonly san: string
}

export interface IdentityVerifier {
  /**
   * Whose signature `entry` carries, or null if it carries none that holds. Obligations:
   *
   * - the signature is checked over the DSSE pre-authentication encoding with the key of `entry.signer.certificate`;
   * - at least one RFC 3161 timestamp over the signature holds under a timestamp authority of `trustedRoot`;
   * - the certificate's chain to a certificate authority of `trustedRoot` is valid at that time;
   * - issuer and subject are those of the certificate, unchanged.
   *
   * Nothing but `trustedRoot` is trusted, and nothing is fetched. Malformed input gives null, not an exception.
   */
  identify(entry: Entry, trustedRoot: JsonObject): Identity | null
}
