/**
 * How many connections one address may hold, so that a single client cannot take them all. Of IPv6 a whole /64 counts as
 * one.
 */
import type { Server } from 'node:net'
import { clientGroup } from '@samebits/host'

/** Ends connections beyond `limit` from one address as soon as they come. */
export function limitConnections(server: Server, limit: number): void {
  const open = new Map<string, number>()
  server.on('connection', (socket) => {
    const client = clientGroup(socket.remoteAddress ?? '')
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
