/** Rows about servers that share a PostgreSQL. */
import { postgresMissing } from '../../log-server/src/testing-postgres-store.ts'
import { History } from '../crash/history.ts'
import { startStorm } from '../crash/storm.ts'
import { Cluster } from '../failover/cluster.ts'
import { type Fault, faults } from '../failover/faults.ts'
import { tellSignatures } from '../support/tap.ts'
import type { Row } from './row.ts'

const submitters = 8

export const databaseRows: readonly Row[] = faults.map((fault) => ({
  name: `PostgreSQL: ${fault.name}`,
  strikes: 5,
  missing: postgresMissing,
  run: (strikes: number) => strike(fault, strikes),
}))

async function strike(fault: Fault, strikes: number) {
  const cluster = await Cluster.start(2)
  try {
    const history = new History(Cluster.origin, cluster.vkeys)
    const storm = startStorm(history, '', submitters, () => cluster.anyUrl())
    const progress = async (entries: number) => {
      const until = history.acknowledged + entries
      while (history.acknowledged < until) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    for (let at = 0; at < strikes; at++) {
      await progress(10)
      await fault.strike(cluster)
      await progress(submitters + 1)
      await fault.mend(cluster)
    }
    await progress(10)
    await storm.stop()
    const signatures = tellSignatures(history, cluster.tap)
    await history.judge((await cluster.leader()).server?.url ?? '')
    return { strikes, acknowledged: history.acknowledged, signatures, trees: history.trees }
  } finally {
    await cluster.remove()
  }
}
