import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { formatVkey, NO_QUORUM, type Policy, parsePolicy } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, systemReason } from '@samebits/host'
import { Command } from 'commander'
import { createAll } from '../create-all.ts'
import { authorityFile, initFiles, readLogFile, unwitnessedPolicy } from '../init.ts'
import { statementAlgorithms } from '../keygen.ts'
import { newestTree, openLog, openTree, type Tree } from '../log-access.ts'
import { checkChannel, checkProduct } from '../names.ts'
import { isFeedUrl } from '../recipe.ts'
import { answer, type CommandIo } from './io.ts'

interface Flags {
  readonly product?: string
  readonly channel?: string
  readonly log?: string
  readonly logUrl?: string
  readonly logVkey?: string
  readonly policy?: string
  readonly feedUrl: readonly string[]
  readonly algorithm: string
}

/** Where `samebits-log serve` listens unless told otherwise. */
const localLogUrl = 'http://127.0.0.1:2025'

export function initCommand(io: CommandIo): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value]
  return new Command('init')
    .description('begin a product here: recipe, keys, admission file, trust file, first anchor; overwrites nothing')
    .option('--product <name>', 'as example.com/notes')
    .option('--channel <name>', 'the first channel (default: stable)')
    .option('--log <file>', 'a log of your own: the file that samebits-log init --json wrote')
    .option('--log-url <url>', `where the log answers (default with --log: ${localLogUrl})`)
    .option('--log-vkey <vkey>', "somebody's log: its verifier key; needs --log-url")
    .option(
      '--policy <file>',
      'a log with witnesses: a C2SP tlog-policy file with one log line and its URL; with --log it need not serve yet',
    )
    .option('--feed-url <url>', 'where the feed folder will be served; may be repeated', collect, [])
    .option('--algorithm <name>', `of both keys: ${Object.keys(statementAlgorithms).join(', ')}`, 'ed25519')
    .action((flags: Flags) => init(io, flags))
}

async function init(io: CommandIo, flags: Flags): Promise<void> {
  const product = checkProduct(flags.product ?? (await question(io, '--product', 'Product (as example.com/notes): ')))
  const { policy, tree } = await chooseLog(io, flags)
  const channel = checkChannel(flags.channel ?? ((await question(io, null, 'Channel [stable]: ')) || 'stable'))
  const feeds = flags.feedUrl.map(checkFeedUrl)
  const { algorithm } = flags
  const files = initFiles({ product, channel, policy, checkpoint: tree.signed, feeds, algorithm })
  io.signal.throwIfAborted()
  await createAll(io.cwd, files)
  const paths = files.map(({ path }) => path)
  answer(io, { product, channel, origin: tree.signed.checkpoint.origin, files: paths }, [
    `${product} begins here, in the log ${tree.signed.checkpoint.origin} at size ${tree.size}:`,
    ...paths.map((path) => `  ${path}`),
  ])
  for (const line of advice(policy)) io.machine.say(line)
}

function advice(policy: Policy): readonly string[] {
  return [
    `Move ${authorityFile} to a medium that is kept offline: it revokes, waives and changes trust, and is not needed to publish.`,
    ...(policy.quorum === NO_QUORUM
      ? [
          'No witnesses: clients cannot tell how old a view is, and the log alone could show two histories. Add witnesses before others rely on it.',
        ]
      : []),
    'Ship trust.json and the anchor with the application; keep the recipe, trust.json, the anchor and sizes.json under version control.',
  ]
}

/** An answer from the person, where one is there; without one a flag that has no default must be given. */
async function question(io: CommandIo, flag: string | null, text: string): Promise<string> {
  if (io.ask !== null) return (await io.ask(text, io.signal)).trim()
  if (flag === null) return ''
  throw new ProgramError({
    code: 'USAGE',
    detail: `${flag} is missing, and nobody is there to ask`,
    remedy: `Give ${flag}, or run in a terminal.`,
  })
}

interface ChosenLog {
  readonly policy: Policy
  readonly tree: Tree
}

async function chooseLog(io: CommandIo, flags: Flags): Promise<ChosenLog> {
  if (flags.log !== undefined && flags.policy !== undefined && flags.logVkey === undefined)
    return ownLogUnder(io, flags.log, await readPolicy(resolve(io.cwd, flags.policy)), flags.logUrl)
  const given = [flags.log, flags.logVkey, flags.policy].filter((value) => value !== undefined).length
  if (given > 1)
    throw new ProgramError({
      code: 'USAGE',
      detail: 'more than one of --log, --log-vkey and --policy',
      remedy: 'Name the log once; --log and --policy go together for a log of your own that has witnesses.',
    })
  if (flags.policy !== undefined) return fetchLog(io, await readPolicy(resolve(io.cwd, flags.policy)))
  if (flags.log !== undefined) return ownLog(io, flags.log, flags.logUrl ?? localLogUrl)
  if (flags.logUrl === undefined && flags.logVkey === undefined) {
    const place = await question(
      io,
      '--log',
      'Log: a URL, or the file of your own that samebits-log init --json wrote: ',
    )
    if (!isFeedUrl(place)) return ownLog(io, place, localLogUrl)
    return fetchLog(io, unwitnessedPolicy(await question(io, '--log-vkey', "The log's vkey: "), place))
  }
  const url = flags.logUrl ?? (await question(io, '--log-url', "The log's URL: "))
  const vkey = flags.logVkey ?? (await question(io, '--log-vkey', "The log's vkey: "))
  return fetchLog(io, unwitnessedPolicy(vkey, checkLogUrl(url)))
}

/** A log that may not be serving yet: what its own init printed is as good as what it will answer. */
async function ownLog(io: CommandIo, path: string, url: string): Promise<ChosenLog> {
  const file = await readLogFile(resolve(io.cwd, path))
  const policy = unwitnessedPolicy(file.vkeys.at(-1) ?? '', checkLogUrl(url))
  const log = openLog({ machine: io.machine, policy, signal: io.signal })
  return { policy, tree: openTree(log, file.checkpoint) }
}

/** The same with witnesses: they are asked once the log serves, and need not be there yet. */
async function ownLogUnder(io: CommandIo, path: string, policy: Policy, url: string | undefined): Promise<ChosenLog> {
  const file = await readLogFile(resolve(io.cwd, path))
  const [log] = policy.logs
  if (log === undefined || !file.vkeys.includes(formatVkey(log.key)) || (url !== undefined && url !== log.url))
    throw new ProgramError({
      code: 'POLICY_INVALID',
      detail: `the log line of the policy is not the log of ${path}${url === undefined ? '' : ` at ${url}`}`,
      remedy: `Write it as: log ${file.vkeys.at(-1) ?? ''} ${url ?? localLogUrl}`,
    })
  return { policy, tree: openTree(openLog({ machine: io.machine, policy, signal: io.signal }), file.checkpoint) }
}

async function fetchLog(io: CommandIo, policy: Policy): Promise<ChosenLog> {
  const log = openLog({
    machine: io.machine,
    policy,
    signal: io.signal,
    limits: { totalMs: 15_000, firstMs: 250, mostMs: 5000 },
  })
  return { policy, tree: await log.patiently(() => newestTree(log)) }
}

async function readPolicy(path: string): Promise<Policy> {
  const refuse = (why: string, cause: unknown) =>
    new ProgramError({
      code: 'POLICY_INVALID',
      detail: `${path} is no policy: ${why}`,
      remedy: 'Write it as C2SP tlog-policy says, with one log line that ends in its URL.',
      cause,
    })
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw refuse(systemReason(error), error)
  })
  try {
    return parsePolicy(nodeCrypto, text)
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error)
  }
}

function checkLogUrl(url: string): string {
  return checkUrl(url, 'the log')
}

function checkFeedUrl(url: string): string {
  return checkUrl(url, 'a feed')
}

function checkUrl(url: string, what: string): string {
  if (isFeedUrl(url) && !/\s/.test(url)) return url
  throw new ProgramError({
    code: 'USAGE',
    detail: `"${url}" cannot be the URL of ${what}`,
    remedy: 'Use https without user, query and fragment (http for this machine alone).',
  })
}
