/** FORK, ROLLBACK_LOG, STALE, CLOCK and HISTORY_INCOMPLETE: what the log says of itself, and when. */
import { gzipSync } from 'node:zlib'
import { entryBy, type MemoryLog } from '../../support/world.ts'
import { NOW } from '../../support/world-client.ts'
import { cosigners, type Scene } from '../../support/world-scene.ts'
import { artifact, revocation } from '../../support/world-statements.ts'
import { ends, type Group, not, refusing } from '../case.ts'
import { runCommandLine, runLibrary } from '../programs.ts'
import type { Stage } from '../stage.ts'
import { day, firstIndices } from '../tools.ts'

/** Another history of the same log, that shares the first entries and is longer. */
function forkOf(scene: Scene, shared: number, longer = 4): MemoryLog {
  const other = scene.log.fork(shared)
  other.pad(1)
  other.leaves.push(...scene.log.leaves.slice(other.size))
  other.pad(longer)
  return other
}

const cosignedAt = (time: number) => ({ 'w1.example': time, 'w2.example': time })

const fork = refusing('FORK', [
  [
    'a newer checkpoint that does not extend the stored one',
    async (stage) => {
      const scene = await stage.installed()
      stage.show(forkOf(scene, 4))
      stage.offer = null
    },
    { evidence: 'fork' },
  ],
  [
    'the same, shown by the bundle alone, offline',
    async (stage) => {
      const scene = await stage.installed()
      const other = forkOf(scene, 4)
      stage.offer = { views: [other.view({ witnesses: cosigners, from: [scene.log.size] })], trust: [] }
      stage.goOffline()
    },
    { evidence: 'fork' },
  ],
  [
    'the same, while the live log goes on honestly',
    async (stage) => {
      const scene = await stage.installed()
      const other = forkOf(scene, 4)
      scene.publish()
      scene.log.pad(9)
      stage.offer = { views: [other.view({ witnesses: cosigners, from: [6] })], trust: [] }
    },
    { evidence: 'fork' },
  ],
  [
    'a stored tree whose size is a power of two',
    async (stage) => {
      const scene = stage.begin()
      scene.log.pad(2)
      scene.publish()
      await stage.update()
      if (scene.log.size !== 8) throw new Error('not a power of two')
      stage.show(forkOf(scene, 6))
      stage.offer = null
    },
    { evidence: 'fork' },
  ],
  [
    'on first contact, a checkpoint that does not extend the anchor',
    (stage) => {
      const scene = stage.begin()
      scene.publish()
      stage.anchor = scene.anchor()
      stage.show(forkOf(scene, 4))
      stage.offer = null
    },
    { evidence: 'fork' },
  ],
  [
    'the same size with another root',
    async (stage) => {
      const scene = await stage.installed()
      stage.show(forkOf(scene, 4, 0))
      stage.offer = null
    },
    { evidence: 'split' },
  ],
  [
    'smaller and inconsistent',
    async (stage) => {
      const scene = await stage.installed()
      const other = forkOf(scene, 4)
      stage.head = { log: scene.log, text: other.checkpoint({ size: 5, witnesses: cosigners }) }
      stage.offer = null
    },
    { evidence: 'fork' },
  ],
  [
    'two heads that each extend the stored tree and fork from each other',
    async (stage) => {
      const scene = await stage.installed()
      const other = scene.log.fork(scene.log.size)
      scene.publish()
      other.pad(1)
      other.leaves.push(new Uint8Array(3))
      other.pad(9)
      stage.show(other)
    },
    { evidence: 'fork' },
  ],
  [
    'an empty tree with the root of another',
    async (stage) => {
      const scene = await stage.installed()
      stage.show(scene.log, { size: 0, root: new Uint8Array(32) })
      stage.offer = null
    },
    { evidence: 'empty-root' },
  ],
  [
    'a convicted log offered again after a restart, honest as ever',
    async (stage) => {
      const scene = await stage.installed()
      stage.show(forkOf(scene, 4))
      stage.offer = null
      await stage.update('FORK')
      stage.head = null
      stage.offer = undefined
      scene.publish()
    },
    { evidence: 'fork' },
  ],
  [
    'a convicted log, offline',
    async (stage) => {
      const scene = await stage.installed()
      stage.show(forkOf(scene, 4))
      stage.offer = null
      await stage.update('FORK')
      stage.head = null
      stage.offer = undefined
      scene.publish()
      stage.goOffline()
    },
    { evidence: 'fork' },
  ],
  not('another history that too few witnesses cosigned: dropped, not believed', async (stage) => {
    const scene = await stage.usual()
    const other = forkOf(scene, 4)
    const text = other.checkpoint({ witnesses: { 'w1.example': NOW - 60 } })
    stage.head = { log: scene.log, text }
  }),
])

const rollback = refusing('ROLLBACK_LOG', [
  [
    'the log itself answers with a smaller tree, past maxAge',
    async (stage) => {
      const scene = await stage.installed()
      stage.show(scene.log, { size: 4 })
      stage.offer = null
      stage.now = NOW + 31 * day
    },
  ],
  ends('current', 'not: the same within maxAge, the stored tree stays', async (stage) => {
    const scene = await stage.installed()
    stage.show(scene.log, { size: 4 })
    stage.offer = null
    stage.now = NOW + 29 * day
  }),
])

/** The feed goes on offering the first release while a second one is ripe. */
async function leftOut(stage: Stage): Promise<Scene> {
  const scene = await stage.usual()
  stage.offer = stage.bundle({ indices: firstIndices(scene) })
  await stage.update('current')
  return scene
}

/** As much later, with a log that was witnessed a minute ago. */
function laterBy(stage: Stage, days: number): void {
  stage.now = NOW + days * day
  stage.show(stage.scene.log, { witnesses: cosignedAt(stage.now - 60) })
}

const stale = refusing('STALE', [
  [
    'a consistent but old view, past maxAge',
    async (stage) => {
      await stage.usual()
      stage.now = NOW + 31 * day
    },
  ],
  [
    'only zero timestamps',
    (stage) => {
      const { log } = stage.begin()
      stage.scene.publish()
      stage.show(log, { witnesses: cosignedAt(0) })
      stage.offer = stage.bundle({ witnesses: cosignedAt(0) })
    },
  ],
  [
    'one zero timestamp of the two that a quorum takes',
    (stage) => {
      const { log } = stage.begin()
      stage.scene.publish()
      const witnesses = { 'w1.example': 0, 'w2.example': NOW - 60 }
      stage.show(log, { witnesses })
      stage.offer = stage.bundle({ witnesses })
    },
  ],
  [
    'a frozen feed and a frozen log',
    async (stage) => {
      await stage.usual()
      await stage.update()
      stage.now = NOW + 40 * day
    },
  ],
  [
    'past what a person accepts',
    async (stage) => {
      await stage.usual()
      stage.ask = { ...stage.ask, acceptStaleDays: 30 }
      stage.now = NOW + 31 * day
    },
  ],
  [
    'offline without offlineMaxAge',
    async (stage) => {
      await stage.usual({ freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' } })
      stage.goOffline()
    },
  ],
  [
    'offline past offlineMaxAge',
    async (stage) => {
      await stage.usual()
      stage.goOffline()
      stage.now = NOW + 91 * day
    },
  ],
  [
    'a view smaller than the anchor',
    (stage) => {
      const scene = stage.begin()
      scene.publish()
      stage.offer = stage.bundle()
      stage.show(scene.log)
      scene.log.pad(3)
      const whole = stage.scene.anchor()
      scene.log.leaves.length -= 3
      stage.anchor = whole
      scene.log.pad(3)
      const log = scene.log
      stage.head = { log, text: log.checkpoint({ size: 6, witnesses: cosigners }) }
    },
  ],
  [
    'a newer release that the feed leaves out for longer than maxLag',
    async (stage) => {
      const scene = stage.begin()
      scene.publish()
      scene.publish()
      stage.offer = stage.bundle({ indices: firstIndices(scene) })
      await stage.update()
      laterBy(stage, 9)
    },
  ],
  [
    'the same, where nothing at all is offered any more',
    async (stage) => {
      await leftOut(stage)
      stage.offer = null
      laterBy(stage, 9)
    },
  ],
  [
    'the same, though a person accepts stale views',
    async (stage) => {
      await leftOut(stage)
      stage.ask = { ...stage.ask, acceptStaleDays: 90 }
      laterBy(stage, 9)
    },
  ],
  not('a quiet log that was witnessed again', async (stage) => {
    await stage.usual()
    const old = stage.bundle()
    stage.now = NOW + 40 * day
    stage.show(stage.scene.log, { witnesses: cosignedAt(stage.now - 60) })
    stage.offer = old
  }),
  not('a view past maxAge that a person accepts', async (stage) => {
    await stage.usual()
    stage.ask = { ...stage.ask, acceptStaleDays: 90 }
    stage.now = NOW + 60 * day
  }),
  not('offline within offlineMaxAge', async (stage) => {
    await stage.usual()
    stage.goOffline()
    stage.now = NOW + 80 * day
  }),
  ends('current', 'not: a staged roll-out, within maxLag', async (stage) => {
    await leftOut(stage)
    laterBy(stage, 6)
  }),
  ends('current', 'not: a newer release that waits for its rebuilders', async (stage) => {
    const scene = await stage.installed()
    const old = stage.bundle()
    scene.publish({}, { rebuiltBy: [] })
    stage.offer = old
    await stage.update('current')
    laterBy(stage, 9)
  }),
  ends('current', 'not: a newer release that lacks this platform', async (stage) => {
    const scene = await stage.installed()
    const old = stage.bundle()
    scene.publish({ artifacts: [artifact('1.2.0', 'win32-x64')] })
    stage.offer = old
    await stage.update('current')
    laterBy(stage, 9)
  }),
])

const clock = refusing('CLOCK', [
  [
    'the local clock behind the newest witnessed time',
    async (stage) => {
      await stage.usual()
      stage.now = NOW - 3 * 3600
    },
    {
      after: (_stage, _home, { said }) => {
        if (!/\b7300 s\b|\b7200 s\b/.test(said)) throw new Error(`the difference is not shown: ${said}`)
      },
    },
  ],
  [
    'a checkpoint whose quorum time is in the future beyond the skew',
    async (stage) => {
      const { log } = await stage.usual()
      stage.show(log, { witnesses: cosignedAt(NOW + 3600) })
    },
    {
      after: (_stage, _home, { said }) => {
        if (!said.includes('3600 s')) throw new Error(`the difference is not shown: ${said}`)
      },
    },
  ],
  not('a quorum time in the future within the skew', async (stage) => {
    const { log } = await stage.usual()
    stage.show(log, { witnesses: cosignedAt(NOW + 200) })
  }),
])

const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024))

interface EntriesAnswer {
  readonly status: number
  readonly body: Uint8Array
  readonly headers?: Record<string, string>
}

/** Entry bundles answered by something else. */
function entriesAs({ status, body, headers = {} }: EntriesAnswer): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await stage.usual()
    stage.hostile = () => (request, response) => {
      if (request.url?.startsWith('/log/tile/entries/') !== true) return false
      response.writeHead(status, headers).end(body)
      return true
    }
  }
}

/** A minute passes between two looks at the stopwatch of a process. */
const hurriedStopwatch = `data:text/javascript,${encodeURIComponent(
  'const now = performance.now.bind(performance); let minutes = 0; performance.now = () => now() + ++minutes * 60_000',
)}`

const incomplete = refusing('HISTORY_INCOMPLETE', [
  ['an entry bundle withheld', entriesAs({ status: 404, body: new Uint8Array() })],
  ['an entry bundle that is short', entriesAs({ status: 200, body: new Uint8Array([0, 1, 65]) })],
  ['an empty entry bundle', entriesAs({ status: 200, body: new Uint8Array() })],
  [
    'entries that do not hash to their tile',
    async (stage) => {
      const scene = await stage.usual()
      const forged = new Uint8Array(scene.log.leaves.flatMap(() => [0, 1, 65]))
      stage.hostile = () => (request, response) =>
        request.url?.startsWith('/log/tile/entries/') === true && void response.end(forged) === undefined
    },
  ],
  ['a gzip bomb in an entry bundle', entriesAs({ status: 200, body: bomb, headers: { 'content-encoding': 'gzip' } })],
  [
    'entries blocked, in the hope of a weaker mode',
    async (stage) => {
      await stage.usual()
      stage.hostile = () => (request, response) =>
        request.url?.startsWith('/log/tile/entries/') === true && void response.destroy() === undefined
    },
  ],
  [
    'a backlog longer than the budget of one run: what was read is kept, the next run goes on',
    async (stage) => {
      const scene = await stage.installed()
      scene.log.pad(3000)
      scene.publish()
      stage.offer = scene.bundle()
    },
    {
      acts: async (stage, home) => {
        let ticks = 0
        const spent = await runLibrary(stage, home, { stopwatch: () => ++ticks * 60_000 })
        return spent
      },
      runs: async (program, stage, home) => {
        stage.environment = { NODE_OPTIONS: `--import=${hurriedStopwatch}` }
        return await runCommandLine(program, stage, home).finally(() => {
          stage.environment = {}
        })
      },
      after: async (stage, home) => {
        const { result, said } = await runLibrary(stage, home)
        if (result !== 'installed') throw new Error(`the next run does not go on: ${result}, ${said}`)
      },
    },
  ],
  not('a flood of junk entries: skipped and counted', async (stage) => {
    const scene = await stage.installed()
    scene.log.pad(700)
    const { leaves } = scene.log
    for (let n = 0; n < 60; n++) leaves.push(entryBy('mallory', revocation(scene.last.id)), new Uint8Array(n))
    scene.publish()
    stage.offer = scene.bundle()
  }),
])

export const history: readonly Group[] = [fork, rollback, stale, clock, incomplete]
