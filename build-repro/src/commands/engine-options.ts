/** Which engine builds, and where its images come from: what every command that builds asks. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { ContainerEngine } from '../engines/engine.ts'
import { findEngine } from '../engines/find-engine.ts'
import type { CommandIo } from './io.ts'

export interface EngineFlags {
  readonly engine?: string
  readonly imageArchive: readonly string[]
}

/** @param engineHelp which engines may be named, and what is taken where none is */
export function addEngineOptions(command: Command, engineHelp: string): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value]
  return command
    .option('--engine <name>', engineHelp)
    .option(
      '--image-archive <file>',
      'load the image from here where the engine does not have it; may be repeated',
      collect,
      [],
    )
}

/** The archives that may hold the image, absolute. */
export function imagesOf({ cwd }: CommandIo, { imageArchive }: EngineFlags): readonly string[] {
  return imageArchive.map((file) => resolve(cwd, file))
}

/**
 * @param name undefined: the first that answers
 * @throws ProgramError ENGINE_MISSING, USAGE
 */
export function engineNamed({ machine, environment, signal }: CommandIo, name?: string): Promise<ContainerEngine> {
  let count = 0
  const start = `samebits-${machine.now()}-${Math.floor(machine.random() * 0xffff_ffff).toString(16)}`
  return findEngine(name ?? null, { environment, newName: () => `${start}-${count++}` }, signal)
}
