/** Who signs a release: a key file, or an identity that is certified for the moment. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ProgramError, systemReason } from '@samebits/host'
import { type Command, Option } from 'commander'
import { readStatementKey } from '../keygen.ts'
import { keylessSigner } from '../keyless.ts'
import type { Session } from '../session.ts'
import { keySigner, type StatementSigner } from '../signing.ts'
import type { CommandIo } from './io.ts'

export interface SignerFlags {
  readonly key?: string
  readonly keyless?: true
  readonly as?: string
  readonly fulcioUrl: string
  readonly tsaUrl: string
  readonly oidcTokenFile?: string
}

/** The variable that tools of Sigstore's read, too. */
const tokenVariable = 'SIGSTORE_ID_TOKEN'

export function addSignerOptions(command: Command): Command {
  return command
    .addOption(new Option('--key <file>', "the publisher's key (default: the recipe's)").conflicts('keyless'))
    .option('--keyless', 'sign as an identity that the trust file lists, certified for the moment by an OIDC token')
    .option('--as <id>', 'with --keyless: which member of the trust file (default: the only identity)')
    .option('--fulcio-url <url>', 'with --keyless: the certificate authority', 'https://fulcio.sigstore.dev')
    .option('--tsa-url <url>', 'with --keyless: the timestamp authority', 'https://timestamp.sigstore.dev')
    .option('--oidc-token-file <file>', `with --keyless: the token (default: the variable ${tokenVariable})`)
}

export async function signerOf(io: CommandIo, session: Session, flags: SignerFlags): Promise<StatementSigner> {
  if (flags.keyless === true) {
    const { fulcioUrl, tsaUrl, as: member = null } = flags
    const urls = { fulcioUrl: checkUrl(fulcioUrl), tsaUrl: checkUrl(tsaUrl) }
    return keylessSigner({ trust: session.trust, member, ...urls, token: () => tokenOf(io, flags) })
  }
  const { recipe, at } = session.workspace
  return keySigner(
    await readStatementKey(flags.key === undefined ? at(recipe.publish.key) : resolve(io.cwd, flags.key)),
  )
}

/** Https, or http to this machine, without a path: the protocol's own paths follow. */
function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const local = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url !== null && (url.protocol === 'https:' || local) && url.username + url.password + url.search === '')
    return url.href.replace(/\/+$/, '')
  throw new ProgramError({
    code: 'USAGE',
    detail: `"${text}" cannot be the URL of an authority`,
    remedy: 'Use https (http for this machine alone), without credentials.',
  })
}

/** Never in arguments: other users can read those. */
async function tokenOf(io: CommandIo, { oidcTokenFile }: SignerFlags): Promise<string> {
  const fail = (detail: string, cause?: unknown) =>
    new ProgramError({
      code: 'OIDC_TOKEN',
      detail,
      remedy: `Give --oidc-token-file, or set ${tokenVariable}.`,
      cause,
    })
  const text =
    oidcTokenFile === undefined
      ? io.environment[tokenVariable]
      : await readFile(resolve(io.cwd, oidcTokenFile), 'utf8').catch((error: Error) => {
          throw fail(`cannot read the token: ${systemReason(error)}`, error)
        })
  const token = text?.trim() ?? ''
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return token
  throw fail(token === '' ? 'there is no OIDC token' : 'what is there is no OIDC token')
}
