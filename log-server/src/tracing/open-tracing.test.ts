import { propagation, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, describe, expect, it } from 'vitest'
import { makeTestLog, realTiming } from '../testing.ts'
import { openTracing } from './open-tracing.ts'

let warnings: string[] = []
afterEach(() => {
  trace.disable()
  propagation.disable()
  warnings = []
})

const open = (environment: Record<string, string>) =>
  openTracing({ environment, ...realTiming, warn: (message) => warnings.push(message) })

/** What an SDK does that was loaded before the program (`--import`). */
function loadSdk(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  return exporter
}

describe('traces', () => {
  it.each([
    [{}, 0],
    [{ OTEL_SERVICE_NAME: 'log', OTEL_RESOURCE_ATTRIBUTES: 'a=b' }, 0],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, 0],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, 0],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 1],
  ])('are off with %j', async (environment, said) => {
    expect(await open(environment)).toBeNull()
    expect(warnings).toHaveLength(said)
  })

  it('are off where an SDK is loaded and disabled', async () => {
    loadSdk()
    expect(await open({ OTEL_SDK_DISABLED: 'TRUE' })).toBeNull()
  })

  it('are taken by an SDK that is loaded, and tell what came first', async () => {
    const exporter = loadSdk()
    const traces = await open({})
    const log = await makeTestLog()
    const server = await log.start({}, traces === null ? {} : { tracing: traces.tracing })
    const caller = { traceId: 'abcdef0123456789abcdef0123456789', spanId: '0123456789abcdef' }
    await server.add('a', { traceparent: `00-${caller.traceId}-${caller.spanId}-01` })
    await server.add('a') // is there already: no head of its own
    await server.add('x'.repeat(70_000))
    await server.stop()
    log.remove()

    const spans = exporter.getFinishedSpans()
    const [first, second, third] = spans.filter(({ name }) => name === 'POST /add')
    const childrenOf = (span: typeof first) =>
      spans
        .filter(({ parentSpanContext }) => parentSpanContext?.spanId === span?.spanContext().spanId)
        .map(({ name }) => name)
    expect([first?.spanContext().traceId, first?.parentSpanContext?.spanId]).toEqual([caller.traceId, caller.spanId])
    const issued = ['read back', 'sign', 'mark', 'witnesses', 'publish']
    expect(childrenOf(first).filter((name) => name !== 'turn')).toEqual([
      ...['receive', 'admission', 'queue', 'commit'],
      ...issued,
    ])
    expect(childrenOf(second)).toEqual(['receive', 'admission', 'queue', 'commit'])
    expect(third?.attributes['http.response.status_code']).toBe(413)
    const head = spans.find(({ name, attributes }) => name === 'head' && attributes['samebits.tree.size'] === 1)
    expect(childrenOf(head)).toEqual(issued)
    const sign = spans.filter(({ name }) => name === 'sign').find(({ links }) => links.length === 1)
    expect(sign?.links[0]?.context).toEqual(head?.spanContext())
    // Nothing that a client sent: neither the body nor where it came from.
    expect(JSON.stringify(spans.map(({ name, attributes, events }) => [name, attributes, events]))).not.toMatch(
      /xxx|127\.0\.0\.1|::1/,
    )
  })

  it('hand the trace on to the server that leads', async () => {
    loadSdk()
    const traces = await open({})
    const traceId = 'abcdef0123456789abcdef0123456789'
    const trail = traces?.tracing.entry({ traceparent: `00-${traceId}-0123456789abcdef-01` })
    expect(trail?.headers()).toEqual({ traceparent: expect.stringMatching(`^00-${traceId}-(?!0123456789abcdef)`) })
  })
})
