/** Completions for shells, made from the command table: commands, their second words, options, files where a file is meant. */
import { refusalCodes } from '@samebits/core'
import type { Command, OptionSpec } from './command.ts'
import { globalOptions } from './options.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** What is typed after an option or in an operand's place, as far as a shell can help. */
type Kind = 'file' | 'folder' | 'code' | 'shell' | 'none'

function kindOf(value: string): Kind {
  if (value === 'FILE' || value === 'ARTIFACT' || value === 'BUNDLE') return 'file'
  if (value === 'DIR') return 'folder'
  if (value === 'CODE') return 'code'
  return value === 'SHELL' ? 'shell' : 'none'
}

function words(kind: Kind): readonly string[] {
  if (kind === 'code') return refusalCodes
  return kind === 'shell' ? shells : []
}

function optionsOf({ options }: Command): [string, OptionSpec][] {
  return Object.entries({ ...options, ...globalOptions })
}

function operandsOf({ operands }: Command): Kind[] {
  return operands.map((name) => kindOf(name.replace(/\?$/, '')))
}

/** First words, each once. */
function firstWords(commands: readonly Command[]): string[] {
  return [...new Set([...commands.map(({ name }) => name.split(' ')[0] ?? ''), 'help'])]
}

function secondWords(commands: readonly Command[], first: string): string[] {
  return commands.flatMap(({ name }) => (name.startsWith(`${first} `) ? [name.slice(first.length + 1)] : []))
}

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  if (shell === 'fish') return fish(commands)
  return shell === 'bash' ? bash(commands) : zsh(commands)
}

const bashAction: Readonly<Record<Kind, string>> = {
  file: 'IFS=$\'\\n\'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))',
  folder: 'IFS=$\'\\n\'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur"))',
  code: `COMPREPLY=($(compgen -W "${words('code').join(' ')}" -- "$cur"))`,
  shell: `COMPREPLY=($(compgen -W "${words('shell').join(' ')}" -- "$cur"))`,
  none: 'COMPREPLY=()',
}

function bash(commands: readonly Command[]): string {
  const groups = firstWords(commands).filter((first) => secondWords(commands, first).length > 0)
  return `# bash completion for samebits: source <(samebits completion bash)
_samebits() {
  local IFS=$' \t\n' cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords(commands).join(' ')} --help --version" -- "$cur"))
    return
  fi
  case "$command" in
${groups
  .map(
    (first) => `    ${first})
      if [ "$COMP_CWORD" = 2 ]; then
        COMPREPLY=($(compgen -W "${secondWords(commands, first).join(' ')}" -- "$cur"))
        return
      fi
      command="$command \${COMP_WORDS[2]}" ;;
`,
  )
  .join('')}  esac
  case "$command" in
${commands.map(bashCommand).join('')}  esac
}
complete -F _samebits samebits
`
}

function bashCommand(command: Command): string {
  const valued = optionsOf(command).filter(([, { value }]) => value !== undefined)
  const [operand = 'none'] = operandsOf(command)
  const cases = valued.map(([name, { value = '' }]) => `        --${name}) ${bashAction[kindOf(value)]}; return ;;\n`)
  const names = optionsOf(command).map(([name]) => `--${name}`)
  return `    '${command.name}')
      case "$prev" in
${cases.join('')}      esac
      case "$cur" in
        -*) COMPREPLY=($(compgen -W "${names.join(' ')}" -- "$cur")) ;;
        *) ${bashAction[operand]} ;;
      esac ;;
`
}

const zshAction: Readonly<Record<Kind, string>> = {
  file: '_files',
  folder: '_files -/',
  code: `(${words('code').join(' ')})`,
  shell: `(${words('shell').join(' ')})`,
  none: ' ',
}

/** Text inside a zsh specification that stands in single quotes. */
function zshText(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replace(/[[\]:]/g, '\\$&')
    .replaceAll("'", "'\\''")
}

function zsh(commands: readonly Command[]): string {
  const named = firstWords(commands).map((first) => {
    const summary = commands.find(({ name }) => name === first)?.summary ?? secondWords(commands, first).join(', ')
    return `'${first}:${zshText(summary === '' ? 'say what samebits does' : summary)}'`
  })
  const cases = firstWords(commands)
    .filter((first) => first !== 'help')
    .map((first) => zshCase(commands, first))
  return `#compdef samebits
# zsh completion for samebits: samebits completion zsh > "$fpath[1]/_samebits"
_samebits() {
  local line state
  _arguments -C '1: :->command' '*:: :->rest'
  if [[ $state == command ]]; then
    local -a known=(
      ${named.join('\n      ')}
    )
    _describe command known
    return
  fi
  case $line[1] in
${cases.join('')}  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _samebits "$@"; else compdef _samebits samebits; fi
`
}

function zshCase(commands: readonly Command[], first: string): string {
  const seconds = secondWords(commands, first)
  const direct = commands.find(({ name }) => name === first)
  if (direct !== undefined) return `    ${first}) ${zshArguments(direct)} ;;\n`
  const inner = seconds.map((second) => {
    const command = commands.find(({ name }) => name === `${first} ${second}`)
    return command === undefined ? '' : `        ${second}) shift words; (( CURRENT-- )); ${zshArguments(command)} ;;\n`
  })
  return `    ${first})
      if (( CURRENT == 2 )); then compadd ${seconds.join(' ')}; return; fi
      case $words[2] in
${inner.join('')}      esac ;;
`
}

function zshArguments(command: Command): string {
  const options = optionsOf(command).map(([name, { value, help, multiple }]) => {
    const argument = value === undefined ? '' : `:${value}:${zshAction[kindOf(value)]}`
    return `'${multiple ? '*' : ''}--${name}[${zshText(help)}]${argument}'`
  })
  const operands = operandsOf(command).map((kind, at) => `'${at + 1}:${command.operands[at]}:${zshAction[kind]}'`)
  return `_arguments ${[...options, ...operands].join(' ')}`
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = [
    '# fish completion for samebits: samebits completion fish | source',
    'complete -c samebits -f',
    ...firstWords(commands).map((first) => {
      const summary = commands.find(({ name }) => name === first)?.summary ?? secondWords(commands, first).join(', ')
      return `complete -c samebits -n __fish_use_subcommand -a ${first} -d ${quoted(summary)}`
    }),
  ]
  for (const command of commands) {
    const [first = '', second] = command.name.split(' ')
    const within = `__fish_seen_subcommand_from ${first}`
    const here = second === undefined ? within : `${within}; and __fish_seen_subcommand_from ${second}`
    if (second !== undefined)
      lines.push(
        `complete -c samebits -n ${quoted(`${within}; and not __fish_seen_subcommand_from ${secondWords(commands, first).join(' ')}`)} -a ${second} -d ${quoted(command.summary)}`,
      )
    for (const [name, { value, help, short }] of optionsOf(command)) {
      const kind = value === undefined ? null : kindOf(value)
      const argument = kind === null ? '' : kind === 'file' || kind === 'folder' ? ' -r -F' : ' -x'
      const letter = short === undefined ? '' : ` -s ${short}`
      lines.push(`complete -c samebits -n ${quoted(here)} -l ${name}${letter}${argument} -d ${quoted(help)}`)
    }
    const [operand = 'none'] = operandsOf(command)
    if (operand === 'file' || operand === 'folder') lines.push(`complete -c samebits -n ${quoted(here)} -F`)
    else if (operand !== 'none')
      lines.push(`complete -c samebits -n ${quoted(here)} -a ${quoted(words(operand).join(' '))}`)
  }
  return `${lines.join('\n')}\n`
}
