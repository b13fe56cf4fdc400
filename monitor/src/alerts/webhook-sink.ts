/**
 * Alerts as signed POST requests, by the Standard Webhooks specification (github.com/standard-webhooks/standard-webhooks, "Webhook
 * Metadata", "Signature scheme"):
 *
 *     webhook-id: <alert id>                the same at every try: count it once
 *     webhook-timestamp: 1795000000         of this try
 *     webhook-signature: v1,<base64 HMAC-SHA256 of "<id>.<timestamp>.<body>">
 */
import { createHmac } from 'node:crypto'
import { documentOf, type Sink } from './sink.ts'

export interface WebhookOptions {
  readonly name: string
  readonly url: string
  /** The shared key's bytes. */
  readonly secret: Uint8Array
  readonly fetch: typeof globalThis.fetch
  /** Unix seconds. */
  readonly now: () => number
}

export function webhookSink({ name, url, secret, fetch, now }: WebhookOptions): Sink {
  return {
    name,
    async deliver(alert, signal) {
      const body = JSON.stringify(documentOf(alert))
      const timestamp = String(now())
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        credentials: 'omit',
        headers: {
          'content-type': 'application/json',
          'webhook-id': alert.id,
          'webhook-timestamp': timestamp,
          'webhook-signature': webhookSignature(secret, alert.id, timestamp, body),
        },
        body,
        signal,
      })
      await response.body?.cancel()
      if (!response.ok) throw new Error(`status ${response.status}`)
    },
  }
}

function webhookSignature(secret: Uint8Array, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

/** `whsec_` and base64, as the specification writes keys; or any text of at least 24 bytes. Null for what is too short. */
export function parseWebhookSecret(text: string): Uint8Array | null {
  const bytes = text.startsWith('whsec_') ? Buffer.from(text.slice('whsec_'.length), 'base64') : Buffer.from(text)
  return bytes.length >= 24 ? Uint8Array.from(bytes) : null
}
