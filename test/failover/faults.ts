/** What may happen to servers that share a database. Each is struck, then mended, so that the next one meets them whole. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Member } from './cluster.ts'

export interface Fault {
  readonly name: string
  strike(cluster: Cluster): Promise<void>
  mend(cluster: Cluster): Promise<void>
}

const nothing = async () => undefined

async function startAgain(cluster: Cluster): Promise<void> {
  for (const member of cluster.members) if (member.server === null) await member.start()
}

async function follower(cluster: Cluster): Promise<Member> {
  const leader = await cluster.leader()
  const others = cluster.members.filter((member) => member !== leader)
  return others[Math.floor(Math.random() * others.length)] as Member
}

let frozen: Member | null = null

/** The first two are the short form. */
export const faults: readonly Fault[] = [
  {
    name: 'the leader is killed (SIGKILL)',
    strike: async (cluster) => (await cluster.leader()).kill('SIGKILL'),
    mend: startAgain,
  },
  {
    name: 'the answer to COMMIT is lost, and the connection with it',
    strike: async (cluster) => (await cluster.leader()).proxy.swallowCommit(50),
    mend: nothing,
  },
  {
    name: 'the leader is frozen (SIGSTOP) until another one leads, and goes on (SIGCONT)',
    async strike(cluster) {
      frozen = await cluster.leader()
      frozen.frozen = true
      frozen.server?.child.kill('SIGSTOP')
    },
    async mend(cluster) {
      await cluster.leader()
      frozen?.server?.child.kill('SIGCONT')
      if (frozen !== null) frozen.frozen = false
    },
  },
  {
    name: 'the answer to COMMIT is lost, and the connection is silent for three seconds',
    strike: async (cluster) => (await cluster.leader()).proxy.swallowCommit(3000),
    mend: nothing,
  },
  {
    name: 'the leader loses its connections',
    strike: async (cluster) => (await cluster.leader()).proxy.cut(),
    mend: nothing,
  },
  {
    name: 'the database ends every connection (pg_terminate_backend)',
    strike: (cluster) => cluster.terminateConnections(),
    mend: nothing,
  },
  {
    name: 'the database is killed (SIGKILL) and started again',
    async strike(cluster) {
      await cluster.postgres.kill()
      await sleep(200)
      await cluster.postgres.start()
    },
    mend: startAgain,
  },
  {
    name: 'a follower is killed (SIGKILL)',
    strike: async (cluster) => (await follower(cluster)).kill('SIGKILL'),
    mend: startAgain,
  },
  {
    name: 'the leader is asked to stop (SIGTERM)',
    strike: async (cluster) => (await cluster.leader()).kill('SIGTERM'),
    mend: startAgain,
  },
  {
    name: 'a clock is an hour fast, and the leader is killed',
    async strike(cluster) {
      const leader = await cluster.leader()
      leader.shiftClock(3600)
      await sleep(700)
      await leader.kill('SIGKILL')
    },
    async mend(cluster) {
      for (const member of cluster.members) member.shiftClock(0)
      await startAgain(cluster)
    },
  },
]
