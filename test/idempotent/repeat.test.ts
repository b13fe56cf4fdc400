/**
 * A client that loses the answer submits again, and has one entry and a proof of it in the end: whatever it lost, and across
 * restarts and fail-over. `npm test` does it 30 times, `npm run test:idempotent` 1,000 times, and 300 times over a fail-over.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { postgresMissing } from '../../log-server/src/testing-postgres-store.ts'
import { History } from '../crash/history.ts'
import { Cluster } from '../failover/cluster.ts'
import { TappedLog } from '../faults/tapped-log.ts'
import { tellSignatures } from '../support/tap.ts'
import { submitAndVanish } from './broken-client.ts'

const long = process.env['MODE'] === 'idempotent'
const repeats = long ? 1000 : 30
const clients = 8

/** Loses the answer once or more often, then submits until there is a proof. */
async function publish(history: History, leaf: string, url: () => string): Promise<void> {
  do await submitAndVanish(url(), leaf)
  while (Math.random() < 0.3)
  for (;;) {
    const proof = await fetch(`${url()}/add`, {
      method: 'POST',
      body: leaf,
      headers: { accept: 'text/x.tlog.proof' },
    }).then(
      async (response) => (response.status === 200 ? await response.text() : null),
      () => null,
    )
    if (proof !== null) return history.acknowledgeProof(leaf, proof)
    await sleep(50)
  }
}

/** Several clients publish `count` entries; now and then `strike` is called. */
async function publishAll(history: History, count: number, url: () => string, strike: () => Promise<void>) {
  let next = 0
  const client = async () => {
    while (next < count) {
      const leaf = `entry ${next++} ${'.'.repeat(next % 300)}`
      await publish(history, leaf, url)
    }
  }
  const strikes = long ? count / 50 : 1
  const striking = async () => {
    for (let at = 1; at <= strikes; at++) {
      while (next < (at * count) / (strikes + 1)) await sleep(5)
      await strike()
    }
  }
  await Promise.all([striking(), ...Array.from({ length: clients }, client)])
}

it(`one entry and a proof for each of ${repeats} entries whose answer was lost, across restarts`, {
  timeout: 600_000,
}, async () => {
  const log = await TappedLog.create()
  try {
    await log.start()
    await publishAll(
      log.history,
      repeats,
      () => log.url || 'http://127.0.0.1:9',
      async () => {
        await log.stop('SIGKILL')
        await log.start()
      },
    )
    const { acknowledged } = await log.judge(0)
    expect(acknowledged).toBe(repeats)
    const size = (await (await fetch(`${log.url}/checkpoint`)).text()).split('\n')[1]
    expect(Number(size)).toBe(repeats)
  } finally {
    await log.remove()
  }
})

it.skipIf(!long || postgresMissing() !== null)(
  'and across fail-over to another server',
  { timeout: 900_000 },
  async () => {
    const cluster = await Cluster.start(2)
    try {
      const history = new History(Cluster.origin, cluster.vkeys)
      const url = () => cluster.anyUrl() || 'http://127.0.0.1:9'
      await publishAll(history, 300, url, async () => {
        const leader = await cluster.leader()
        await leader.kill('SIGKILL')
        await leader.start()
      })
      tellSignatures(history, cluster.tap)
      expect(await history.judge((await cluster.leader()).server?.url ?? '')).toBe(300)
      expect(history.acknowledged).toBe(300)
    } finally {
      await cluster.remove()
    }
  },
)
