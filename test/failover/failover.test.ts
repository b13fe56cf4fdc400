/**
 * Several servers on one PostgreSQL, with everything broken that can break, under load: nothing acknowledged is lost, and all that
 * was ever signed lies on one history. `npm test` runs two of the faults, `npm run test:failover` many of all, in random order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { postgresMissing } from '../../log-server/src/testing-postgres-store.ts'
import { History } from '../crash/history.ts'
import { startStorm } from '../crash/storm.ts'
import { tellSignatures } from '../support/tap.ts'
import { Cluster } from './cluster.ts'
import { type Fault, faults } from './faults.ts'

const missing = postgresMissing()
if (missing !== null) console.warn(`skipped: several servers on one database (${missing})`)
const long = process.env['MODE'] === 'failover'
const rounds = long ? 60 : 2
/** More entries than these may have been on their way before a fault. */
const submitters = long ? 12 : 6
const servers = long ? 3 : 2

let cluster: Cluster
beforeEach(async () => {
  cluster = await Cluster.start(servers)
})
afterEach(() => cluster.remove())

describe.skipIf(missing !== null)(`${servers} servers on one PostgreSQL`, () => {
  it(`keep every promise through ${rounds} faults`, { timeout: 120_000 + rounds * 30_000 }, async () => {
    const history = new History(Cluster.origin, cluster.vkeys)
    const storm = startStorm(history, '', submitters, () => cluster.anyUrl())
    const seen = new Map<string, number[]>()
    for (let round = 0; round < rounds; round++) {
      const fault = faultOf(round)
      await progress(history, 10)
      await fault.strike(cluster)
      const started = performance.now()
      await progress(history, submitters + 1)
      seen.set(fault.name, [...(seen.get(fault.name) ?? []), performance.now() - started])
      await fault.mend(cluster)
    }
    await progress(history, 10)
    await storm.stop()
    const signatures = tellSignatures(history, cluster.tap)
    const size = await history.judge((await cluster.leader()).server?.url ?? '')
    expect(size).toBeGreaterThanOrEqual(history.acknowledged)
    expect(history.trees).toBeGreaterThan(rounds)
    for (const [name, times] of seen)
      console.log(
        `${name}: ${times.length} times, entries acknowledged again after at most ${(Math.max(...times) / 1000).toFixed(1)} s`,
      )
    console.log(
      `${rounds} faults: ${history.acknowledged} entries acknowledged, ${storm.failures} requests failed, ` +
        `${signatures} signatures over ${history.trees} trees, all on one history of ${size} entries`,
    )
  })
})

function faultOf(round: number): Fault {
  const fault = long ? faults[Math.floor(Math.random() * faults.length)] : faults[round]
  if (fault === undefined) throw new RangeError('there are faults')
  return fault
}

/** Waits for some more acknowledged entries. */
async function progress(history: History, entries: number): Promise<void> {
  const until = history.acknowledged + entries
  while (history.acknowledged < until) await sleep(5)
}
