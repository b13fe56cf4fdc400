/**
 * How many connections one address may hold, so that a single client cannot take them all. Of IPv6 a whole /64 counts as one:
 * that is what one customer gets (RFC 6177).
 */
import type { Server } from 'node:net'

/** Ends connections beyond `limit` from one address as soon as they come. */
export function limitConnections(server: Server, limit: number): void {
  const open = new Map<string, number>()
  server.on('connection', (socket) => {
    const client = clientOf(socket.remoteAddress ?? '')
    const count = (open.get(client) ?? 0) + 1
    open.set(client, count)
    socket.once('close', () => {
      const left = (open.get(client) ?? 1) - 1
      if (left === 0) open.delete(client)
      else open.set(client, left)
    })
    if (count > limit) socket.destroy()
  })
}

/** `192.0.2.7`, `::ffff:192.0.2.7` as the same, and the first four groups of any other IPv6 address. */
export function clientOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address
  const [before = '', after] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...Array.from({ length: zeros }, () => '0'), ...tail].slice(0, 4).join(':')
}
