/** `samebits update --trust FILE --into DIR` */
import { dirname, resolve } from 'node:path'
import {
  type Accepted,
  bundleCaps,
  type Current,
  type InstalledFlaw,
  type Notice,
  refuse,
  verdictExit,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, type Progress, progress, visible } from '@samebits/host'
import { sigstoreIdentities } from '@samebits/identity'
import {
  createUpdater,
  type HealthCheck,
  type Stopped,
  type UpdaterEvent,
  type UpdaterOptions,
} from '@samebits/updater'
import type { Arguments, Run } from '../command.ts'
import { gossipUrls, tellGossip } from '../gossip.ts'
import { readInput } from '../input-file.ts'
import { readTrustInputs } from '../inputs.ts'
import { durationOption } from '../options.ts'
import { patienceOf } from '../patience.ts'
import { provenLines } from '../proven-report.ts'
import { tellNotices, tellRefusal } from '../refusal-report.ts'
import { checklist, styled } from '../screen.ts'
import { stateFolderOf } from '../state-folder.ts'
import type { World } from '../world.ts'

const maxHeaderBytes = 64 * 1024
const maxAuthoritiesBytes = 4 * 1024 * 1024

export const run: Run = async (given, world) => {
  const ca = given.text('ca')
  if (ca !== undefined) world.trustAuthorities(readAuthorities(ca))
  const display = createDisplay(world)
  const updater = createUpdater(await updaterOptions(given, world, display.onEvent))
  const { signal } = world
  try {
    const found = await updater.check({ signal })
    if (found.kind === 'stopped') return tellRefusal(world, found)
    if (found.kind === 'current') return tellCurrent(world, found.current, found.notices)
    if (given.has('check')) return tellAccepted(world, 'accepted', found.release, found.notices)
    const fetched = await updater.download({ signal })
    if (fetched.kind === 'stopped') return tellRefusal(world, fetched)
    const done = await updater.apply({ signal })
    if (done.kind === 'stopped') return tellRefusal(world, done)
    if (done.kind === 'current') return tellCurrent(world, done.current, done.notices)
    if (done.kind === 'nothing-staged') return tellRefusal(world, takenByAnother)
    return tellAccepted(world, 'installed', done.release, [...found.notices, ...fetched.notices])
  } finally {
    display.finish()
  }
}

/** Two runs on one folder: the other one installed what this one had staged, or put it away. */
const takenByAnother: Stopped = {
  kind: 'stopped',
  refusal: refuse('STATE_BUSY', '25', 'another run has taken what was downloaded here'),
  notices: [],
  evidencePath: null,
}

async function updaterOptions(
  given: Arguments,
  world: World,
  onEvent: (event: UpdaterEvent) => void,
): Promise<UpdaterOptions> {
  const installDir = resolve(given.text('into') ?? '')
  const bundlePath = given.text('bundle')
  const feeds = given.all('feed')
  const headers = given.text('feed-headers')
  const check = healthCheck(given)
  return {
    ...readTrustInputs(given),
    installDir,
    stateDir: given.text('state') ?? stateFolderOf(installDir),
    platform: given.text('platform') ?? world.platform,
    artifact: given.text('artifact') ?? null,
    mediaType: given.text('media-type') ?? null,
    feeds: feeds.length === 0 ? null : feeds,
    bundle: bundlePath === undefined ? null : readInput('bundle', bundlePath, bundleCaps.bytes),
    localFiles: bundlePath === undefined ? null : dirname(bundlePath),
    online: !given.has('offline'),
    acceptStale: durationOption(given, 'accept-stale'),
    downgradeTo: given.text('downgrade-to') ?? null,
    repair: given.has('repair'),
    executable: given.has('executable'),
    unpack: given.has('unpack'),
    ...(headers === undefined ? {} : { feedHeaders: parseHeaders(readInput('header file', headers, maxHeaderBytes)) }),
    ...(check === null ? {} : { healthCheck: check }),
    ...patienceOf(given),
    fetch: world.fetch,
    clock: world.clock,
    stopwatch: world.stopwatch,
    random: world.random,
    os: world.os,
    uid: world.uid,
    crypto: nodeCrypto,
    identities: sigstoreIdentities(),
    gossip: gossipUrls(given),
    relieveMemory: world.collector(),
    onEvent,
  }
}

/** `--health-check`: words split at blanks, or a JSON array of words. */
function healthCheck(given: Arguments): HealthCheck | null {
  const text = given.text('health-check')
  if (text === undefined) return null
  const words: unknown = text.startsWith('[') ? parseJsonArray(text) : text.split(/\s+/).filter((word) => word !== '')
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string') || words[0] === undefined)
    throw new ProgramError({
      code: 'USAGE',
      detail: '--health-check names no command',
      remedy: 'Write a command, or a JSON array of its words.',
    })
  const [program, ...rest] = words
  return { command: [program, ...rest], timeoutMs: (durationOption(given, 'health-timeout') ?? 30) * 1000 }
}

function parseJsonArray(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** @throws ProgramError USAGE, FILE_UNREADABLE */
function readAuthorities(path: string): string {
  const pem = new TextDecoder().decode(readInput('file of certificate authorities', path, maxAuthoritiesBytes))
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw new ProgramError({
    code: 'USAGE',
    detail: `${path} holds no certificate`,
    remedy: 'Name a PEM file: -----BEGIN CERTIFICATE-----.',
  })
}

/** `NAME: VALUE` lines. @throws ProgramError USAGE; the values are never quoted */
function parseHeaders(bytes: Uint8Array): Record<string, string> {
  const headers: Record<string, string> = {}
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/)
  for (const [at, line] of lines.entries()) {
    if (line === '') continue
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*)$/.exec(line)
    if (match?.[1] === undefined || match[2] === undefined)
      throw new ProgramError({
        code: 'USAGE',
        detail: `line ${at + 1} of the header file is no header`,
        remedy: 'Write NAME: VALUE.',
      })
    headers[match[1].toLowerCase()] = match[2]
  }
  return headers
}

function createDisplay(world: World) {
  let shown: Progress | null = null
  let name = ''
  const start = (label: string, unit: string, total: number) => {
    // Nobody watches a file or a pipe.
    if (name === label || world.stderr.isTTY !== true) return
    shown?.finish()
    name = label
    shown = progress({ stream: world.stderr, clock: world.stopwatch, unit, label: visible(label), total })
  }
  return {
    onEvent(event: UpdaterEvent) {
      if (event.kind === 'gossip') tellGossip(world, event)
      if (event.kind === 'recovered') world.stderr.write(`note recovered: ${visible(event.detail)}\n`)
      if (event.kind === 'history') start('reading history', 'entries', event.size)
      if (event.kind === 'download') start(event.name, 'bytes', event.total)
      if (event.kind === 'history') shown?.update(event.from)
      if (event.kind === 'download') shown?.update(event.received)
      if (event.kind === 'download' && event.received === event.total) shown?.finish()
    },
    finish: () => shown?.finish(),
  }
}

function tellCurrent(world: World, current: Current, notices: readonly Notice[]): number {
  const exit = verdictExit(current)
  const { flaw, id, proven } = current
  if (world.json) {
    world.stdout.write(`${JSON.stringify({ result: 'current', exit, flaw, id, proven, notices })}\n`)
    return exit
  }
  tellNotices(world, notices)
  if (flaw === null)
    world.stdout.write(`nothing newer: what is installed is current\n${checklist(world, provenLines(current))}`)
  else world.stderr.write(flawText(world, flaw))
  return exit
}

/** The one result that is neither a refusal nor good: somebody runs what they should not. */
function flawText(world: World, flaw: InstalledFlaw): string {
  const what = flaw === 'revoked' ? 'the publisher has withdrawn it' : 'the publisher does not stand behind it any more'
  return `${styled(world, 'yellow', flaw.toUpperCase())}: nothing newer is there, and what is installed must not be used
  seen      ${what}
  do        Stop using it, and update as soon as there is a newer release.
`
}

function tellAccepted(
  world: World,
  result: 'accepted' | 'installed',
  release: Accepted,
  notices: readonly Notice[],
): number {
  if (world.json) {
    const { id, channel, sequence, version, files, flaw, downgrade, proven } = release
    world.stdout.write(
      `${JSON.stringify({ result, exit: 0, release: { id, channel, sequence, version, files }, flaw, downgrade, proven, notices })}\n`,
    )
    return 0
  }
  tellNotices(world, notices)
  world.stdout.write(
    `${release.version} (${release.channel} ${release.sequence})\n${checklist(world, provenLines(release))}`,
  )
  const names = release.files.map(({ name }) => visible(name)).join(', ')
  world.stdout.write(
    result === 'installed'
      ? `${styled(world, 'green', 'installed')} ${names}\n`
      : `${styled(world, 'green', 'accepted')}, not installed: ${names}\n`,
  )
  return 0
}
