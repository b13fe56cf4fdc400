/**
 * Whether anybody follows, and where traces go. Everything is said by OpenTelemetry's own environment variables
 * (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables): this program has no options for it.
 *
 * - A process into which an SDK was loaded (`NODE_OPTIONS=--import=…`) uses that one.
 * - Otherwise, where a receiver is named (`OTEL_EXPORTER_OTLP_ENDPOINT`), spans are sent there as OTLP in JSON over HTTP by the
 *   libraries below, which are loaded only then.
 *
 * Traces are never worth a log that does not start: what is wrong with them is a warning.
 */
import { DiagLogLevel, diag, ProxyTracerProvider, propagation, type TracerProvider, trace } from '@opentelemetry/api'
import { otelTracing } from './otel-tracing.ts'
import { batchOptions, samplerOf } from './sdk-environment.ts'
import type { Tracing } from './tracing.ts'

export interface TracingParts {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Milliseconds of `performance.now()`. */
  readonly clock: () => number
  readonly after: (milliseconds: number, work: () => void) => () => void
  /** For the operator's log. */
  readonly warn: (message: string, detail?: unknown) => void
}

export interface OpenTracing {
  readonly tracing: Tracing
  /** Sends what is left. Rejects never, and takes no longer than a few seconds. */
  close(): Promise<void>
}

/** Service name, where `OTEL_SERVICE_NAME` has none; name of the tracer. */
const serviceName = 'samebits-log'
/** For the last spans, when the process is about to end. */
const closeMs = 3000

/** Null while nobody follows. */
export async function openTracing(parts: TracingParts): Promise<OpenTracing | null> {
  const { environment, clock, warn } = parts
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return null
  const loaded = loadedProvider()
  if (loaded !== null) {
    const tracing = otelTracing({ tracer: loaded.getTracer(serviceName), propagator: propagation, clock })
    return { tracing, close: () => flush(parts, loaded) }
  }
  if (!isReceiverNamed(parts)) return null
  try {
    return await openSdk(parts)
  } catch (error) {
    warn('no traces: the libraries of OpenTelemetry cannot be used', reasonOf(error))
    return null
  }
}

/** The provider of an SDK that was loaded before this program. */
function loadedProvider(): TracerProvider | null {
  const provider = trace.getTracerProvider()
  if (!(provider instanceof ProxyTracerProvider)) return provider
  return provider.getDelegateTracer(serviceName) === undefined ? null : provider.getDelegate()
}

function isReceiverNamed({ environment, warn }: TracingParts): boolean {
  const exporter = environment['OTEL_TRACES_EXPORTER'] ?? ''
  const endpoint = environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? ''
  if (exporter === 'none' || (exporter === '' && endpoint === '')) return false
  if (exporter !== '' && exporter !== 'otlp') {
    warn('no traces: OTEL_TRACES_EXPORTER is neither otlp nor none')
    return false
  }
  const protocol =
    environment['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? environment['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/json'
  if (protocol !== 'http/json') warn('traces are sent as http/json, whatever OTEL_EXPORTER_OTLP_PROTOCOL says')
  return true
}

async function openSdk(parts: TracingParts): Promise<OpenTracing> {
  const { environment, clock, warn } = parts
  const [sdk, otlp, resources, { W3CTraceContextPropagator }] = await loadLibraries()
  diag.setLogger(operatorLogger(warn), DiagLogLevel.WARN)
  const exporter = new otlp.OTLPTraceExporter()
  const resource = resources
    .defaultResource()
    .merge(resources.resourceFromAttributes({ 'service.name': serviceName }))
    .merge(resources.detectResources({ detectors: [resources.serviceInstanceIdDetector, resources.envDetector] }))
  const provider = new sdk.TracerProvider({
    resource,
    sampler: samplerOf(sdk, environment, warn),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, ...batchOptions(environment, warn) })],
  })
  const propagator = new W3CTraceContextPropagator()
  const tracing = otelTracing({ tracer: provider.getTracer(serviceName), propagator, clock })
  return { tracing, close: () => flush(parts, provider) }
}

/** Optional peers of this package. */
function loadLibraries() {
  return Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/core'),
  ])
}

/** What the libraries have to say is for the operator; their details, which may hold headers, are not kept. */
function operatorLogger(warn: TracingParts['warn']) {
  const say = (message: string) => warn('traces', message)
  const quiet = () => undefined
  return { error: say, warn: say, info: quiet, debug: quiet, verbose: quiet }
}

async function flush({ after, warn }: TracingParts, provider: TracerProvider): Promise<void> {
  const last: unknown = 'shutdown' in provider ? provider.shutdown : null
  if (typeof last !== 'function') return
  let cancel: () => void = () => undefined
  const late = new Promise<void>((_, reject) => {
    cancel = after(closeMs, () => reject(new Error('the receiver does not answer')))
  })
  try {
    await Promise.race([late, last.call(provider)])
  } catch (error) {
    warn('the last traces were not sent', reasonOf(error))
  } finally {
    cancel()
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
