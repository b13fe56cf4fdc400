/** Help that teaches: what a command is for, before what it takes. */
import type { Command, OptionSpec } from './command.ts'
import { globalOptions } from './options.ts'

const intro = `samebits: everyone gets the same bits.

Checks that a file is the release that its publisher logged for everyone to see, and installs
updates that pass. A refusal names a code, what was seen and what to do: samebits explain CODE.
`

/** As in docs/decision.md and sysexits.h. */
export const exitStatuses = [
  ['0', 'verified, installed, or nothing newer'],
  ['10', 'refused; standard error names the code'],
  ['11', 'refused: the log has shown two histories (FORK); the evidence was written to a file'],
  ['12', 'nothing newer, but what is installed was revoked or disowned'],
  ['20', 'undecided: nothing is known, run it again. Never "up to date"'],
  ['64', 'wrong usage, or a file that cannot be read'],
  ['70, 74', 'a defect of the program; a disk or a permission'],
  ['130', 'interrupted; nothing is half done'],
] as const

const endings = `Exit status: 0 accepted, or nothing newer. 10 refused. 11 the log showed two histories; evidence is written.
12 nothing newer, but what is installed was revoked. 20 undecided: nothing is known, try again. 64 wrong usage.
`

/** The page of `samebits --help`; with a group, as `trust`, that of `samebits trust --help`. */
export function overview(commands: readonly Command[], group: string | null): string {
  const rows = commands
    .filter(({ name }) => group === null || name.startsWith(`${group} `))
    .map(({ name, operands, summary }) => [[name, ...operands.map(operand)].join(' '), summary] as const)
  return `${group === null ? `${intro}\n` : ''}Commands
${table(rows)}
${endings}
samebits COMMAND --help says more.
`
}

/** The page of `samebits COMMAND --help`. */
export function commandHelp({ name, operands, summary, about, options, examples }: Command): string {
  const line = ['samebits', name, ...operands.map(operand), '[options]'].join(' ')
  const shown = examples.map((example) => `  ${example.line}\n      ${example.says}`).join('\n')
  return `${summary}

  ${line}

${about}

Options
${table(Object.entries({ ...options, ...globalOptions }).map(([key, spec]) => [optionForm(key, spec), optionHelp(spec)]))}
Examples
${shown}

${endings}`
}

function operand(name: string): string {
  return name.endsWith('?') ? `[${name.slice(0, -1)}]` : name
}

function optionForm(name: string, { value, short }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}

function optionHelp({ help, required }: OptionSpec): string {
  return required ? `${help} (required)` : help
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('')
}
