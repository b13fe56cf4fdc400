/** Between publishers and a log: passes bytes on, and breaks connections that submit an entry, at random points, when it is told to. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface CuttingProxy {
  readonly url: string
  /** Submissions that will be cut. */
  toCut: number
  /** Submissions that were. */
  readonly cut: number
  close(): void
}

/** @param target the port to go to, asked for every connection */
export async function startCuttingProxy(target: () => number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let cut = 0
  const server = createServer((client) => {
    const log = connect(target(), '127.0.0.1')
    const end = () => {
      client.destroy()
      log.destroy()
    }
    for (const socket of [client, log]) {
      sockets.add(socket)
      socket.on('error', end).on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    let answers = (chunk: Buffer) => void client.write(chunk)
    log.on('data', (chunk) => answers(chunk))
    client.on('data', (chunk) => {
      if (proxy.toCut === 0 || !chunk.subarray(0, 10).equals(submission)) return void log.write(chunk)
      proxy.toCut--
      cut++
      const some = (bytes: Buffer) => bytes.subarray(0, Math.floor(Math.random() * bytes.length))
      switch (Math.floor(Math.random() * 4)) {
        case 0: // within the request
          return void log.write(some(chunk), end)
        case 1: // as soon as it is written
          return void log.write(chunk, end)
        case 2: // a moment later, whatever has happened by then
          log.write(chunk)
          setTimeout(end, Math.random() * 15)
          return
        default: // within the answer
          answers = (answer) => void client.write(some(answer), end)
          log.write(chunk)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const proxy: CuttingProxy = {
    url: `http://127.0.0.1:${address.port}`,
    toCut: 0,
    get cut() {
      return cut
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  return proxy
}

const submission = Buffer.from('POST /add ')
