/**
 * Writing: durable entries a second under Tessera's own load tool, and the time from sending an entry until it is in a published, signed tree,
 * under our driver. Ours in raw mode, Tessera's POSIX conformance server as it comes, and a Tessera tuned for speed of answer
 * (`tuned-tessera/`), in turns.
 *
 *     node --conditions=samebits-source bench/writes.ts [--writers 512,64,1] [--seconds 5] [--rounds 2]
 *
 * Of the rates the best round counts, so that a neighbour on the machine harms nobody; the times are of the first.
 */
import { parseArgs } from 'node:util'
import { missingGo } from '../test/peers/go-programs.ts'
import { hammer } from './hammer.ts'
import { type LoadResult, runLoad } from './load.ts'
import { type LogUnderTest, publishedSize, type System, systems } from './logs-under-test.ts'
import { watchPublications } from './publication.ts'
import { number, report } from './report.ts'
import { quantiles } from './samples.ts'

const { values } = parseArgs({
  options: {
    writers: { type: 'string', default: '512,64,1' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '2' },
  },
})
const writersList = values.writers.split(',').map(Number)
const measureMs = Number(values.seconds) * 1000
const entryBytes = 500

/** What is asked of the ratio to each peer, by writers. */
const bounds: Readonly<Record<Exclude<System, 'samebits'>, Readonly<Record<number, number>>>> = {
  'Tessera, defaults': { 512: 1, 64: 50, 1: 100 },
  'Tessera, tuned': { 512: 1, 64: 1, 1: 1 },
}

interface Published extends Pick<LoadResult, 'perSecond'> {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** Our driver's entries, and how long each took to be covered by a published checkpoint. */
async function timeToPublished(log: LogUnderTest, submitters: number): Promise<Published> {
  const answered: { readonly index: number; readonly sent: number }[] = []
  const watch = log.answersPublished ? null : watchPublications(log, 5)
  const result = await runLoad({
    ...{ host: '127.0.0.1', port: log.port, submitters, entryBytes, warmupMs: 1500, measureMs },
    onAnswered: (body, sent) => void answered.push({ index: Number(body), sent }),
  })
  const last = answered.reduce((largest, { index }) => Math.max(largest, index), 0)
  if (watch === null) {
    if ((await publishedSize(log)) <= last) throw new Error('an entry was answered before it was published')
    return result
  }
  while ((watch.seen.at(-1)?.size ?? 0) <= last) await new Promise((resolve) => setTimeout(resolve, 20))
  await watch.stop()
  const quantile = quantiles(answered.map(({ index, sent }) => publishedAt(watch.seen, index) - sent))
  return { ...result, p50Ms: quantile(0.5), p99Ms: quantile(0.99), p999Ms: quantile(0.999) }
}

function publishedAt(seen: readonly { at: number; size: number }[], index: number): number {
  let [low, high] = [0, seen.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((seen[middle]?.size ?? 0) > index) high = middle
    else low = middle + 1
  }
  return seen[low]?.at ?? Number.NaN
}

const times = ({ p50Ms, p99Ms, p999Ms }: Published) =>
  [p50Ms, p99Ms, p999Ms].map((ms) => (Number.isNaN(ms) ? '-' : number(ms))).join(' / ')

const key = (system: System, writers: number) => `${system} ${writers}`
const rates = new Map<string, number>()
const published = new Map<string, Published>()

const whyNot = await missingGo()
const names = Object.keys(systems) as System[]
for (let round = 0; round < Number(values.rounds); round++)
  for (const system of whyNot === null ? names : (['samebits'] as const)) {
    const log = await systems[system]()
    try {
      for (const writers of writersList) {
        const rate = whyNot === null ? await hammer(log, { writers, entryBytes, measureMs }) : Number.NaN
        rates.set(key(system, writers), Math.max(rates.get(key(system, writers)) ?? 0, rate))
        const timed = published.get(key(system, writers)) ?? (await timeToPublished(log, writers))
        published.set(key(system, writers), timed)
        console.log(
          `${system.padEnd(18)} ${String(writers).padStart(4)} writers  Tessera's tool ${number(rate)}/s  ` +
            `our driver ${number(timed.perSecond)}/s  published p50/p99/p99.9 ${times(timed)} ms`,
        )
      }
    } finally {
      await log.stop()
      await log.remove()
    }
  }

for (const peer of names.filter((name) => name !== 'samebits'))
  for (const writers of writersList) rateRow(peer, writers)
for (const peer of names.filter((name) => name !== 'samebits'))
  for (const writers of writersList) timeRow(peer, writers)

function rateRow(peer: Exclude<System, 'samebits'>, writers: number): void {
  const what = `durable entries/s, ${writers} writers of Tessera's load tool`
  const [ours, theirs] = [rates.get(key('samebits', writers)), rates.get(key(peer, writers))]
  if (whyNot !== null || ours === undefined || theirs === undefined) {
    report({ what, ours: '', peer: null, missing: whyNot ?? 'nothing was published' })
    return
  }
  const atLeast = bounds[peer][writers]
  const row = { what, ours: number(ours), peer: { name: peer, value: number(theirs) }, ratio: ours / theirs }
  report(atLeast === undefined ? row : { ...row, atLeast })
}

/**
 * The medians are compared: no more than the tuned one's, a hundredth of the defaults'. With 512 submitters that never pause the time says how
 * fast a log is (512 / rate), not how soon it answers; it is asked there all the same.
 */
function timeRow(peer: Exclude<System, 'samebits'>, writers: number): void {
  const what = `ms to a published, signed inclusion, p50 / p99 / p99.9, ${writers} submitters`
  const [ours, theirs] = [published.get(key('samebits', writers)), published.get(key(peer, writers))]
  if (ours === undefined) return
  if (theirs === undefined) {
    report({ what, ours: times(ours), peer: null, missing: whyNot ?? 'it failed' })
    return
  }
  const row = { what, ours: times(ours), peer: { name: peer, value: times(theirs) }, ratio: ours.p50Ms / theirs.p50Ms }
  report({ ...row, atMost: peer === 'Tessera, tuned' ? 1 : 0.01 })
}
