/**
 * Traces of a log as an operator gets them: `samebits-log serve` with a receiver named by OpenTelemetry's own variables, a
 * witness that cosigns and one that is not there, and an export folder.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatVkey, makeVkey, TYPE_COSIGNATURE_ED25519 } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogFolder, type LogFolder, startLog } from './support/log-process.ts'
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './support/otlp-receiver.ts'
import { newWitness } from './support/witness-process.ts'

let folder: LogFolder
beforeAll(async () => {
  folder = await createLogFolder('example.com/traces')
})
afterAll(() => folder.remove())

/** Spans are sent when the process ends, not before. */
const patient = { OTEL_BSP_SCHEDULE_DELAY: '3600000', OTEL_TRACES_EXPORTER: 'otlp' }

describe('traces of a log', () => {
  it('tell where the time of an entry went, and reach their receiver before the process ends', async () => {
    const receiver = await startOtlpReceiver()
    const witness = await newWitness('witness.example/w', folder.vkeys)
    const absent = makeVkey(nodeCrypto, 'absent', TYPE_COSIGNATURE_ED25519, generateSigningKey('ed25519').publicKey)
    await writeFile(
      join(folder.path, 'policy'),
      `log ${folder.vkeys[1]}\nwitness w ${witness.vkeys[0]} ${witness.url}\n` +
        `witness absent ${formatVkey(absent)} http://127.0.0.1:9/secret-path/\ngroup one any w absent\nquorum one\n`,
    )
    const flags = ['--mode', 'raw', '--policy', join(folder.path, 'policy'), '--export-to', join(folder.path, 'www')]
    const log = await startLog(folder, flags, [], {
      ...patient,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20let-me-in',
      OTEL_SERVICE_NAME: 'our-log',
    })
    const parent = { traceId: 'abcdef0123456789abcdef0123456789', spanId: '0123456789abcdef' }
    const added = await fetch(`${log.url}/add`, {
      method: 'POST',
      body: 'an entry that nobody else may read',
      headers: { traceparent: `00-${parent.traceId}-${parent.spanId}-01`, 'x-secret': 'of the client' },
    })
    expect([added.status, await added.text()]).toEqual([200, '0'])
    expect(receiver.spans).toEqual([])
    expect(await log.kill('SIGTERM')).toBe(0)
    await witness.remove()
    receiver.close()

    const { spans } = receiver
    const add = spans.find(({ name }) => name === 'POST /add')
    const head = spans.find((span) => span.name === 'head' && span.attributes['samebits.tree.size'] === 1)
    const within = (span: ReceivedSpan | undefined) =>
      spans.filter(({ parentSpanId }) => span !== undefined && parentSpanId === span.spanId)
    expect(add).toMatchObject({
      ...{ service: 'our-log', kind: 2, traceId: parent.traceId, parentSpanId: parent.spanId },
      attributes: { 'http.route': '/add', 'http.response.status_code': 200 },
    })
    const issued = ['read back', 'sign', 'mark', 'witnesses', 'export', 'publish']
    expect(
      within(add)
        .map(({ name }) => name)
        .filter((name) => name !== 'turn'),
    ).toEqual(['receive', 'admission', 'queue', 'commit', ...issued])
    expect(within(head).map(({ name }) => name)).toEqual(expect.arrayContaining(issued))
    const [witnesses, exported] = ['witnesses', 'export'].map((name) => within(head).find((span) => span.name === name))
    expect(within(add).find(({ name }) => name === 'witnesses')?.links).toEqual([head?.spanId])
    expect(within(exported).map(({ name }) => name)).toEqual(['write tiles', 'swap checkpoint'])
    const asked = within(witnesses).map(({ kind, failed, attributes }) => [
      ...[attributes['samebits.witness'], kind, failed],
      attributes['http.response.status_code'] ?? attributes['error.type'],
    ])
    expect(asked).toContainEqual(['w', 3, false, 200])
    expect(spans.some(({ attributes }) => attributes['error.type'] === 'unreachable')).toBe(true)
    keepsSecrets(receiver, folder)
  })

  it('hold nobody up where their receiver is silent', async () => {
    const receiver = await startOtlpReceiver({ answer: false })
    const environment = { ...patient, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint }
    const log = await startLog(folder, ['--mode', 'raw'], [], environment)
    expect((await fetch(`${log.url}/add`, { method: 'POST', body: 'more' })).status).toBe(200)
    expect(await log.kill('SIGTERM')).toBe(0)
    receiver.close()
    expect(log.stderr()).toContain('the last traces were not sent')
  })
})

/** The receiver's own header apart, nothing that was not meant for it arrived. */
function keepsSecrets({ raw }: OtlpReceiver, { path }: LogFolder): void {
  const all = raw.join('\n')
  expect(all).toContain('Bearer let-me-in')
  const key = readFileSync(join(path, 'keys', 'ed25519.pem'), 'utf8').split('\n')[1] ?? ''
  for (const secret of ['an entry', 'of the client', 'secret-path', 'PRIVATE', key, '/keys', path])
    expect(all).not.toContain(secret)
}
