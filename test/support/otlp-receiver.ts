/** A receiver of traces: OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp, `/v1/traces`), as far as these tests read it. */
import { createServer, type IncomingMessage } from 'node:http'
import { gunzipSync } from 'node:zlib'

type Value = string | number | boolean

/** One span, flattened. */
export interface ReceivedSpan {
  readonly service: Value | undefined
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number
  readonly attributes: Readonly<Record<string, Value>>
  /** Span ids. */
  readonly links: readonly string[]
  readonly failed: boolean
}

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string
  readonly spans: readonly ReceivedSpan[]
  /** Bodies and headers of all requests, as they came. */
  readonly raw: readonly string[]
  close(): void
}

interface KeyValue {
  key: string
  value: { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean }
}
interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes?: KeyValue[]
  links?: { spanId: string }[]
  status?: { code?: number }
}
interface ExportRequest {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: Span[] }[] }[]
}

/** @param answer false: connections are taken, requests never answered */
export async function startOtlpReceiver({ answer = true } = {}): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const raw: string[] = []
  const server = createServer(async (req, res) => {
    const body = await readBody(req)
    raw.push(JSON.stringify(req.headers), body)
    if (!answer) return
    if (req.url === '/v1/traces' && req.headers['content-type'] === 'application/json')
      spans.push(...flatten(JSON.parse(body) as ExportRequest))
    res.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { endpoint: `http://127.0.0.1:${address.port}`, spans, raw, close }
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of req) chunks.push(chunk as Uint8Array)
  const body = Buffer.concat(chunks)
  return (req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
}

function flatten({ resourceSpans }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = valuesOf(resource.attributes)['service.name']
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId = '', name, kind, attributes = [], links = [], status = {} }) => ({
        ...{ service, traceId, spanId, parentSpanId, name, kind, attributes: valuesOf(attributes) },
        links: links.map((link) => link.spanId),
        failed: status.code === 2,
      })),
    )
  })
}

function valuesOf(attributes: readonly KeyValue[]): Record<string, Value> {
  const read = ({ stringValue, intValue, doubleValue, boolValue }: KeyValue['value']): Value =>
    stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue ?? '') : Number(intValue))
  return Object.fromEntries(attributes.map(({ key, value }) => [key, read(value)]))
}
