/** A PostgreSQL database under a log: does COMMIT mean what it says, and what happens when its machine is lost? */
import { lie, type PostgresFacts } from '../postgres-facts-store.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Seconds between two clocks that nobody minds. */
const skew = 5

export function checkPostgres(facts: PostgresFacts, url: string, now: number): Finding[] {
  return [durability(facts), standby(facts), transport(facts, url), clocks(facts, now)]
}

function durability(facts: PostgresFacts): Finding {
  const untrue = lie(facts)
  if (untrue === null)
    return ok('database-durable', `PostgreSQL ${facts.settings['server_version'] ?? ''} syncs what it commits`)
  return fail('database-durable', `the database has ${untrue}`, 'Set fsync and full_page_writes to on, and restart it.')
}

function standby({ settings }: PostgresFacts): Finding {
  const names = settings['synchronous_standby_names']
  if (names === undefined) return ok('database-standby', 'the database replicates by itself')
  if (names !== '') return ok('database-standby', `COMMIT waits for ${names}`)
  return warn(
    'database-standby',
    'no standby is waited for: a fail-over of the database loses entries that were acknowledged, and the log then stays read-only',
    'Set synchronous_standby_names, or accept that one machine holds the log.',
  )
}

function transport({ encrypted }: PostgresFacts, url: string): Finding {
  const host = hostOf(url)
  if (encrypted) return ok('database-transport', `the connection to ${host} is encrypted`)
  if (host === '' || host.startsWith('/') || /^(?:localhost|127\.|\[?::1)/.test(host))
    return ok('database-transport', 'the database is on this machine')
  return warn(
    'database-transport',
    `the connection to ${host} is not encrypted`,
    'Add sslmode=verify-full to --database.',
  )
}

function hostOf(url: string): string {
  if (!URL.canParse(url)) return ''
  const { hostname, searchParams } = new URL(url)
  return searchParams.get('host') ?? hostname
}

function clocks({ time }: PostgresFacts, now: number): Finding {
  const apart = Math.abs(time - now)
  if (apart <= skew) return ok('database-clock', 'the clocks of this machine and the database agree')
  return warn(
    'database-clock',
    `the clocks of this machine and the database are ${apart} s apart`,
    'Let both follow NTP.',
  )
}
