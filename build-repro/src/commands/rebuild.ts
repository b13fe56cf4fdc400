import { ProgramError } from '@samebits/host'
import { Command } from 'commander'
import { readRebuilderConfig, rebuilderConfigName } from '../rebuild/config.ts'
import type { OnceResult } from '../rebuild/once.ts'
import { type RebuilderParts, rebuildOneRelease, serveRebuilder } from '../rebuild/run-rebuilder.ts'
import { engineNamed } from './engine-options.ts'
import { answer, type CommandIo } from './io.ts'

interface Flags {
  readonly config: string
  readonly once?: string
  readonly again?: true
  readonly engine?: string
  readonly host: string
  readonly port: string
  readonly http: boolean
}

const help = `
Without --once it follows the logs, builds every release that has no vote of this rebuilder's yet, and serves a status page at
--host and --port. A build that does not come to an end is never a vote.

exit with --once: 0 the same bits, 10 other bits or not to be built, 20 not now: run it again`

/** @param exit takes the command's exit status */
export function rebuildCommand(io: CommandIo, version: string, exit: (status: number) => void): Command {
  return new Command('rebuild')
    .description('build releases again from their logged source, and log what came out')
    .option('--config <FILE>', 'who rebuilds what', rebuilderConfigName)
    .option('--once <RELEASE>', 'one release, by its id or version, and end')
    .option('--again', 'with --once: vote although this rebuilder has voted')
    .option('--engine <NAME>', "podman or docker; default: the configuration's, or what is there")
    .option('--host <ADDRESS>', 'address of the status page', '127.0.0.1')
    .option('--port <N>', 'its port; 0 lets the system choose', '2027')
    .option('--no-http', 'no status page')
    .addHelpText('after', help)
    .action(async (flags: Flags) => exit(await rebuild(io, version, flags)))
}

async function rebuild(io: CommandIo, version: string, flags: Flags): Promise<number> {
  const { environment, machine, signal } = io
  const port = checkPort(flags.port)
  const config = await readRebuilderConfig(io.cwd, flags.config)
  const engine = await engineNamed(io, flags.engine ?? config.engine ?? undefined)
  const parts: RebuilderParts = { config, engine, machine, environment, version, signal }
  if (flags.once !== undefined)
    return tell(io, await rebuildOneRelease(parts, { wanted: flags.once, again: flags.again === true }))
  await serveRebuilder(parts, flags.http ? { host: flags.host, port } : null, (about) => {
    const where = about.url === null ? '' : `; status at ${about.url}`
    answer(io, about, [`rebuilding ${about.products.join(', ')} with ${about.engine}${where}`])
  })
  machine.say('stopped')
  return 0
}

function tell(io: CommandIo, result: OnceResult): number {
  const lines = result.votes.map(({ job, says, index, different, folder }) => {
    if (says === 'positive') return `the same bits: ${job}, entry ${index}`
    const kept = folder === null ? '' : `; logs and outputs are in ${folder}`
    return `OTHER BITS: ${different.join(', ')} (${job}), entry ${index}${kept}`
  })
  answer(io, result, lines)
  return result.votes.every(({ says }) => says === 'positive') ? 0 : 10
}

function checkPort(text: string): number {
  const port = /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new ProgramError({ code: 'USAGE', detail: `"${text}" is no port`, remedy: 'Give --port from 0 to 65535.' })
}
