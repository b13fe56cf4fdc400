/** The command line, strictly: what is unknown, missing, empty or given twice is refused with the name of what is meant. */
import { parseArgs } from 'node:util'
import { nearest, ProgramError } from '@samebits/host'
import type { Arguments, Command, OptionSpec } from './command.ts'
import { globalOptions } from './options.ts'

export type Parsed =
  /** Of one command; of those whose names begin with this word; of all. */
  | { readonly kind: 'help'; readonly command: Command }
  | { readonly kind: 'help'; readonly command: null; readonly group: string | null }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly command: Command; readonly given: Arguments }

function misuse(detail: string, command?: Command): ProgramError {
  const remedy = `Run: samebits ${command === undefined ? '' : `${command.name} `}--help`
  return new ProgramError({ code: 'USAGE', detail, remedy })
}

/** @throws ProgramError USAGE */
export function parseCommandLine(commands: readonly Command[], argv: readonly string[]): Parsed {
  const [first, second] = argv
  if (first === undefined || isHelp(first)) return { kind: 'help', command: null, group: null }
  if (first === '--version') return { kind: 'version' }
  if (first === 'help') return helpFor(commands, argv.slice(1))
  const command = findCommand(commands, argv)
  if (command === null && isHelp(second)) return helpFor(commands, [first])
  if (command === null) throw unknownCommand(commands, first, second)
  return parseOptions(command, argv.slice(command.name.split(' ').length))
}

function isHelp(word: string | undefined): boolean {
  return word === '--help' || word === '-h'
}

function helpFor(commands: readonly Command[], words: readonly string[]): Parsed {
  const [first, second] = words
  const command = findCommand(commands, words)
  if (command !== null) return { kind: 'help', command }
  if (first === undefined) return { kind: 'help', command: null, group: null }
  const isGroup = second === undefined && commands.some(({ name }) => name.startsWith(`${first} `))
  if (!isGroup) throw unknownCommand(commands, first, second)
  return { kind: 'help', command: null, group: first }
}

function findCommand(commands: readonly Command[], words: readonly string[]): Command | null {
  return commands.find(({ name }) => name.split(' ').every((word, at) => words[at] === word)) ?? null
}

function unknownCommand(commands: readonly Command[], first: string, second: string | undefined): ProgramError {
  const group = commands
    .filter(({ name }) => name.startsWith(`${first} `))
    .map(({ name }) => name.slice(first.length + 1))
  if (group.length > 0) {
    const what = second === undefined ? `${first} needs to know what to do` : `${first} cannot ${second}`
    return misuse(`${what}: ${group.join(' or ')}`)
  }
  const near = nearest(
    first,
    commands.map(({ name }) => name.split(' ')[0] ?? ''),
  )
  return misuse(`there is no command ${first}${near === null ? '' : `; did you mean ${near}?`}`)
}

function parseOptions(command: Command, args: readonly string[]): Parsed {
  const specs: Readonly<Record<string, OptionSpec>> = { ...command.options, ...globalOptions }
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(specs).map(([name, { value, short }]) => [
        name,
        {
          type: value === undefined ? ('boolean' as const) : ('string' as const),
          ...(short === undefined ? {} : { short }),
        },
      ]),
    ),
  })
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind === 'option') collect(command, specs, values, token)
  }
  if (values.has('help')) return { kind: 'help', command }
  demandAll(command, values, positionals)
  return { kind: 'run', command, given: argumentsOf(positionals, values) }
}

interface GivenOption {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
  /** Whether the value came as `--name=value`. */
  readonly inlineValue: boolean | undefined
}

function collect(
  command: Command,
  specs: Readonly<Record<string, OptionSpec>>,
  values: Map<string, string[]>,
  { name, rawName, value, inlineValue }: GivenOption,
): void {
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
  if (spec === undefined) {
    const near = nearest(name, Object.keys(specs))
    throw misuse(`${command.name} has no option ${rawName}${near === null ? '' : `; did you mean --${near}?`}`, command)
  }
  if (spec.value === undefined && value !== undefined) throw misuse(`${rawName} takes no value`, command)
  const swallowed = inlineValue !== true && value?.startsWith('--') === true
  if (spec.value !== undefined && (value === undefined || value === '' || swallowed))
    throw misuse(`${rawName} needs a value, ${spec.value}`, command)
  const earlier = values.get(name) ?? []
  if (earlier.length > 0 && !spec.multiple) throw misuse(`${rawName} is given twice`, command)
  values.set(name, [...earlier, value ?? ''])
}

function demandAll(command: Command, values: ReadonlyMap<string, string[]>, positionals: readonly string[]): void {
  const needed = command.operands.filter((operand) => !operand.endsWith('?'))
  const missing = needed[positionals.length]
  if (missing !== undefined) throw misuse(`${command.name} needs ${missing}`, command)
  const extra = positionals[command.operands.length]
  if (extra !== undefined) throw misuse(`${command.name} cannot use ${extra}`, command)
  for (const [name, { required, value }] of Object.entries(command.options))
    if (required && !values.has(name)) throw misuse(`${command.name} needs --${name} ${value}`, command)
}

function argumentsOf(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>): Arguments {
  return {
    positionals,
    text: (name) => values.get(name)?.[0],
    all: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
  }
}
