import * as sdk from '@opentelemetry/sdk-trace'
import { describe, expect, it } from 'vitest'
import { batchOptions, samplerOf } from './sdk-environment.ts'

function sampler(environment: Record<string, string>): [string, number] {
  const warnings: string[] = []
  return [String(samplerOf(sdk, environment, (message) => warnings.push(message))), warnings.length]
}

const always = 'ParentBased{root=AlwaysOnSampler, remoteParentSampled=AlwaysOnSampler'

describe('the environment of an SDK', () => {
  it.each([
    [{}, always, 0],
    [{ OTEL_TRACES_SAMPLER: '' }, always, 0],
    [{ OTEL_TRACES_SAMPLER: 'always_on' }, 'AlwaysOnSampler', 0],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, 'AlwaysOffSampler', 0],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 'ParentBased{root=AlwaysOffSampler', 0],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 'TraceIdRatioBased{0.25}', 0],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' }, 'ParentBased{root=TraceIdRatioBased{1}', 0],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }, 'TraceIdRatioBased{1}', 1],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: 'half' }, 'TraceIdRatioBased{1}', 1],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_jaeger_remote' }, always, 1],
  ])('%j samples by %s', (environment, expected, warnings) => {
    const [text, said] = sampler(environment)
    expect([text.slice(0, expected.length), said]).toEqual([expected, warnings])
  })

  it.each([
    [{}, {}, 0],
    [{ OTEL_BSP_SCHEDULE_DELAY: '200' }, { scheduledDelayMillis: 200 }, 0],
    [
      { OTEL_BSP_MAX_QUEUE_SIZE: '100', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' },
      { maxQueueSize: 100, maxExportBatchSize: 10 },
      0,
    ],
    [{ OTEL_BSP_EXPORT_TIMEOUT: '-1', OTEL_BSP_MAX_QUEUE_SIZE: '0' }, {}, 2],
  ])('%j gives batches %j', (environment, expected, said) => {
    const warnings: string[] = []
    expect(batchOptions(environment, (message) => warnings.push(message))).toEqual(expected)
    expect(warnings).toHaveLength(said)
  })
})
