/** The manual page samebits(1), made from the command table, in the man macros of roff (groff_man(7)). */
import type { Command } from './command.ts'
import { exitStatuses } from './help.ts'
import { globalOptions } from './options.ts'

export interface ManualOptions {
  readonly version: string
  readonly commands: readonly Command[]
}

export function manualPage({ version, commands }: ManualOptions): string {
  return [
    `.TH SAMEBITS 1 "" "samebits ${text(version)}" "User Commands"`,
    '.SH NAME',
    text('samebits - checks that a file is the release that everyone gets, and installs updates that pass'),
    '.SH SYNOPSIS',
    ...commands.flatMap(synopsis),
    '.SH DESCRIPTION',
    text(
      'A publisher logs every release where everyone can see it. samebits verifies that a file is such a release: signed by its',
    ),
    text(
      'publishers, in the log, under a head that independent witnesses have cosigned, rebuilt by others where that is asked for,',
    ),
    text('and newer than what is there. Whatever does not pass is refused with a code, what was seen and what to do.'),
    '.SH COMMANDS',
    ...commands.flatMap(section),
    '.SH EXIT STATUS',
    ...exitStatuses.flatMap(([status, means]) => ['.TP', `.B ${text(status)}`, text(means)]),
    '.SH ENVIRONMENT',
    ...environment.flatMap(([name, means]) => ['.TP', `.B ${text(name)}`, text(means)]),
    '.SH FILES',
    ...files.flatMap(([path, means]) => ['.TP', `.I ${text(path)}`, text(means)]),
    '.SH SEE ALSO',
    text('https://c2sp.org/tlog-tiles, https://c2sp.org/tlog-witness; samebits COMMAND --help; samebits explain'),
    '',
  ].join('\n')
}

const environment = [
  ['HTTPS_PROXY, HTTP_PROXY, NO_PROXY', 'proxies, and what is reached without one; also in lower case'],
  [
    'NODE_EXTRA_CA_CERTS',
    'a file of certificate authorities to trust besides those of Node and the system; --ca does the same',
  ],
  ['NO_COLOR', 'any value but the empty one: no colours'],
  ['XDG_CACHE_HOME', 'where compiled code is kept; else ~/.cache'],
  ['SAMEBITS_DEBUG', '1: print causes and stacks of failures, for developers'],
] as const

const files = [
  ['ARTIFACT.samebits.json', 'the update bundle of a file, beside it'],
  ['PRODUCT.anchor.json', 'the anchor, beside the trust file; / in the product is _'],
  ['DIR/installed.json', 'what is installed in a folder'],
  ['DIR/.samebits/', 'what the client knows, downloads, the version before, evidence'],
] as const

function synopsis({ name, operands }: Command): string[] {
  const shown = operands.map((word) => (word.endsWith('?') ? `[${word.slice(0, -1)}]` : word))
  return [`.B samebits ${text(name)}`, text([...shown, '[options]'].join(' ')), '.br']
}

function section({ name, operands, summary, about, options, examples }: Command): string[] {
  return [
    `.SS ${text(['samebits', name, ...operands.map((word) => word.replace(/\?$/, ''))].join(' '))}`,
    text(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`),
    ...about.split('\n').map(text),
    ...Object.entries({ ...options, ...globalOptions }).flatMap(([key, { value, help, short, required }]) => [
      '.TP',
      `.B ${text(`${short === undefined ? '' : `-${short}, `}--${key}${value === undefined ? '' : ` ${value}`}`)}`,
      text(`${help}${required ? ' (required)' : ''}`),
    ]),
    ...examples.flatMap(({ line, says }) => ['.PP', text(`${says}:`), '.PP', '.nf', text(`    ${line}`), '.fi']),
  ]
}

/** Text of a line: nothing in it is a request, an escape, or a dash that is no hyphen. */
function text(line: string): string {
  const escaped = line.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...')
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped
}
