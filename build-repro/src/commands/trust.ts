/** `samebits-build trust`: who is believed, from one version to the next. */
import { Command } from 'commander'
import type { CommandIo } from './io.ts'
import { trustInitCommand } from './trust-init.ts'
import { trustProposeCommand } from './trust-propose.ts'
import { trustPublishCommand } from './trust-publish.ts'
import { trustSignCommand } from './trust-sign.ts'

/** @param exit takes the command's exit status */
export function trustCommand(io: CommandIo, exit: (status: number) => void): Command {
  return new Command('trust')
    .description('change whom clients believe: propose, sign offline, publish')
    .addCommand(trustInitCommand(io))
    .addCommand(trustProposeCommand(io))
    .addCommand(trustSignCommand(io))
    .addCommand(trustPublishCommand(io, exit))
}
