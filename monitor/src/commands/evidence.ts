import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  checkEvidence,
  type Evidence,
  FormatError,
  parseEvidence,
  parseTrust,
  parseVkey,
  TrustError,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError, visible } from '@samebits/host'
import { Command } from 'commander'
import { identities } from '../index/identities.ts'
import { answer, type RunningIo } from './io.ts'

const help = `
Offline, and it needs no state: the keys, or the trust file, are all that is believed.
Exit status: 0 it convicts; 10 it does not.`

/** As everywhere where a judge was asked and refused: docs/decision.md. */
const notProven = 10

export function evidenceCommand(io: RunningIo): Command {
  const check = new Command('check')
    .description('judge a file of evidence from the file alone, and say in plain words what it proves')
    .argument('<file>', 'the evidence')
    .option('--key <VKEY>', 'key of the log or witness that it may convict; may be repeated', gather, [])
    .option('--trust <FILE>', 'the trust file, for statements that contradict each other')
    .addHelpText('after', help)
    .action((file: string, flags: Flags) => judge(io, file, flags))
  return new Command('evidence').description('evidence that somebody said two things').addCommand(check)
}

interface Flags {
  readonly key: readonly string[]
  readonly trust?: string
}

function gather(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

const remedies = {
  evidence:
    'Name the file as it was handed out: from DATA/evidence of a monitor, witness or updater, or from /v1/evidence/ID. One that was changed in any byte is none.',
  key: 'Give the key as its log or witness prints it, NAME+HASH+KEY in one piece, in quotes.',
  trust: 'Give the trust file that the product ships (trust.json), unchanged.',
} as const

/** @throws ProgramError with the parser's own code and cause */
function readable<T>(what: string, remedy: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof FormatError || cause instanceof TrustError)) throw cause
    throw new ProgramError({ code: cause.code, detail: `${what}: ${cause.message}`, remedy, cause })
  }
}

async function judge(io: RunningIo, file: string, { key, trust }: Flags): Promise<void> {
  if (key.length === 0 && trust === undefined)
    throw new ProgramError({ code: 'USAGE', detail: 'nobody to believe was named', remedy: 'Give --key or --trust.' })
  const bytes = await readFile(resolve(io.cwd, file))
  const evidence: Evidence = readable(file, remedies.evidence, () => parseEvidence(bytes))
  const keys = key.map((vkey) => readable(`--key ${vkey}`, remedies.key, () => parseVkey(nodeCrypto, vkey)))
  const trustBytes = trust === undefined ? null : await readFile(resolve(io.cwd, trust))
  const trustFile =
    trustBytes === null ? null : readable(`${trust}`, remedies.trust, () => parseTrust(nodeCrypto, trustBytes))
  const finding = checkEvidence({
    crypto: nodeCrypto,
    evidence,
    keys,
    identities,
    ...(trustFile === null ? {} : { trust: trustFile }),
  })
  answer(io, { kind: evidence.kind, origin: evidence.origin, ...finding }, [
    `${evidence.kind} in ${visible(evidence.origin)}: ${finding.verdict === 'convicts' ? 'proven' : finding.verdict}`,
    ...finding.findings.map((line) => `  ${visible(line)}`),
  ])
  if (finding.verdict !== 'convicts') io.leaveWith(notProven)
}
