/** `samebits-build revoke` and `samebits-build waive`: one way for both. */
import { resolve } from 'node:path'
import { type Entry, isDigest, isVersion, parseEntry, type Severity } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { Command, Option } from 'commander'
import { readStatementKey } from '../keygen.ts'
import type { LoggedRelease } from '../product-view.ts'
import { openWorkspace } from '../recipe.ts'
import type { Session } from '../session.ts'
import { type StapleResult, staple } from '../staple.ts'
import { type Claim, type ClaimLogged, logClaim, signClaim, signClaimOnce } from '../trust/claims.ts'
import { checkIsOf, entryFileName, readEntryFile, writeEntryFile } from '../trust/entry-file.ts'
import { readTrust } from '../workspace-files.ts'
import { answer, type CommandIo } from './io.ts'
import { stapledLines } from './staple.ts'
import { checkId, collect, usage } from './trust-options.ts'
import { readTrustAt } from './trust-sign.ts'
import { addSessionOptions, type SessionFlags, withSession } from './with-session.ts'

interface Flags extends SessionFlags {
  readonly reason?: string
  readonly severity?: Severity
  readonly replacement?: string
  readonly key?: string
  readonly channel?: string
  readonly entry: readonly string[]
  readonly cosign?: string
  readonly signOnly?: true
  readonly trust?: string
  readonly out?: string
}

type Kind = Claim['kind']

/** @param exit takes the command's exit status */
export function revokeCommand(io: CommandIo, exit: (status: number) => void): Command {
  const command = new Command('revoke')
    .description('log that releases must not be installed any more; clients refuse them from then on')
    .argument('[release...]', 'ids, or versions of the channel')
    .addOption(new Option('--severity <level>', 'how bad it is').choices(['low', 'medium', 'high', 'critical']))
    .option('--replacement <text>', 'what to use instead, for people; never followed')
  return claimCommand(io, exit, 'revocation', command)
}

/** @param exit takes the command's exit status */
export function waiveCommand(io: CommandIo, exit: (status: number) => void): Command {
  const command = new Command('waive')
    .description('log that a release may pass without its rebuilders: a hotfix; the authority signs it')
    .argument('[release]', 'its id, or its version in the channel')
  return claimCommand(io, exit, 'waiver', command)
}

function claimCommand(io: CommandIo, exit: (status: number) => void, kind: Kind, command: Command): Command {
  const withOptions = command
    .option('--reason <text>', 'for people')
    .option('--channel <name>', "of versions (default: the recipe's)")
    .option('--key <file>', kind === 'revocation' ? "default: the recipe's" : "the authority's key")
    .option('--cosign <id>', 'sign what another one logged, where one signature is not enough')
    .option('--entry <file>', 'log what was signed elsewhere; may be repeated', collect, [])
    .option('--sign-only', 'sign offline and write a file for --entry; the log is not asked')
    .option('--trust <file>', "with --sign-only: the trust file (default: the recipe's)")
    .option('--out <file>', 'with --sign-only: default <kind>-<id>.<key>.entry.json')
  return addSessionOptions(withOptions).action(
    async (releases: string | readonly string[] | undefined, flags: Flags) => {
      const named = releases === undefined ? [] : [releases].flat()
      exit(flags.signOnly === true ? await signOnly(io, kind, named, flags) : await logIt(io, kind, named, flags))
    },
  )
}

async function signOnly(io: CommandIo, kind: Kind, named: readonly string[], flags: Flags): Promise<number> {
  const trust =
    flags.trust === undefined
      ? await readTrust(await openWorkspace(io.cwd, flags.recipe))
      : await readTrustAt(resolve(io.cwd, flags.trust))
  if (flags.key === undefined) throw usage('--key is missing', 'Name the key that signs.')
  const key = await readStatementKey(resolve(io.cwd, flags.key))
  const claim = await claimToSign(io, kind, trust.product, named.map(checkId), flags)
  const leaf = await signClaim(trust, claim, key)
  const { id } = parseEntry(nodeCrypto, leaf)
  const out = resolve(io.cwd, flags.out ?? entryFileName(`${kind}-${id.slice(0, 8)}`, key.keyid))
  await writeEntryFile(out, leaf)
  answer(io, { file: out, id, keyid: key.keyid }, [`signed: ${out}. It is logged with --entry, where the network is`])
  return 0
}

/** What another signature is to be put under: said here, or in a file that another member signed. */
async function claimToSign(
  io: CommandIo,
  kind: Kind,
  product: string,
  ids: readonly string[],
  flags: Flags,
): Promise<Claim> {
  const [file, ...others] = flags.entry
  if (file === undefined) return claimOf(kind, product, ids, flags)
  if (others.length > 0 || ids.length > 0)
    throw usage('--sign-only takes one --entry, or releases', 'Name the file of the member who signed before.')
  const entry = await readEntryFile(resolve(io.cwd, file))
  checkIsOf({ product }, file, entry)
  return claimIn(kind, entry)
}

function claimIn(kind: Kind, { statement }: Entry): Claim {
  if (statement.kind === kind && (statement.kind === 'revocation' || statement.kind === 'waiver')) return statement
  throw usage(`it is a ${statement.kind} statement, no ${kind}`, 'Use the command for that kind.')
}

function claimOf(kind: Kind, product: string, ids: readonly string[], flags: Flags): Claim {
  const { reason, severity, replacement } = flags
  const [id, ...others] = ids
  if (id === undefined) throw usage('no release is named', 'Name its id, or its version.')
  if (reason === undefined) throw usage('--reason is missing', 'Say why, for people.')
  if (kind === 'waiver') {
    if (others.length > 0) throw usage('a waiver is for one release', 'Name one.')
    return { kind, product, id, reason }
  }
  if (severity === undefined) throw usage('--severity is missing', 'Say low, medium, high or critical.')
  const more = replacement === undefined ? {} : { replacement }
  return { kind, product, ids: [...new Set(ids)], reason, severity, ...more }
}

async function logIt(io: CommandIo, kind: Kind, named: readonly string[], flags: Flags): Promise<number> {
  const [logged, stapled] = await withSession(io, flags, async (session) => {
    const outcome = await logClaim(session, await entriesOf(io, session, kind, named, flags))
    return [outcome, outcome.met ? await staple(session, []) : null] as const
  })
  return tell(io, logged, stapled)
}

async function entriesOf(
  io: CommandIo,
  session: Session,
  kind: Kind,
  named: readonly string[],
  flags: Flags,
): Promise<readonly Entry[]> {
  if (flags.entry.length > 0) {
    const entries = await Promise.all(flags.entry.map((path) => readEntryFile(resolve(io.cwd, path))))
    for (const [at, entry] of entries.entries()) {
      checkIsOf(session.trust, flags.entry[at] ?? '', entry)
      claimIn(kind, entry)
    }
    return entries
  }
  const { recipe, at } = session.workspace
  if (kind === 'waiver' && flags.key === undefined) throw usage('--key is missing', "Name the authority's key.")
  const key = await readStatementKey(flags.key === undefined ? at(recipe.publish.key) : resolve(io.cwd, flags.key))
  const claim =
    flags.cosign === undefined
      ? claimOf(kind, session.trust.product, await idsOf(session, named, flags), flags)
      : await loggedClaim(session, kind, checkId(flags.cosign))
  return [await signClaimOnce(session, claim, key)]
}

/** Ids as they are; versions by the met releases of the channel. */
async function idsOf(session: Session, named: readonly string[], { channel }: Flags): Promise<readonly string[]> {
  if (named.every(isDigest)) return named
  const { view } = await session.now(() => null)
  const of = channel ?? session.workspace.recipe.publish.channel
  return named.map((name) => (isDigest(name) ? name : releaseOf(view.releases, of, name).id))
}

function releaseOf(releases: readonly LoggedRelease[], channel: string, version: string): LoggedRelease {
  if (!isVersion(version)) throw usage(`"${version}" is neither an id nor a version`, 'Name a release.')
  const found = releases.filter(({ statement }) => statement.channel === channel && statement.version === version)
  const [release, ...others] = found.filter(({ metAt }) => metAt !== null)
  if (release !== undefined && others.length === 0) return release
  throw new ProgramError({
    code: 'NOT_FOUND',
    detail: `${others.length > 0 ? 'several releases' : 'no release'} of ${channel} in the log ${others.length > 0 ? 'have' : 'has'} the version ${version}`,
    remedy: 'Name it by its id.',
    exitCode: 10,
  })
}

async function loggedClaim(session: Session, kind: Kind, id: string): Promise<Claim> {
  const { view } = await session.now(() => null)
  const known = kind === 'revocation' ? view.revocations : view.waivers
  const found = known.find((logged) => logged.id === id)
  if (found !== undefined) return found.statement
  throw new ProgramError({
    code: 'NOT_FOUND',
    detail: `the log holds no ${kind} ${id} by a member`,
    remedy: 'Compare the id with what the other one printed.',
    exitCode: 10,
  })
}

function tell(io: CommandIo, logged: ClaimLogged, stapled: StapleResult | null): number {
  const { kind, id, met, signed, size } = logged
  const progress = signed.map((role) => `${role.signed} of ${role.needed} of ${role.role}`).join(', or ')
  answer(io, { ...logged, stapled }, [
    `${kind} ${id} is logged, under a tree of ${size} entries`,
    met
      ? 'it counts from now on'
      : `it does not count yet: signed by ${progress}. The others run the same command with --cosign ${id}`,
    ...(stapled === null ? [] : stapledLines(stapled)),
  ])
  return met ? 0 : 20
}
