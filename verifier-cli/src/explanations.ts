/** What each code means, for the person who met it. `means`: what was found. `matters`: why the update was stopped for it. */
import type { RefusalCode } from '@samebits/core'

export interface Explanation {
  readonly means: string
  readonly matters: string
  /** What usually causes it, the innocent cause first. */
  readonly causes: readonly string[]
}

export const explanations: Readonly<Record<RefusalCode, Explanation>> = {
  PROOF_MISSING: {
    means: 'There is no proof that this file is in the log, or that the log only grew since it was last seen.',
    matters: 'A file that is in no log may have been made for you alone.',
    causes: [
      'the update bundle does not lie beside the file',
      'the bundle is older than what this machine has seen',
      'the file was never published',
    ],
  },
  PROOF_INVALID: {
    means: 'A proof is there, and it does not lead to the signed tree.',
    matters: 'A wrong proof proves nothing; it belongs to another file, or was altered.',
    causes: ['a damaged or mixed-up bundle', 'a forged one'],
  },
  CHECKPOINT_INVALID: {
    means: 'The tree head is not one that the log of your trust file signed.',
    matters: 'Anybody can build a tree; only the log can sign one.',
    causes: ['a bundle of another log', 'a log that was replaced: a newer trust file knows its keys', 'a forged head'],
  },
  WITNESS_QUORUM: {
    means: 'Too few witnesses have cosigned the tree head.',
    matters: 'Without them the log could show you a tree that nobody else sees.',
    causes: [
      'the publisher took the head before the witnesses had signed',
      'witnesses that are down',
      'a log that hides this head from them',
    ],
  },
  FORK: {
    means: 'The log signed two histories that cannot both be true. The evidence was written to a file.',
    matters: 'Somebody is, or was, shown another history. No release of this log can be trusted from here on.',
    causes: [
      'a log restored from an old backup',
      'a stolen log key',
      'an operator who shows different people different things',
    ],
  },
  ROLLBACK_LOG: {
    means: 'The log itself answers with an older tree than this machine has seen, and has done so for too long.',
    matters: 'What was logged since, a revocation for example, would stay hidden.',
    causes: ['a stale cache or mirror in between', 'a log restored from a backup', 'an attacker who holds you back'],
  },
  STALE: {
    means: 'What is known is older than your trust file allows, or a newer release is being left out.',
    matters: 'An attacker who can do nothing else can keep you on an old, vulnerable release.',
    causes: ['this machine was offline', 'a log that is not witnessed any more', 'a feed that stands still'],
  },
  CLOCK: {
    means: 'The clock of this machine and the time that the witnesses signed do not fit.',
    matters: 'Freshness cannot be judged with a wrong clock. Nothing was decided.',
    causes: ['the clock of this machine is wrong', 'witnesses with a wrong clock'],
  },
  HISTORY_INCOMPLETE: {
    means: 'Not every entry that the log gained could be read yet. What was read is kept.',
    matters: 'The missing part may hold a revocation. Nothing was decided.',
    causes: ['a large backlog: run again', 'a slow or failing log', 'entries that are held back'],
  },
  DOWNGRADE: {
    means: 'The release offered is older than what is installed or known.',
    matters: 'Old releases have known holes.',
    causes: [
      'a feed that stands still',
      'a publisher that went back: wait for a new release',
      'an attacker who replays an old one',
    ],
  },
  EQUIVOCATION: {
    means: 'The publisher signed two different releases with one number. The evidence was written to a file.',
    matters: 'One of them may have been made for a few people only.',
    causes: ['a mistake in the release process', 'a stolen publisher key'],
  },
  CHAIN_BROKEN: {
    means: 'The release does not follow the one before it.',
    matters: 'A gap may hide a release that others got.',
    causes: ['a release that was signed on top of a wrong one', 'a stolen publisher key'],
  },
  SIGNATURE_INVALID: {
    means: 'Too few of the publishers in your trust file have signed this release.',
    matters: 'Whoever signed it may not speak for the publisher.',
    causes: [
      'a key that was rotated: a newer trust file knows it',
      'a co-signature that is still due',
      'a forged release',
    ],
  },
  STATEMENT_INVALID: {
    means: 'The signed statement is not one that this version can read without doubt.',
    matters: 'What can be read in two ways will be, by an attacker.',
    causes: ['a damaged bundle', 'a newer format: update this program', 'a forged one'],
  },
  WRONG_PRODUCT: {
    means: 'The release is of another product.',
    matters: 'One publisher may sign several products; each is to be installed as itself only.',
    causes: ['a mixed-up file'],
  },
  WRONG_CHANNEL: {
    means: 'The release is of another channel than the one asked for.',
    matters: 'A beta is not to reach those who asked for stable.',
    causes: ['a mixed-up file', 'a feed with the wrong content'],
  },
  WRONG_PLATFORM: {
    means: 'The release has no file for this platform, or the file is for another one.',
    matters: 'It would not run, or not as what was checked.',
    causes: ['a file for another machine', 'a platform that is not supported'],
  },
  REBUILD_QUORUM: {
    means: 'Too few independent rebuilders have got the same bytes from the source.',
    matters: 'Until they have, nobody but the publisher vouches that these bytes come from that source.',
    causes: ['a new release that is still being rebuilt', 'a build that is not reproducible'],
  },
  REBUILD_MISMATCH: {
    means: 'A trusted rebuilder got other bytes from the same source.',
    matters: 'The file may hold what its source does not.',
    causes: ['a build that is not reproducible', 'a build machine that was broken into'],
  },
  REVOKED: {
    means: 'The publisher has withdrawn this release.',
    matters: 'It is known to be bad.',
    causes: ['a release with a hole', 'a release that somebody else signed with a stolen key'],
  },
  TRUST_INVALID: {
    means: 'The trust file, or a step from one to the next, does not hold.',
    matters: 'Whoever controls the trust file controls everything else.',
    causes: ['a damaged or mistyped file', 'a file that has expired', 'a step that the authority did not sign'],
  },
  DIGEST_MISMATCH: {
    means: 'The bytes are not those that were logged.',
    matters: 'The file was altered, or is another one.',
    causes: ['a download that broke off', 'a damaged disk', 'a server that sends something else'],
  },
  SIZE_EXCEEDED: {
    means: 'More bytes came than were announced or are allowed.',
    matters: 'Endless answers fill disks.',
    causes: ['a wrong server', 'an attack'],
  },
  TRANSPORT: {
    means: 'What was needed could not be fetched. Nothing was decided.',
    matters: 'No answer is never "up to date".',
    causes: ['no network, or a captive portal', 'a server that is down', 'a proxy that alters answers'],
  },
  PATH_REFUSED: {
    means: 'A name or a folder is not safe to write to.',
    matters: 'A link or a strange name can lead a write somewhere else.',
    causes: ['a folder that others may write to, or that belongs to somebody else', 'a symbolic link', 'an attack'],
  },
  STATE_INVALID: {
    means: 'What this client remembers cannot be read, or is gone although something is installed.',
    matters: 'Without it an old tree could be shown as the newest.',
    causes: ['a damaged disk', 'a state written by a newer version of this program', 'somebody deleted it'],
  },
  STATE_FULL: {
    means: 'The product has logged more releases than a client can remember (about 12,000; 4 MiB).',
    matters: 'What is not remembered could be shown again in another form.',
    causes: ['a very long history read from its beginning', 'a publisher, or its stolen key, that floods the log'],
  },
  STATE_BUSY: {
    means: 'Another run is at work on the same folder. Nothing was decided.',
    matters: 'Two writers could mix what they know.',
    causes: ['two updates at once: wait for the other one'],
  },
  INSTALL_FAILED: {
    means: 'The new version was verified and could not be put in place, or did not run; the version before is there.',
    matters: 'A version whose health check failed is held: it is not tried again.',
    causes: [
      'no room on the disk',
      'missing permissions',
      'a new version that does not run here',
      'a file that was exchanged meanwhile',
    ],
  },
}
