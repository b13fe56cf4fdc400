/** The monitor's SQLite file: its tables. */
import type Database from 'better-sqlite3'
import { openStateDatabase } from '../sqlite/state-file-store.ts'

/** SQL scripts; the n-th brings the schema from version n to n + 1 (`PRAGMA user_version`). Only ever appended to. */
export const migrations: readonly string[] = [
  `CREATE TABLE log (
     origin TEXT PRIMARY KEY, url TEXT, size INTEGER, root BLOB, checkpoint TEXT, q INTEGER, headAt INTEGER,
     readTo INTEGER NOT NULL CHECK (readTo >= 0 AND readTo <= coalesce(size, 0)), polledAt INTEGER, answeredAt INTEGER,
     failure TEXT) STRICT, WITHOUT ROWID;
   CREATE TABLE sized (origin TEXT, size INTEGER, root BLOB NOT NULL, at INTEGER NOT NULL,
     PRIMARY KEY (origin, size)) STRICT, WITHOUT ROWID;
   CREATE TABLE view (
     origin TEXT, name TEXT, kind TEXT NOT NULL, url TEXT, size INTEGER, root BLOB, checkpoint TEXT, q INTEGER,
     cosignedAt INTEGER, since INTEGER, askedAt INTEGER, standing TEXT NOT NULL, failure TEXT,
     PRIMARY KEY (origin, name)) STRICT, WITHOUT ROWID;
   CREATE TABLE openTree (
     number INTEGER PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
     checkpoint TEXT NOT NULL, view TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (origin, size, root)) STRICT;
   CREATE TABLE cosigned (
     origin TEXT, name TEXT, which TEXT CHECK (which IN ('largest', 'latest')), size INTEGER NOT NULL, root BLOB NOT NULL,
     checkpoint TEXT NOT NULL, timestamp INTEGER NOT NULL, PRIMARY KEY (origin, name, which)) STRICT, WITHOUT ROWID;
   CREATE TABLE product (
     origin TEXT, product TEXT, watched INTEGER NOT NULL, trustVersion INTEGER, trustSha256 TEXT, trustBody BLOB, before BLOB,
     endsAt INTEGER, entries INTEGER NOT NULL, lastIndex INTEGER NOT NULL,
     PRIMARY KEY (origin, product)) STRICT, WITHOUT ROWID;
   CREATE TABLE statement (
     origin TEXT, id TEXT, product TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT, sequence INTEGER, version TEXT,
     previous TEXT, firstIndex INTEGER NOT NULL, metAt INTEGER, metSeenAt INTEGER,
     PRIMARY KEY (origin, id)) STRICT, WITHOUT ROWID;
   CREATE INDEX statementOf ON statement (origin, product, kind, firstIndex);
   CREATE INDEX releaseAt ON statement (origin, product, channel, sequence) WHERE kind = 'release';
   CREATE TABLE naming (origin TEXT, target TEXT, id TEXT, PRIMARY KEY (origin, target, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE entry (
     origin TEXT, at INTEGER, id TEXT NOT NULL, signer TEXT NOT NULL, valid INTEGER, leaf BLOB,
     PRIMARY KEY (origin, at)) STRICT;
   CREATE INDEX entryOf ON entry (origin, id, at);
   CREATE TABLE blob (
     origin TEXT, sha256 TEXT, product TEXT NOT NULL, at INTEGER NOT NULL, since INTEGER NOT NULL, attempts INTEGER NOT NULL,
     nextAt INTEGER NOT NULL, found INTEGER NOT NULL, PRIMARY KEY (origin, sha256)) STRICT, WITHOUT ROWID;
   CREATE INDEX blobDue ON blob (origin, nextAt) WHERE found = 0;
   CREATE TABLE alert (
     number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, severity TEXT NOT NULL,
     origin TEXT NOT NULL, product TEXT, title TEXT NOT NULL, detail TEXT NOT NULL, remedy TEXT NOT NULL, evidence TEXT,
     at INTEGER NOT NULL, endedAt INTEGER) STRICT;
   CREATE INDEX alertOf ON alert (origin, product);
   CREATE TABLE delivery (
     alert TEXT, sink TEXT, number INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
     attempts INTEGER NOT NULL, nextAt INTEGER NOT NULL, failure TEXT, PRIMARY KEY (alert, sink)) STRICT, WITHOUT ROWID;
   CREATE INDEX deliveryDue ON delivery (state, nextAt, number);
   CREATE TABLE evidence (
     id TEXT PRIMARY KEY, kind TEXT NOT NULL, origin TEXT NOT NULL, convicted TEXT, findings TEXT NOT NULL, at INTEGER NOT NULL,
     "from" TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
   CREATE INDEX evidenceOf ON evidence (origin, at);
   CREATE TABLE pendingCase (
     alert TEXT PRIMARY KEY, origin TEXT NOT NULL, product TEXT NOT NULL, kind TEXT NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL,
     attempts INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE log ADD COLUMN indexedTo INTEGER NOT NULL DEFAULT 0;
   UPDATE log SET indexedTo = readTo WHERE EXISTS (SELECT 1 FROM product WHERE product.origin = log.origin);`,
  `ALTER TABLE evidence ADD COLUMN subject TEXT NOT NULL DEFAULT '';
   UPDATE evidence SET subject = id;
   CREATE UNIQUE INDEX evidenceAbout ON evidence (subject);
   CREATE TABLE handedEntry (
     number INTEGER PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint TEXT NOT NULL,
     entryIndex INTEGER NOT NULL, inclusion BLOB NOT NULL, leaf BLOB NOT NULL, at INTEGER NOT NULL,
     UNIQUE (origin, size, root, entryIndex)) STRICT;`,
  `CREATE TABLE cosignedSize (
     origin TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, earliest INTEGER NOT NULL, latest INTEGER NOT NULL,
     earliestRoot BLOB NOT NULL, latestRoot BLOB NOT NULL, earliestCheckpoint TEXT NOT NULL, latestCheckpoint TEXT NOT NULL,
     UNIQUE (origin, name, size)) STRICT;
   INSERT OR IGNORE INTO cosignedSize
     SELECT origin, name, size, timestamp, timestamp, root, root, checkpoint, checkpoint FROM cosigned;
   DROP TABLE cosigned;`,
  // What is logged, in a third of the room: names by number, digests as bytes, an entry by the number of its statement.
  `CREATE TABLE name (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
   INSERT INTO name (text) SELECT origin FROM statement UNION SELECT product FROM statement UNION SELECT origin FROM entry;
   DROP INDEX statementOf;
   DROP INDEX releaseAt;
   DROP INDEX entryOf;
   ALTER TABLE statement RENAME TO oldStatement;
   ALTER TABLE naming RENAME TO oldNaming;
   ALTER TABLE entry RENAME TO oldEntry;
   CREATE TABLE statement (
     number INTEGER PRIMARY KEY, log INTEGER NOT NULL, id BLOB NOT NULL, product INTEGER NOT NULL, kind TEXT NOT NULL,
     channel TEXT, sequence INTEGER, version TEXT, previous BLOB, firstIndex INTEGER NOT NULL, metAt INTEGER,
     metSeenAt INTEGER) STRICT;
   INSERT INTO statement (log, id, product, kind, channel, sequence, version, previous, firstIndex, metAt, metSeenAt)
     SELECT log.number, unhex(id), product.number, kind, channel, sequence, version, unhex(previous), firstIndex, metAt, metSeenAt
     FROM oldStatement JOIN name AS log ON log.text = origin JOIN name AS product ON product.text = product
     ORDER BY firstIndex;
   CREATE UNIQUE INDEX statementId ON statement (id, log);
   CREATE INDEX statementOf ON statement (log, product, kind, firstIndex);
   CREATE INDEX releaseAt ON statement (log, product, channel, sequence) WHERE kind = 'release';
   CREATE TABLE naming (log INTEGER, target BLOB, statement INTEGER, PRIMARY KEY (log, target, statement)) STRICT, WITHOUT ROWID;
   INSERT INTO naming SELECT statement.log, unhex(target), statement.number FROM oldNaming
     JOIN name ON name.text = origin JOIN statement ON statement.id = unhex(oldNaming.id) AND statement.log = name.number;
   CREATE TABLE entry (
     log INTEGER, at INTEGER, statement INTEGER NOT NULL, signer BLOB NOT NULL, valid INTEGER, leaf BLOB,
     PRIMARY KEY (log, at)) STRICT;
   INSERT INTO entry SELECT statement.log, at, statement.number, unhex(signer), valid, leaf FROM oldEntry
     JOIN name ON name.text = origin JOIN statement ON statement.id = unhex(oldEntry.id) AND statement.log = name.number
     ORDER BY at;
   CREATE INDEX entryOf ON entry (statement, at);
   DROP TABLE oldNaming;
   DROP TABLE oldEntry;
   DROP TABLE oldStatement;`,
  `CREATE INDEX metRelease ON statement (log, product, channel, sequence) WHERE kind = 'release' AND metAt IS NOT NULL;
   CREATE INDEX alertsOfRule ON alert (origin, rule, product, at);
   UPDATE delivery SET state = 'waiting' WHERE state = 'dead';`,
]

/** Pages of the write-ahead log that are gathered before they are copied into the file, 4 KiB each. */
const checkpointPages = 4096

/** Opens or creates the file, with the newest schema. @throws StoreUnfitError, SqliteError */
export function openMonitorDatabase(path: string): Database.Database {
  // 'smbm'
  const file = { path, applicationId: 0x736d626d, owner: 'a monitor', migrations, lockWaitMs: 5000 }
  const database = openStateDatabase(file)
  database.pragma(`wal_autocheckpoint = ${checkpointPages}`)
  return database
}

/** A BLOB as a copy of its own, not a Buffer of a pool. */
export function bytesOf(blob: Uint8Array): Uint8Array {
  return Uint8Array.from(blob)
}
