/**
 * {@link Tracing} as OpenTelemetry spans. Names and attributes follow its semantic conventions for HTTP where they have one,
 * and begin with `samebits.` where not (docs/operating.md, *Traces*).
 */
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Attributes, EntryTrail, Step, Tracing } from './tracing.ts'

export interface OtelParts {
  readonly tracer: Tracer
  readonly propagator: Pick<TextMapPropagator, 'inject' | 'extract'>
  /** Milliseconds of `performance.now()`. */
  readonly clock: () => number
}

/** A step that is over, by the clock. */
interface Past {
  readonly name: string
  readonly start: number
  readonly end: number
}

export function otelTracing(parts: OtelParts): Tracing {
  return {
    entry: (headers) => new OtelEntry(parts, headers),
    head: (name) => new OtelStep(parts, name, {}, ROOT_CONTEXT, SpanKind.INTERNAL),
  }
}

class OtelStep implements Step {
  readonly #parts: OtelParts
  readonly #name: string
  readonly #start: number
  readonly #context: Context
  readonly #within: OtelStep | null
  readonly span: Span
  /** The steps within this one that are over. */
  readonly past: Past[] = []

  constructor(
    parts: OtelParts,
    name: string,
    attributes: Attributes,
    context: Context,
    kind: SpanKind,
    within: OtelStep | null = null,
  ) {
    this.#parts = parts
    this.#name = name
    this.#start = parts.clock()
    this.#within = within
    this.span = parts.tracer.startSpan(name, { kind, attributes, startTime: this.#start }, context)
    this.#context = trace.setSpan(context, this.span)
  }

  step(name: string, attributes: Attributes = {}): Step {
    return new OtelStep(this.#parts, name, attributes, this.#context, SpanKind.INTERNAL, this)
  }

  request(name: string, attributes: Attributes = {}): Step {
    return new OtelStep(this.#parts, name, attributes, this.#context, SpanKind.CLIENT)
  }

  end(attributes: Attributes = {}, error?: string): void {
    const end = this.#parts.clock()
    this.span.setAttributes(attributes)
    if (error !== undefined) failed(this.span, error)
    this.span.end(end)
    this.#within?.past.push({ name: this.#name, start: this.#start, end })
  }
}

class OtelEntry implements EntryTrail {
  readonly #parts: OtelParts
  readonly #span: Span
  readonly #context: Context
  #last: number

  constructor(parts: OtelParts, headers: Readonly<Record<string, unknown>>) {
    this.#parts = parts
    this.#last = parts.clock()
    const caller = parts.propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
    const attributes = { 'http.request.method': 'POST', 'http.route': '/add' }
    const options = { kind: SpanKind.SERVER, attributes, startTime: this.#last }
    this.#span = parts.tracer.startSpan('POST /add', options, caller)
    this.#context = trace.setSpan(caller, this.#span)
  }

  mark(name: string, attributes: Attributes = {}): void {
    if (!this.#span.isRecording()) return
    const start = this.#last
    this.#last = this.#parts.clock()
    this.#passed({ name, start, end: this.#last }, attributes)
  }

  issued(head: Step): void {
    if (!(head instanceof OtelStep) || !this.#span.isRecording()) return
    const began = head.past[0]?.start ?? this.#last
    if (began > this.#last) this.#passed({ name: 'turn', start: this.#last, end: began })
    for (const { name, start, end } of head.past)
      if (end > this.#last) this.#passed({ name, start: Math.max(start, this.#last), end }, {}, head.span)
    this.#last = this.#parts.clock()
  }

  headers(): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {}
    this.#parts.propagator.inject(this.#context, headers, defaultTextMapSetter)
    return headers
  }

  end(status: number): void {
    this.#span.setAttributes({ 'http.response.status_code': status })
    if (status >= 500) failed(this.#span, String(status))
    this.#span.end(this.#parts.clock())
  }

  /** @param shared the span of the work of which this was part */
  #passed({ name, start, end }: Past, attributes: Attributes = {}, shared?: Span): void {
    const links = shared === undefined ? [] : [{ context: shared.spanContext() }]
    this.#parts.tracer.startSpan(name, { attributes, links, startTime: start }, this.#context).end(end)
  }
}

function failed(span: Span, error: string): void {
  span.setAttributes({ 'error.type': error })
  span.setStatus({ code: SpanStatusCode.ERROR })
}
