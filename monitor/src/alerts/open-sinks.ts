/** The configured sinks, with their secrets read from files. */
import { ProgramError, readSecretFile } from '@samebits/host'
import type { SinkConfig } from '../config/config-format.ts'
import type { MonitorStore } from '../state/monitor-store.ts'
import { atomSink } from './atom-feed.ts'
import { commandSink } from './command-sink.ts'
import { emailSink } from './email-sink.ts'
import { documentOf, type Sink } from './sink.ts'
import { parseWebhookSecret, webhookSink } from './webhook-sink.ts'

export interface SinkDeps {
  readonly store: MonitorStore
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
  readonly stdout: { write(text: string): unknown }
}

/** @throws ProgramError SINK where a secret cannot be used */
export async function openSinks(configs: readonly SinkConfig[], deps: SinkDeps): Promise<Sink[]> {
  const sinks: Sink[] = []
  for (const config of configs) sinks.push(await openSink(config, deps))
  return sinks
}

async function openSink(config: SinkConfig, { store, fetch, now, stdout }: SinkDeps): Promise<Sink> {
  const { name } = config
  switch (config.kind) {
    case 'stdout':
      return { name, deliver: async (alert) => void stdout.write(`${JSON.stringify(documentOf(alert))}\n`) }
    case 'webhook': {
      const secret = parseWebhookSecret(await readSecretFile(config.secretFile))
      if (secret === null) throw unfit(config.secretFile, 'the secret is shorter than 24 bytes')
      return webhookSink({ name, url: demandHttps(config.url), secret, fetch, now })
    }
    case 'email': {
      const { host, port, secure, from, to, user, passwordFile } = config
      const pass = passwordFile === undefined ? '' : await readSecretFile(passwordFile)
      return emailSink({ name, host, port, secure, from, to, auth: user === undefined ? null : { user, pass } })
    }
    case 'atom': {
      const { file, url } = config
      return atomSink({ name, file, url, newest: (limit) => store.alerts({ limit }) })
    }
    case 'command':
      return commandSink({ name, command: config.command })
  }
}

function demandHttps(url: string): string {
  const { protocol, hostname } = new URL(url)
  const local = hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
  if (protocol === 'https:' || local) return url
  throw unfit(url, 'a webhook is an https URL, or one on this machine')
}

function unfit(what: string, detail: string): ProgramError {
  return new ProgramError({
    code: 'SINK',
    detail: `${what}: ${detail}`,
    remedy: 'See docs/monitoring.md, "Who is told".',
  })
}
