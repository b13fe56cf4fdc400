/** Options of the table in `../options.ts` as commander options, and back. */
import { readFile, stat } from 'node:fs/promises'
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
  refuseSecrets(flags)
  const options = resolveOptions({ file, environment: io.environment, flags })
  const absolute = (path: string) => (path === '' ? '' : resolve(io.cwd, path))
  return {
    ...options,
    dataDir: absolute(options.dataDir),
    keysDir: absolute(options.keysDir),
    admissionFile: absolute(options.admissionFile),
    pkcs11PinFile: absolute(options.pkcs11PinFile),
    policy: absolute(options.policy),
    retiringPolicy: absolute(options.retiringPolicy),
    tlsCert: absolute(options.tlsCert),
    tlsKey: absolute(options.tlsKey),
    exportTo: options.exportTo.startsWith('s3:') ? options.exportTo : absolute(options.exportTo),
  }
}

/** Whoever may list processes reads their arguments. @throws ProgramError CONFIG_INVALID */
function refuseSecrets(flags: Readonly<Record<string, unknown>>): void {
  for (const name of optionNames) {
    if (!holdsPassword(flags[name])) continue
    throw new ProgramError({
      code: 'CONFIG_INVALID',
      detail: `${flagName(name)} holds a password, which everybody on this machine could read`,
      remedy:
        'Leave it out: that of a database belongs in PGPASSWORD, in the password file, or in the configuration file; that of a bucket where its library looks.',
    })
  }
}

/** In a URL: before the host, or as a parameter, as the drivers of databases take one, too. */
function holdsPassword(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { password, searchParams } = new URL(value)
  return password !== '' || [...searchParams.keys()].some((key) => /password|secret/i.test(key))
}

/** As for keys: a file that holds a password is its owner's, or its group's, alone. */
async function refuseOpenSecrets(path: string, content: unknown): Promise<void> {
  const values: unknown[] = typeof content === 'object' && content !== null ? Object.values(content) : []
  if (process.platform === 'win32' || !values.some(holdsPassword)) return
  const { mode } = await stat(path)
  if ((mode & 0o007) === 0) return
  throw new ProgramError({
    code: 'CONFIG_INVALID',
    detail: `${path} holds a password and is open to everybody (mode ${(mode & 0o777).toString(8)})`,
    remedy: `Run: chmod o= ${path}`,
  })
}

async function readConfig(path: string): Promise<{ path: string; content: unknown }> {
  const content = parsed(path, await readFile(path, 'utf8'))
  await refuseOpenSecrets(path, content)
  return { path, content }
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const detail = `${path} is not JSON`
    throw new ProgramError({ code: 'CONFIG_INVALID', detail, remedy: 'See samebits-log serve --help.' })
  }
}
