/** Who is at the other end of a connection, for limits that are counted by client. */
import { isIP } from 'node:net'

/** A request, as far as it says where it comes from. */
export interface Arrival {
  readonly socket: { readonly remoteAddress?: string | undefined }
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/**
 * The client that sent a request.
 * @param proxies how many of our own proxies stand in front: each appends the address that it saw to X-Forwarded-For, and only so many
 *   from the end are believed, since everything before them is what the client itself may have written
 */
export function clientOf({ socket, headers }: Arrival, proxies: number): string {
  const seen = socket.remoteAddress ?? ''
  const told = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
  const hops = [...told.map((text) => text.trim()), seen]
  const address = hops[Math.max(0, hops.length - 1 - proxies)] ?? seen
  return clientGroup(isIP(address) === 0 ? seen : address)
}

/**
 * `192.0.2.7`, `::ffff:192.0.2.7` as the same, and the first four groups of any other IPv6 address: a whole /64 is what one customer gets
 * (RFC 6177).
 */
export function clientGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address
  const [before = '', after] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...Array.from({ length: zeros }, () => '0'), ...tail].slice(0, 4).join(':')
}
