/** `samebits manual` */
import type { Run } from '../command.ts'
import { manualPage } from '../manual.ts'

export const run: Run = async (_given, world) => {
  const page = manualPage({ version: world.version, commands: world.commands })
  world.stdout.write(world.json ? `${JSON.stringify({ page })}\n` : page)
  return 0
}
