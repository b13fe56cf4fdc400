/** Options of the table in `../options.ts` as commander options, and back. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ProgramError } from '@samebits/host'
import { type Command, Option } from 'commander'
import {
  configVariable,
  environmentName,
  flagName,
  type LogServerOptions,
  optionNames,
  optionSpecs,
  resolveOptions,
} from '../options.ts'
import type { CommandIo } from './io.ts'

/** What `loadKeys` follows. */
export const keyOptions = ['keysDir', 'pkcs11', 'pkcs11PinFile', 'pkcs11TimeoutMs'] as const

/** Adds the named options, and `--config`. */
export function addOptions(command: Command, names: readonly (keyof LogServerOptions)[] = optionNames): Command {
  command.option('--config <FILE>', `JSON file of options by their camelCase names (or ${configVariable})`)
  for (const name of names) command.addOption(asOption(name))
  return command.addHelpText('after', help)
}

const help = `
Every option can be given as a flag, in the environment (${environmentName('dataDir')} for --data-dir) and in the
configuration file ({"dataDir": …}). Flags win over the environment, the environment over the file, the file over defaults.`

function asOption(name: keyof LogServerOptions): Option {
  const spec = optionSpecs[name]
  if (spec.kind === 'switch') return new Option(flagName(name), spec.help)
  const placeholder = spec.kind === 'text' ? spec.placeholder : spec.kind === 'integer' ? 'N' : 'NAME'
  const fallback = spec.default === '' ? '' : ` (default: ${spec.default})`
  const choices = spec.kind === 'choice' ? `; one of ${spec.choices.join(', ')}` : ''
  return new Option(`${flagName(name)} <${placeholder}>`, `${spec.help}${choices}${fallback}`)
}

/** Reads file, environment and flags, and makes paths absolute. @throws ProgramError CONFIG_INVALID */
export async function readOptions(io: CommandIo, flags: Readonly<Record<string, unknown>>): Promise<LogServerOptions> {
  const path = flags['config'] ?? io.environment[configVariable]
  const file = typeof path === 'string' ? await readConfig(resolve(io.cwd, path)) : null
  refuseSecrets(flags['database'])
  const options = resolveOptions({ file, environment: io.environment, flags })
  const absolute = (path: string) => (path === '' ? '' : resolve(io.cwd, path))
  return {
    ...options,
    dataDir: absolute(options.dataDir),
    keysDir: absolute(options.keysDir),
    admissionFile: absolute(options.admissionFile),
    pkcs11PinFile: absolute(options.pkcs11PinFile),
    policy: absolute(options.policy),
    tlsCert: absolute(options.tlsCert),
    tlsKey: absolute(options.tlsKey),
    exportTo: options.exportTo.startsWith('s3:') ? options.exportTo : absolute(options.exportTo),
  }
}

/** Whoever may list processes reads their arguments. @throws ProgramError CONFIG_INVALID */
function refuseSecrets(database: unknown): void {
  if (typeof database !== 'string' || !URL.canParse(database) || new URL(database).password === '') return
  throw new ProgramError({
    code: 'CONFIG_INVALID',
    detail: '--database holds a password, which everybody on this machine could read',
    remedy: 'Leave it out, and give it as PGPASSWORD, in the password file, or in the configuration file.',
  })
}

async function readConfig(path: string): Promise<{ path: string; content: unknown }> {
  const text = await readFile(path, 'utf8')
  try {
    return { path, content: JSON.parse(text) }
  } catch {
    const detail = `${path} is not JSON`
    throw new ProgramError({ code: 'CONFIG_INVALID', detail, remedy: 'See samebits-log serve --help.' })
  }
}
