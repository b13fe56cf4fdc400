/** What `trust init` and `trust propose` share: members, thresholds and policies as people write them. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { FormatError, isDigest, parsePolicy, type Role, roles } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, systemReason } from '@samebits/host'
import type { Command } from 'commander'
import { readPublicPem } from '../keygen.ts'
import type { NewMember } from '../trust/first.ts'

export interface MemberFlags {
  readonly add: readonly string[]
  readonly addIdentity: readonly string[]
  readonly threshold: readonly string[]
  readonly policy?: string
  readonly trustedRoot?: string
}

/** For options that may be repeated. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

export function addMemberOptions(command: Command): Command {
  return command
    .option(
      '--add <role:id=file>',
      'a member: role (authority, publishers, rebuilders), id, and the public key that keygen printed; role:id@operator=file where it counts for somebody else; may be repeated',
      collect,
      [],
    )
    .option(
      '--add-identity <role:id=issuer,san>',
      'a member that signs without a key: issuer and subject of its certificates, exactly; may be repeated',
      collect,
      [],
    )
    .option('--threshold <role=number>', 'how many operators of a role must agree; may be repeated', collect, [])
    .option('--policy <file>', 'a C2SP tlog-policy file: log, witnesses and quorum')
    .option('--trusted-root <file>', "a Sigstore TrustedRoot, the authorities of identities' certificates")
}

export async function membersOf(cwd: string, flags: MemberFlags): Promise<readonly NewMember[]> {
  const keys = flags.add.map(async (text): Promise<NewMember> => {
    const { value, ...who } = splitMember('--add', text)
    return { ...who, by: { publicKey: await readPublicPem(resolve(cwd, value)) } }
  })
  const identities = flags.addIdentity.map((text): NewMember => {
    const { value, ...who } = splitMember('--add-identity', text)
    const comma = value.indexOf(',')
    if (comma < 1) throw usage(`--add-identity ${text} names no issuer and subject`, 'Write role:id=issuer,san.')
    return { ...who, by: { identity: { issuer: value.slice(0, comma), san: value.slice(comma + 1) } } }
  })
  return [...(await Promise.all(keys)), ...identities]
}

function splitMember(option: string, text: string): Omit<NewMember, 'by'> & { readonly value: string } {
  const [, role, id, operator, value] = /^([a-z]+):([^@=]+)(?:@([^=]+))?=(.+)$/s.exec(text) ?? []
  if (id === undefined || value === undefined)
    throw usage(`${option} ${text} is not of the form role:id=value`, 'Write it as publishers:alice=alice.pub.pem.')
  return { role: checkRole(role ?? ''), id, operator: operator ?? null, value }
}

export function thresholdsOf({ threshold }: MemberFlags): ReadonlyMap<Role, number> {
  return new Map(
    threshold.map((text) => {
      const [role = '', number = '', ...rest] = text.split('=')
      if (!/^[0-9]{1,3}$/.test(number) || rest.length > 0)
        throw usage(`--threshold ${text} is not of the form role=number`, 'Write it as publishers=2.')
      return [checkRole(role), Number(number)]
    }),
  )
}

function checkRole(text: string): Role {
  const role = roles.find((known) => known === text)
  if (role !== undefined) return role
  throw usage(`"${text}" is no role`, `Use one of: ${roles.join(', ')}.`)
}

/** The text of a policy file, once it was read as one. Null where none is named. */
export async function policyText(cwd: string, { policy }: MemberFlags): Promise<string | null> {
  if (policy === undefined) return null
  const text = (await readBytes(cwd, 'the policy', policy)).toString('utf8')
  try {
    return parsePolicy(nodeCrypto, text).text
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new ProgramError({
      code: 'POLICY_INVALID',
      detail: `${policy} is no policy: ${error.detail}`,
      remedy: 'Write it as C2SP tlog-policy says, with one log line that ends in its URL.',
      cause: error,
    })
  }
}

export async function trustedRootOf(cwd: string, { trustedRoot }: MemberFlags): Promise<object | null> {
  if (trustedRoot === undefined) return null
  const text = (await readBytes(cwd, 'the trusted root', trustedRoot)).toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw usage(`${trustedRoot} is no JSON object`, 'Name a Sigstore trusted_root.json.')
}

/** A file that a flag names. @throws ProgramError FILE_UNREADABLE */
export async function readBytes(cwd: string, what: string, path: string): Promise<Buffer> {
  return readFile(resolve(cwd, path)).catch((error: Error) => {
    throw new ProgramError({
      code: 'FILE_UNREADABLE',
      detail: `cannot read ${what} ${path}: ${systemReason(error)}`,
      remedy: 'Name a file that is there.',
      cause: error,
    })
  })
}

export function checkId(id: string): string {
  if (isDigest(id)) return id
  throw usage(`"${id}" is no id`, 'An id has 64 lower-case hex digits, as publish prints it.')
}

export function usage(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy })
}
