import { FormatError, fromUtf8, httpTileSource, openCheckpoint, parseVkey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { freezeLog, originIn } from '../frozen/freeze-log.ts'
import { checkSuccessor, type Frozen, type Successor } from '../frozen/frozen.ts'
import { publishLast } from '../frozen/last-checkpoint.ts'
import type { LogServerOptions } from '../options.ts'
import { answer, type CommandIo } from './io.ts'
import { loadKeys, signerFor } from './keys.ts'
import { withMode } from './modes.ts'
import { operatorLog } from './serve.ts'
import { addOptions, readOptions } from './shared-options.ts'

const help = `
Stop the server first, and serve again afterwards: reading, proofs and signing of the last tree go on, POST /add is answered 410
with the successor. It is refused while a product's clients are not led to the successor. It cannot be undone. Of several
machines on one database one is enough, and only its own server needs to be stopped. samebits-log rotate does all of it, step by step.`

interface Flags extends Record<string, unknown> {
  readonly successor: string
  readonly successorKey: readonly string[]
  readonly confirm: string
  readonly leaveBehind: readonly string[]
}

const lastCheckpointMs = 120_000

export function freezeCommand(io: CommandIo): Command {
  const collect = (value: string, all: readonly string[]) => [...all, value]
  const command = new Command('freeze')
    .description('end a log for ever, in favour of a successor: it is read on, and takes no entries any more')
    .requiredOption('--successor <URL>', 'where the log that goes on is served')
    .option('--successor-key <VKEY>', 'its keys, as keygen printed them; repeated for each', collect, [])
    .requiredOption('--confirm <ORIGIN>', 'the name of the log that ends, because there is no way back')
    .option('--leave-behind <PRODUCT>', 'do not wait for this product; may be repeated', collect, [])
    .addHelpText('after', help)
  return addOptions(command).action(async (flags: Flags) => {
    const { successor: url, successorKey: vkeys, confirm, leaveBehind, ...given } = flags
    const options = await readOptions(io, given)
    const successor = readSuccessor(url, vkeys)
    const origin = await originIn(options.dataDir)
    if (confirm !== origin)
      throw usage(`--confirm ${confirm}, and the log is ${origin}`, 'Name the log that is to end.')
    await demandServed(io, successor)
    const { frozen, checkpoint } = await freeze(io, options, { successor, leaveBehind })
    answer(io, { ...told(frozen), checkpoint }, [
      `${frozen.origin} is frozen at size ${frozen.size}; ${frozen.successor.origin} goes on at ${frozen.successor.url}`,
      'next: samebits-log serve as before, for as long as clients come that do not know the successor yet',
    ])
  })
}

export interface FreezeWish {
  readonly successor: Successor
  readonly leaveBehind: readonly string[]
}

/** Freezes, and publishes the last checkpoint. */
export async function freeze(
  io: CommandIo,
  options: LogServerOptions,
  wish: FreezeWish,
): Promise<{ frozen: Frozen; checkpoint: string }> {
  const keys = await loadKeys(io, options)
  const signer = signerFor(await originIn(options.dataDir), keys)
  return withMode(io, options, async (mode) => {
    const frozen = await freezeLog(options, mode, { ...wish, signer, now: io.timing.now })
    const operator = operatorLog(options)
    const { timing, fetch, signal } = io
    const deps = { keys, timing, fetch, operator, signal, timeoutMs: lastCheckpointMs }
    return { frozen, checkpoint: await publishLast(options, mode, deps, frozen) }
  })
}

function told({ origin, at, size, successor }: Frozen): object {
  return { origin, frozen: { at, size, successor } }
}

function readSuccessor(url: string, vkeys: readonly string[]): Successor {
  try {
    const [first] = vkeys
    if (first === undefined) throw new FormatError('frozen log', 'no --successor-key was given')
    const successor = { origin: parseVkey(nodeCrypto, first).name, url, vkeys }
    checkSuccessor(successor)
    return successor
  } catch (error) {
    if (error instanceof FormatError) throw usage(error.detail, 'Give the URL and the keys of the successor.')
    throw error
  }
}

/** Nobody may be sent to a log that is not there. @throws ProgramError SUCCESSOR_UNREACHABLE */
async function demandServed({ fetch }: Pick<CommandIo, 'fetch'>, { origin, url, vkeys }: Successor): Promise<string> {
  const signal = () => AbortSignal.timeout(10_000)
  const keys = vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
  try {
    const text = fromUtf8(await httpTileSource({ prefix: url, fetch, signal, allowHttpLoopback: true }).checkpoint())
    return openCheckpoint(nodeCrypto, text, keys, origin).text
  } catch (cause) {
    throw new ProgramError({
      code: 'SUCCESSOR_UNREACHABLE',
      detail: `${url} shows no checkpoint of ${origin} under the given keys (${cause instanceof Error ? cause.message : cause})`,
      remedy: 'Serve the successor first, and check its URL and keys.',
      exitCode: 1,
      cause,
    })
  }
}

function usage(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy })
}
