/** `--gossip URL`: monitors that are told at the end what was seen. */
import { ProgramError, visible } from '@samebits/host'
import { type GossipEvent, isMonitorUrl } from '@samebits/updater'
import type { Arguments } from './command.ts'
import type { World } from './world.ts'

/** @throws ProgramError USAGE; a URL with credentials is not quoted */
export function gossipUrls(given: Arguments): readonly string[] {
  const urls = given.all('gossip')
  if (urls.every(isMonitorUrl)) return urls
  throw new ProgramError({
    code: 'USAGE',
    detail: '--gossip names a place to which nothing is sent',
    remedy: 'Write the URL of a monitor: https, without credentials; http on this machine alone.',
  })
}

/** A monitor that took nothing is a note: it changes no result. */
export function tellGossip(world: World, { url, taken, detail }: GossipEvent): void {
  if (!taken) world.stderr.write(`note gossip: ${visible(url)} took nothing: ${visible(detail)}\n`)
}
