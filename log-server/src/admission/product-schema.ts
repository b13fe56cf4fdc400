/**
 * The product index, beside the log in one database, as SQLite spells it (`sql.ts` has the other spelling). Ids, digests and signers are 32-byte blobs.
 * Scripts are only ever appended to: the n-th brings version n to n + 1.
 */
export const productMigrations: readonly string[] = [
  `CREATE TABLE product_trust (product TEXT PRIMARY KEY, version INTEGER NOT NULL, sha256 BLOB NOT NULL, ends_at INTEGER) STRICT, WITHOUT ROWID;
   CREATE TABLE product_trust_versions (product TEXT NOT NULL, version INTEGER NOT NULL, sha256 BLOB NOT NULL,
     PRIMARY KEY (product, version)) STRICT, WITHOUT ROWID;
   CREATE TABLE product_heads (product TEXT NOT NULL, channel TEXT NOT NULL, sequence INTEGER, id BLOB,
     PRIMARY KEY (product, channel)) STRICT, WITHOUT ROWID;
   CREATE TABLE product_statements (id BLOB PRIMARY KEY, product TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT, sequence INTEGER,
     previous BLOB, version TEXT, met_at INTEGER, ever_met INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX product_statements_by_place ON product_statements (product, kind, channel, sequence);
   CREATE INDEX product_statements_revoking ON product_statements (product, met_at) WHERE kind = 'revocation';
   CREATE INDEX product_statements_of_trust ON product_statements (product, sequence) WHERE kind = 'trust';
   CREATE TABLE product_signed (id BLOB NOT NULL, signer BLOB NOT NULL, idx INTEGER NOT NULL, leaf_hash BLOB NOT NULL,
     PRIMARY KEY (id, signer)) STRICT, WITHOUT ROWID;
   CREATE TABLE product_files (id BLOB NOT NULL, n INTEGER NOT NULL, name TEXT NOT NULL, sha256 BLOB NOT NULL,
     PRIMARY KEY (id, n)) STRICT, WITHOUT ROWID;
   CREATE INDEX product_files_by_sha256 ON product_files (sha256);
   CREATE TABLE product_targets (target BLOB NOT NULL, id BLOB NOT NULL, PRIMARY KEY (target, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE product_unmet (signer BLOB NOT NULL, id BLOB NOT NULL, PRIMARY KEY (signer, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE product_blobs (sha256 BLOB PRIMARY KEY, stored_at INTEGER NOT NULL, kept INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
   CREATE INDEX product_blobs_to_sweep ON product_blobs (stored_at) WHERE kept = 0;
   CREATE TABLE product_open_blobs (sha256 BLOB PRIMARY KEY, signer BLOB NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX product_open_blobs_by_signer ON product_open_blobs (signer);
   CREATE TABLE product_bundles (product TEXT NOT NULL, version INTEGER NOT NULL, bundle BLOB NOT NULL,
     PRIMARY KEY (product, version)) STRICT;`,
]
