/** How clients reach the log: over TLS, whose certificate must not end, or over plain HTTP, which should not leave the machine. */
import { clientGroup } from '@samebits/host'
import type { TlsFiles } from '../tls-files.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export interface TransportDeps {
  /** Unix seconds. */
  readonly now: () => number
  /** Opens the pair that the options name; null for plain HTTP. */
  readonly openTls: () => Promise<TlsFiles | null>
}

/** Certificates that are renewed by themselves are, long before. */
const soonSeconds = 14 * 86_400

export async function checkTransport(host: string, { openTls, now }: TransportDeps): Promise<Finding[]> {
  try {
    const files = await openTls()
    return files === null ? plain(host) : [expiry(files, now())]
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return [
      fail('tls', detail, 'Give --tls-cert and --tls-key a certificate and its key, readable by the owner alone.'),
    ]
  }
}

function expiry({ notAfter, names }: TlsFiles, now: number): Finding {
  const days = Math.floor((notAfter - now) / 86_400)
  const remedy = 'Renew it: the server reads the new files by itself.'
  if (notAfter < now) return fail('tls', `the certificate of ${names} has expired`, remedy)
  if (notAfter - now < soonSeconds) return warn('tls', `the certificate of ${names} ends in ${days} days`, remedy)
  return ok('tls', `the certificate of ${names} holds for ${days} days`)
}

function plain(host: string): Finding[] {
  if (host === 'localhost' || host === '::1' || clientGroup(host).startsWith('127.')) return []
  const remedy = 'Where no proxy in front speaks TLS, give --tls-cert and --tls-key.'
  return [warn('tls', `plain HTTP at ${host}: who is on the way sees what is submitted, and may hold it back`, remedy)]
}
