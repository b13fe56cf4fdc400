import { resolve } from 'node:path'
import type { Entry, Policy, Trust } from '@samebits/core'
import { Command } from 'commander'
import { openWorkspace } from '../recipe.ts'
import { type StapleResult, staple } from '../staple.ts'
import { carryHeads } from '../trust/carry-heads.ts'
import { checkIsOf, entriesBeside, readEntryFile } from '../trust/entry-file.ts'
import { publishTrust, type TrustPublished } from '../trust/publish-trust.ts'
import { readTrust } from '../workspace-files.ts'
import { answer, type CommandIo } from './io.ts'
import { stapledLines } from './staple.ts'
import { usage } from './trust-options.ts'
import { readTrustAt } from './trust-sign.ts'
import { addSessionOptions, type SessionFlags, withSession } from './with-session.ts'

interface Flags extends SessionFlags {
  readonly inNewLog?: true
}

/** @param exit takes the command's exit status */
export function trustPublishCommand(io: CommandIo, exit: (status: number) => void): Command {
  const command = new Command('publish')
    .description(
      'log the next trust file with its signatures, and put it in force here: bundles, anchor and feed carry it',
    )
    .argument('<file>', 'the next trust file')
    .argument('[entry...]', 'the signed statements (default: all <file>.*.entry.json beside it)')
    .option('--in-new-log', 'where another log takes over and this one takes no entries any more: log it there')
  return addSessionOptions(command).action(async (file: string, entries: readonly string[], flags: Flags) => {
    exit(await run(io, resolve(io.cwd, file), entries, flags))
  })
}

async function run(io: CommandIo, path: string, named: readonly string[], flags: Flags): Promise<number> {
  const next = await readTrustAt(path)
  const current = await readTrust(await openWorkspace(io.cwd, flags.recipe))
  let step: TrustPublished | null = null
  if (current.sha256 !== next.sha256) {
    const entries = await readEntries(io, path, named, next)
    const policy = flags.inNewLog === true ? successorPolicy(current, next) : null
    const options = { bringing: next.version, ...(policy === null ? {} : { policy }) }
    step = await withSession(io, flags, (session) => publishTrust(session, next, entries), options)
    if (step.kind === 'open') return tellOpen(io, step)
  }
  // From here on it is in force: whatever is interrupted is finished by running this again, or staple.
  const stapled = await withSession(io, flags, async (session) => {
    await carryHeads(session)
    return staple(session, [])
  })
  return tellInForce(io, next, step, stapled)
}

async function readEntries(
  io: CommandIo,
  path: string,
  named: readonly string[],
  next: Trust,
): Promise<readonly Entry[]> {
  const paths = named.length > 0 ? named.map((each) => resolve(io.cwd, each)) : await entriesBeside(path)
  if (paths.length === 0)
    throw usage(`nobody has signed ${path}`, `Sign it first: samebits-build trust sign ${path} --key FILE.`)
  const entries: Entry[] = []
  for (const each of paths) {
    const entry = await readEntryFile(each)
    checkIsOf(next, each, entry)
    entries.push(entry)
  }
  return entries
}

/** The new log under the word of the old witnesses (docs/formats.md §2, *Replacing a log*). */
function successorPolicy(current: Trust, next: Trust): Policy {
  if (current.origin !== next.origin) return { ...current.policy, logs: next.policy.logs }
  throw usage('--in-new-log, and the file names the same log', 'Leave it out.')
}

function tellOpen(io: CommandIo, step: TrustPublished): number {
  const { old, own, version } = step
  answer(io, step, [
    `version ${version} is logged and not in force: signed by ${old.signed} of ${old.needed} of the authority in force and ${own.signed} of ${own.needed} of the new one`,
    'The others run: samebits-build trust sign, and then this again with their files.',
  ])
  return 20
}

function tellInForce(io: CommandIo, next: Trust, step: TrustPublished | null, stapled: StapleResult): number {
  const { version, sha256 } = next
  answer(io, { kind: 'in-force', version, sha256, step, stapled }, [
    `version ${version} of the trust file is in force${step === null ? '' : `, in ${step.log} at size ${step.size}`}`,
    ...stapledLines(stapled),
    'Keep trust.json, trust-steps/, the anchor and sizes.json under version control, and ship them with the next build.',
  ])
  return 0
}
