/** Between a server and its PostgreSQL: passes everything on, until it is told to cut, or to swallow the answer to COMMIT. */
import { connect, createServer, type Socket } from 'node:net'

export interface PostgresProxy {
  readonly port: number
  /** Ends every connection. */
  cut(): void
  /**
   * The next COMMIT reaches the database, its answer does not come back; the connection stays open and silent for a while, then
   * it breaks. Resolves once that was done.
   */
  swallowCommit(silentMs: number): Promise<void>
  close(): void
}

/** @param path the database's socket */
export async function startProxy(path: string): Promise<PostgresProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let swallow: { silentMs: number; done: () => void } | null = null
  const server = createServer((client) => {
    const database = connect(path)
    const pair = [client, database] as const
    pairs.add(pair)
    let deaf = false
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      database.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    client.on('data', (chunk) => {
      if (swallow !== null && chunk.includes('COMMIT\0')) {
        const { silentMs, done } = swallow
        swallow = null
        deaf = true
        setTimeout(() => {
          end()
          done()
        }, silentMs)
      }
      database.write(chunk)
    })
    database.on('data', (chunk) => {
      if (!deaf) client.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const cut = () => {
    for (const pair of [...pairs]) for (const socket of pair) socket.destroy()
  }
  return {
    port: address.port,
    cut,
    swallowCommit: (silentMs) =>
      new Promise((done) => {
        swallow = { silentMs, done }
      }),
    close() {
      cut()
      server.close()
    },
  }
}
