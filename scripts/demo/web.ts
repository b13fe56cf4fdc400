/** Plain files over HTTP on loopback, what any web server does for a feed; and a port for what must know its address before it serves. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { join, normalize } from 'node:path'

/** Serves what `folder()` names at the moment of the request, so that an attacker can put another one in its place. */
export async function serveFolder(folder: () => string): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const path = join(folder(), normalize(decodeURIComponent(pathname)))
    const info = await stat(path).catch(() => null)
    if (info === null || !info.isFile()) {
      response.writeHead(404).end('not found\n')
      return
    }
    response.writeHead(200, { 'content-length': info.size })
    createReadStream(path).pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Free at this moment, and below those that systems give to whoever asks for any: nothing takes it by chance before it is used. */
export async function freePort(): Promise<string> {
  for (;;) {
    const port = randomInt(15_000, 32_000)
    const server = createSocketServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    server.close()
    await once(server, 'close')
    return String(port)
  }
}
