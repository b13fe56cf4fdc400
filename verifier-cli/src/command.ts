/** What a command is, as data: parsing, help, completion and the manual page are all made from it. */
import type { World } from './world.ts'

export interface OptionSpec {
  /** Name of its value in help, as `FILE`; absent: a switch. */
  readonly value?: string
  readonly help: string
  readonly short?: string
  readonly required?: true
  readonly multiple?: true
}

export interface Arguments {
  readonly positionals: readonly string[]
  /** The value of an option, or undefined. */
  text(name: string): string | undefined
  /** All values of a repeatable option. */
  all(name: string): readonly string[]
  /** Whether a switch was given. */
  has(name: string): boolean
}

/** Runs a command. @returns the exit status */
export type Run = (given: Arguments, world: World) => Promise<number>

export interface Command {
  /** One or two words: `verify`, `trust show`. */
  readonly name: string
  /** Names of its positional arguments; one that ends in `?` may be left out. */
  readonly operands: readonly string[]
  /** One line. */
  readonly summary: string
  /** What a person should know before using it. */
  readonly about: string
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly examples: readonly { readonly line: string; readonly says: string }[]
  /** Loads the code of the command, and nothing before. */
  readonly load: () => Promise<{ readonly run: Run }>
}
