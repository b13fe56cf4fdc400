/** Real HTTP servers on loopback for tests, closed with everything that is still connected to them. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Loopback {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly requests: { readonly path: string; readonly headers: NodeJS.Dict<string | string[]> }[]
  close(): Promise<void>
}

export async function serve(listener: RequestListener): Promise<Loopback> {
  const requests: Loopback['requests'] = []
  const server: Server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', headers: request.headers })
    listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
