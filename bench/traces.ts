/**
 * What traces cost: `POST /add` without them, with one request in a hundred, and with all of them followed, in turns; the median
 * of the ratios to the first of each round.
 *
 *     node --conditions=samebits-source bench/traces.ts [--submitters 64] [--seconds 4] [--rounds 5]
 */
import { parseArgs } from 'node:util'
import { createLogFolder, startLog } from '../test/support/log-process.ts'
import { startOtlpReceiver } from '../test/support/otlp-receiver.ts'
import { runLoad } from './load.ts'

const { values } = parseArgs({
  options: {
    submitters: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
  },
})

const receiver = await startOtlpReceiver()
const on = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint }
const sampled = (ratio: string) => ({
  ...on,
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: ratio,
})
const variants = [
  ['no traces', {}],
  ['1 % of the requests', sampled('0.01')],
  ['every request', on],
] as const

/** Entries/s of a new log. */
async function measure(environment: Readonly<Record<string, string>>): Promise<number> {
  const folder = await createLogFolder()
  const log = await startLog(folder, ['--mode', 'raw', '--log-level', 'warn'], [], environment)
  try {
    const load = { host: '127.0.0.1', port: log.port, submitters: Number(values.submitters), entryBytes: 500 }
    return (await runLoad({ ...load, warmupMs: 1500, measureMs: Number(values.seconds) * 1000 })).perSecond
  } finally {
    await log.kill('SIGTERM')
    await folder.remove()
  }
}

const ratios = variants.map((): number[] => [])
for (let round = 0; round < Number(values.rounds); round++) {
  const results: number[] = []
  for (const [, environment] of variants) results.push(await measure(environment))
  const [without = Number.NaN] = results
  for (const [at, perSecond] of results.entries()) ratios[at]?.push(perSecond / without)
  console.log(`round ${round + 1}: ${results.map((perSecond) => `${perSecond.toFixed(0)}/s`).join('  ')}`)
}
for (const [at, [name]] of variants.entries()) {
  const sorted = (ratios[at] ?? []).toSorted((a, b) => a - b)
  console.log(
    `${name.padEnd(24)} ${sorted[Math.floor(sorted.length / 2)]?.toFixed(2)} of the entries/s without (${sorted[0]?.toFixed(2)} to ${sorted.at(-1)?.toFixed(2)})`,
  )
}
console.log(`${receiver.spans.length} spans received`)
receiver.close()
