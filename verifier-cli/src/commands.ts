/** Every command, as data. The code of each is loaded when it runs. */
import type { Command, OptionSpec } from './command.ts'
import { patienceOptions } from './patience.ts'

const trust: OptionSpec = { value: 'FILE', help: 'the trust file that the publisher gave out', required: true }
const anchor: OptionSpec = { value: 'FILE', help: 'the anchor; else <product>.anchor.json beside the trust file' }
const channel: OptionSpec = { value: 'NAME', help: 'the channel; else the only one that the trust file lists' }
const platform: OptionSpec = { value: 'OS-ARCH', help: 'the platform, as linux-x64; else this machine' }
const gossip: OptionSpec = {
  value: 'URL',
  help: 'afterwards, hand this monitor the checkpoints that were seen, and evidence; may be repeated',
  multiple: true,
}
const mediaType: OptionSpec = { value: 'TYPE', help: 'media type of the artifact, where several fit' }

export const commands: readonly Command[] = [
  {
    name: 'verify',
    operands: ['ARTIFACT'],
    summary: 'check a file against its update bundle, offline',
    about: `Reads the file, the bundle beside it (ARTIFACT.samebits.json) and the trust file, and says what is proven:
who signed it, that it is in the log, who witnessed and who rebuilt it. It stores nothing, unless
--state names a folder: then it also holds the bundle against what was seen before. It uses no network, unless
--gossip names a monitor that is to be told.`,
    options: {
      trust,
      bundle: { value: 'FILE', help: 'the update bundle; else ARTIFACT.samebits.json' },
      anchor,
      state: { value: 'DIR', help: 'compare with, and remember in, the state kept there' },
      channel,
      platform,
      artifact: { value: 'NAME', help: 'name of the artifact in its release, where several fit' },
      'media-type': mediaType,
      'max-age': { value: 'DURATION', help: 'refuse a view older than this, as 30d' },
      gossip,
    },
    examples: [
      { line: 'samebits verify notes.tgz --trust trust.json', says: 'is this the release that everyone gets?' },
      { line: 'samebits verify notes.tgz --trust trust.json --max-age 30d', says: 'and was it seen within a month?' },
    ],
    load: () => import('./commands/verify.ts'),
  },
  {
    name: 'update',
    operands: [],
    summary: 'install the newest release into a folder, if it passes',
    about: `Asks the feeds and the log, reads what the log gained since the last run, decides, fetches, hashes, and swaps the
files in place. What is known is kept in DIR/.samebits, what is installed in DIR/installed.json; the version before
stays in DIR/.samebits/previous. Interrupted at any moment, the old version or the new one is whole.`,
    options: {
      trust,
      into: { value: 'DIR', help: 'the install folder', required: true },
      channel,
      platform,
      artifact: { value: 'NAME', help: 'name of the artifact, where several fit' },
      'media-type': mediaType,
      feed: { value: 'URL', help: 'ask this feed instead of those of the anchor; may be repeated', multiple: true },
      bundle: { value: 'FILE', help: 'judge this update bundle instead of asking a feed' },
      anchor,
      state: { value: 'DIR', help: 'keep the state there instead of DIR/.samebits/state' },
      check: { help: 'decide only: fetch and install nothing' },
      offline: { help: 'use no network: judge by what is known and what the bundle brings' },
      'accept-stale': { value: 'DURATION', help: 'for this run, accept a view as old as this, as 14d' },
      'downgrade-to': { value: 'ID|VERSION', help: 'step back to this release on purpose' },
      repair: { help: 'install again what is installed, for files that were damaged or put back; never steps back' },
      'health-check': {
        value: 'COMMAND',
        help: 'run this after the swap ({file} is the artifact); go back if it fails',
      },
      'health-timeout': { value: 'DURATION', help: 'how long the health check may take (30s)' },
      ...patienceOptions,
      executable: { help: 'give the installed files the right to be run' },
      unpack: { help: 'unpack the archive (tar.gz, zip) into DIR/versions, and let DIR/current lead to it' },
      'feed-headers': {
        value: 'FILE',
        help: 'send the headers in this file, NAME: VALUE lines, to the feeds (a token; never on the command line)',
      },
      gossip,
      ca: { value: 'FILE', help: 'also trust the certificate authorities in this PEM file' },
    },
    examples: [
      {
        line: 'samebits update --trust trust.json --into app',
        says: 'install the newest release, or say that there is none',
      },
      {
        line: 'samebits update --trust trust.json --into app --executable --health-check "{file} --version"',
        says: 'go back to the version before if the new one does not run',
      },
      {
        line: 'samebits update --trust trust.json --into app --unpack --health-check "{file}/bin/notes --version"',
        says: 'the artifact is an archive: {file} is the folder that it became',
      },
      { line: 'samebits update --trust trust.json --into app --check', says: 'say what would be installed' },
    ],
    load: () => import('./commands/update.ts'),
  },
  {
    name: 'inspect',
    operands: ['FILE'],
    summary: 'say what a file of the system holds, without judging it',
    about: `Knows update bundles, log entries, checkpoints, trust files, anchors, evidence, states and tlog-proofs. Nothing is
verified: what it prints is what the file claims.`,
    options: {},
    examples: [{ line: 'samebits inspect notes.tgz.samebits.json', says: 'which entries does the bundle carry?' }],
    load: () => import('./commands/inspect.ts'),
  },
  {
    name: 'proof export',
    operands: ['BUNDLE'],
    summary: 'write each entry of a bundle as a C2SP .tlog-proof',
    about: `Writes <index>.tlog-proof and <index>.entry for every entry, so that any C2SP tool can check the inclusion and the
cosignatures without knowing samebits.`,
    options: {
      out: { value: 'DIR', help: 'where the files go; else the current folder' },
      index: { value: 'N', help: 'only the entry with this index' },
    },
    examples: [{ line: 'samebits proof export notes.tgz.samebits.json --out proofs', says: 'one proof an entry' }],
    load: () => import('./commands/proof-export.ts'),
  },
  {
    name: 'trust show',
    operands: ['FILE'],
    summary: 'say whom a trust file trusts, and what a fork would cost',
    about: 'Reads the file strictly and lists its log, witnesses, roles and limits in words.',
    options: {},
    examples: [{ line: 'samebits trust show trust.json', says: 'who can sign what, and how many must collude' }],
    load: () => import('./commands/trust-show.ts'),
  },
  {
    name: 'trust verify',
    operands: ['FILE'],
    summary: 'check that a trust file is well formed and what it promises holds together',
    about: `Exit status 0 or 10 (TRUST_INVALID). With --digest, also that the file is the one whose SHA-256 somebody told you.`,
    options: {
      digest: { value: 'SHA256', help: 'the digest to compare with, 64 hex digits' },
      product: { value: 'NAME', help: 'the product that it must be about' },
    },
    examples: [
      {
        line: 'samebits trust verify trust.json --digest 5f3c…',
        says: 'is this the file that was read to me on the phone?',
      },
    ],
    load: () => import('./commands/trust-verify.ts'),
  },
  {
    name: 'trust import',
    operands: ['FILE', 'DIR'],
    summary: 'believe a newer trust file that no log can bring any more',
    about: `For the day on which the old witnesses or the old log are lost, and the step to the next trust file cannot be shown.
Says what the file changes in the one that the client in DIR (a state or install folder) believes, and takes it only with
--digest: the SHA-256 that the publisher told you another way, by telephone or on paper. A log that stands convicted is
left behind where the file names another one.`,
    options: { digest: { value: 'SHA256', help: 'import it, if it is this file' } },
    examples: [
      { line: 'samebits trust import trust-3.json app', says: 'what would change, and which digest to ask about' },
      { line: 'samebits trust import trust-3.json app --digest 5f3c…', says: 'believe it from now on' },
    ],
    load: () => import('./commands/trust-import.ts'),
  },
  {
    name: 'state show',
    operands: ['DIR'],
    summary: 'say what a client remembers',
    about: `DIR is a state folder, or an install folder that has one. Prints the newest tree, the time, how far history was
read, floors, and what is held or convicted. The tree size is what \`samebits-build staple --from\` wants.`,
    options: {},
    examples: [{ line: 'samebits state show app', says: 'how much has this client seen?' }],
    load: () => import('./commands/state-show.ts'),
  },
  {
    name: 'state reset',
    operands: ['DIR'],
    summary: 'forget everything a client remembers',
    about: `The next run starts from the shipped anchor, as a new client does. It forgets a convicted log as well, and floors:
--yes says that this is meant. The install record is moved aside to installed.json.before-reset.`,
    options: { yes: { help: 'really forget' } },
    examples: [{ line: 'samebits state reset app --yes', says: 'start again from the anchor' }],
    load: () => import('./commands/state-reset.ts'),
  },
  {
    name: 'explain',
    operands: ['CODE?'],
    summary: 'say what a code means and what to do',
    about: 'Without a code: all of them, one line each.',
    options: {},
    examples: [{ line: 'samebits explain WITNESS_QUORUM', says: 'what happened, why it matters, what to do' }],
    load: () => import('./commands/explain.ts'),
  },
  {
    name: 'completion',
    operands: ['SHELL'],
    summary: 'print what a shell needs to complete samebits: bash, zsh or fish',
    about: `For bash, put the first example into ~/.bashrc; for fish, write it to ~/.config/fish/completions/samebits.fish.`,
    options: {},
    examples: [
      { line: 'source <(samebits completion bash)', says: 'bash, for this session' },
      { line: 'samebits completion zsh > "$fpath[1]/_samebits"', says: 'zsh' },
      { line: 'samebits completion fish | source', says: 'fish, for this session' },
    ],
    load: () => import('./commands/completion.ts'),
  },
  {
    name: 'manual',
    operands: [],
    summary: 'print the manual page, samebits(1), as roff',
    about: 'npm installs it with the package; this is for those who package otherwise.',
    options: {},
    examples: [{ line: 'samebits manual | man -l -', says: 'read it' }],
    load: () => import('./commands/manual.ts'),
  },
]
