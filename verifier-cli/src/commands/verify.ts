/** `samebits verify ARTIFACT --trust FILE` */
import { bundleCaps, refuse, updateBundleFileName } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, systemReason, visible } from '@samebits/host'
import { sigstoreIdentities } from '@samebits/identity'
import { hashFile, type VerifyResult, verifyArtifact } from '@samebits/updater'
import type { Arguments, Run } from '../command.ts'
import { gossipUrls, tellGossip } from '../gossip.ts'
import { readInput, readOptional } from '../input-file.ts'
import { readTrustInputs } from '../inputs.ts'
import { durationOption } from '../options.ts'
import { provenLines } from '../proven-report.ts'
import { tellNotices, tellRefusal } from '../refusal-report.ts'
import { checklist, styled } from '../screen.ts'
import type { World } from '../world.ts'

export const run: Run = async (given, world) => {
  const monitors = gossipUrls(given)
  const file = given.positionals[0] ?? ''
  const digest = hashFile(file, world.signal).catch((error: unknown) => {
    throw fileError(file, error)
  })
  // Awaited last; until then a file that cannot be read is no unhandled rejection.
  digest.catch(() => undefined)
  const { trust, anchor, channel } = readTrustInputs(given)
  const bundlePath = given.text('bundle') ?? updateBundleFileName(file)
  const bundle = readBundle(given, bundlePath)
  if (bundle === null) {
    await digest
    const refusal = refuse('PROOF_MISSING', '13', `there is no update bundle at ${bundlePath}`)
    return tellRefusal(world, { kind: 'stopped', refusal, notices: [], evidencePath: null })
  }
  const result = await verifyArtifact({
    file,
    digest,
    bundle,
    trust,
    anchor,
    want: {
      channel,
      platform: given.text('platform') ?? world.platform,
      artifact: given.text('artifact') ?? null,
      mediaType: given.text('media-type') ?? null,
      maxAge: durationOption(given, 'max-age'),
    },
    now: world.clock(),
    crypto: nodeCrypto,
    identities: sigstoreIdentities(),
    stateDir: given.text('state') ?? null,
    uid: world.uid,
    ...(monitors.length === 0
      ? {}
      : { gossip: { monitors, fetch: world.fetch, onEvent: (event) => tellGossip(world, event) } }),
    signal: world.signal,
  })
  return result.kind === 'stopped' ? tellRefusal(world, result) : tellVerified(world, file, result)
}

function readBundle(given: Arguments, path: string): Uint8Array | null {
  const named = given.text('bundle') !== undefined
  return (named ? readInput : readOptional)('bundle', path, bundleCaps.bytes)
}

function fileError(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error
  const detail = `cannot read ${file}: ${systemReason(error)}`
  return new ProgramError({
    code: 'FILE_UNREADABLE',
    detail,
    remedy: 'Check the path and its permissions.',
    cause: error,
  })
}

function tellVerified(
  world: World,
  file: string,
  result: Extract<VerifyResult, { readonly kind: 'verified' }>,
): number {
  const { release, digest, notices } = result
  const { id, channel, sequence, version, proven, files } = release
  const name = files[0]?.name ?? ''
  if (world.json) {
    const artifact = { file, name, ...digest }
    world.stdout.write(
      `${JSON.stringify({ result: 'verified', exit: 0, release: { id, channel, sequence, version }, artifact, proven, notices })}\n`,
    )
    return 0
  }
  tellNotices(world, notices)
  const bytes = { mark: 'ok' as const, label: 'bytes', text: `${digest.size} bytes, SHA-256 ${digest.sha256}` }
  world.stdout.write(
    `${styled(world, 'green', 'VERIFIED')} ${visible(file)} is ${visible(name)} ${version} (${channel} ${sequence})\n${checklist(world, [...provenLines(release), bytes])}`,
  )
  return 0
}
