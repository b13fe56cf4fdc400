/** Sampler and batches of the SDK, as OpenTelemetry's environment variables have them. Wrong values are warnings, as specified. */
import type { BatchSpanProcessorOptions, Sampler } from '@opentelemetry/sdk-trace'

type Environment = Readonly<Record<string, string | undefined>>
type Warn = (message: string) => void
type Sdk = Pick<
  typeof import('@opentelemetry/sdk-trace'),
  'AlwaysOnSampler' | 'AlwaysOffSampler' | 'ParentBasedSampler' | 'TraceIdRatioBasedSampler'
>

/** `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`. */
export function samplerOf(sdk: Sdk, environment: Environment, warn: Warn): Sampler {
  const fallback = 'parentbased_always_on'
  const name = environment['OTEL_TRACES_SAMPLER'] || fallback
  const [, parentBased, root] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name) ?? []
  if (root === undefined) {
    warn(`OTEL_TRACES_SAMPLER is none of the specified samplers: ${fallback} is used`)
    return samplerOf(sdk, {}, warn)
  }
  const sampler =
    root === 'always_on'
      ? new sdk.AlwaysOnSampler()
      : root === 'always_off'
        ? new sdk.AlwaysOffSampler()
        : new sdk.TraceIdRatioBasedSampler(ratioOf(environment, warn))
  return parentBased === undefined ? sampler : new sdk.ParentBasedSampler({ root: sampler })
}

function ratioOf(environment: Environment, warn: Warn): number {
  const text = environment['OTEL_TRACES_SAMPLER_ARG'] || '1'
  const ratio = /^[0-9]*\.?[0-9]+$/.test(text) ? Number(text) : Number.NaN
  if (ratio >= 0 && ratio <= 1) return ratio
  warn('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1: 1 is used')
  return 1
}

const batchVariables = {
  scheduledDelayMillis: 'OTEL_BSP_SCHEDULE_DELAY',
  exportTimeoutMillis: 'OTEL_BSP_EXPORT_TIMEOUT',
  maxQueueSize: 'OTEL_BSP_MAX_QUEUE_SIZE',
  maxExportBatchSize: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
} as const

/** `OTEL_BSP_…`; what is not given is left to the library. */
export function batchOptions(
  environment: Environment,
  warn: Warn,
): Partial<Pick<BatchSpanProcessorOptions, keyof typeof batchVariables>> {
  const options: Partial<Record<keyof typeof batchVariables, number>> = {}
  for (const [option, variable] of Object.entries(batchVariables)) {
    const text = environment[variable] ?? ''
    if (/^[1-9][0-9]{0,8}$/.test(text)) options[option as keyof typeof batchVariables] = Number(text)
    else if (text !== '') warn(`${variable} is no whole number above 0: it is ignored`)
  }
  return options
}
