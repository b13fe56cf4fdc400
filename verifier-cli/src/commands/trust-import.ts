/** `samebits trust import FILE DIR --digest SHA256` */
import { importTrust, isDigest, parseTrust, type State, type Trust, trustChanges, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, visible } from '@samebits/host'
import { createStateStore, readState } from '@samebits/updater'
import type { Run } from '../command.ts'
import { readInput } from '../input-file.ts'
import { maxTrustBytes, readTrustFile, trustInvalid } from '../read-trust.ts'
import { writeJson } from '../report.ts'
import { checklist, styled } from '../screen.ts'
import { findState, stateMissing } from '../state-folder.ts'
import type { World } from '../world.ts'

export const run: Run = async (given, world) => {
  const [file = '', asked = ''] = given.positionals
  const digest = given.text('digest')
  if (digest !== undefined && !isDigest(digest))
    throw new ProgramError({
      code: 'USAGE',
      detail: '--digest is not 64 lower-case hex digits',
      remedy: 'Give the whole SHA-256.',
    })
  const next = readTrustFile(file)
  const { folder } = await findState(asked)
  const state = await readState(folder, nodeCrypto)
  if (state === null) throw stateMissing(folder)
  const current = storedTrust(state)
  if (!world.json) world.stdout.write(changesText(world, current, next))
  if (digest === undefined)
    throw new ProgramError({
      code: 'USAGE',
      detail: `nothing was imported: ${file} has the SHA-256 ${next.sha256}`,
      remedy: 'Compare it with what the publisher told you another way, and give it with --digest.',
    })
  const imported = importTrust(nodeCrypto, state, readInput('trust file', file, maxTrustBytes), digest)
  if (imported.kind === 'stopped') throw trustInvalid(`${file}: ${imported.refusal.detail}`)
  const store = createStateStore({ directory: folder, hasher: nodeCrypto, identity: { uid: world.uid } })
  await store.save(imported.state, state.generation)
  tell(world, folder, current, next)
  return 0
}

/** @throws ProgramError TRUST_INVALID where this program refuses what an earlier one stored */
function storedTrust({ trust }: State): Trust {
  try {
    return parseTrust(nodeCrypto, utf8(trust.body))
  } catch (error) {
    throw trustInvalid(`the stored trust file: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** What a person decides about, before anything is believed. */
function changesText(world: World, current: Trust, next: Trust): string {
  const title = `${visible(next.product)}: version ${current.version} -> ${next.version}`
  const lines = trustChanges(current, next).map(({ text, weakens }) => ({
    mark: weakens ? ('warn' as const) : ('none' as const),
    label: '',
    text,
  }))
  return `${styled(world, 'bold', title)}\n${lines.length === 0 ? '  nothing changes\n' : checklist(world, lines)}`
}

function tell(world: World, folder: string, current: Trust, next: Trust): void {
  const { product, version, sha256, forkCost } = next
  if (world.json) {
    const changes = trustChanges(current, next)
    writeJson(world, { result: 'imported', state: folder, product, version, sha256, forkCost, changes })
  } else world.stdout.write(`${styled(world, 'green', 'imported')} into ${folder}; the next run asks by it\n`)
}
