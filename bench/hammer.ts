/** Tessera's own load tool against any log that speaks its interface: `POST /add` answered with the index, and tlog-tiles. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { build, end } from '../test/peers/go-programs.ts'
import type { LogUnderTest } from './logs-under-test.ts'
import { publishedRate, watchPublications } from './publication.ts'

export interface HammerOptions {
  readonly writers: number
  readonly entryBytes: number
  readonly measureMs: number
}

/** Not counted: its first entry comes after a second, connections open, code warms up. */
const warmupMs = 1500

/** Entries that became durable and published a second, by the log's own checkpoints: the tool tells no rate by itself. */
export async function hammer(log: LogUnderTest, options: HammerOptions): Promise<number> {
  const child = spawn(await build('hammer'), flags(log, options), { stdio: ['ignore', 'ignore', 'pipe'] })
  const said = listen(child)
  const watch = watchPublications(log, 20)
  try {
    await firstGrowth(watch.seen, child, said)
    const from = performance.now() + warmupMs
    await sleep(warmupMs + options.measureMs)
    return publishedRate(watch.seen, from, performance.now())
  } finally {
    await watch.stop()
    await end(child)
  }
}

/** No readers, no duplicates, no limit that would be reached. */
function flags({ url, vkey }: LogUnderTest, { writers, entryBytes }: HammerOptions): string[] {
  return [
    ...[`--log_url=${url}/`, `--log_public_key=${vkey}`, '--show_ui=false'],
    ...['--num_readers_random=0', '--num_readers_full=0', '--max_read_ops=0'],
    ...[`--num_writers=${writers}`, '--max_write_ops=1000000', `--leaf_min_size=${entryBytes}`, '--dup_chance=0'],
  ]
}

function listen(child: ChildProcess): () => string {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000)
  })
  return () => said
}

async function firstGrowth(seen: readonly unknown[], child: ChildProcess, said: () => string): Promise<void> {
  for (let waited = 0; seen.length < 2; waited += 50) {
    if (child.exitCode !== null || waited > 20_000) throw new Error(`hammer wrote nothing: ${said()}`)
    await sleep(50)
  }
}
