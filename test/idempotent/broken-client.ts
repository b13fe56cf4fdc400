/** A client that submits an entry and goes away at a random point: before, within or after its request, or within the answer. */
import { connect } from 'node:net'

/** Resolves once the connection is closed; what the log made of it, nobody knows. */
export function submitAndVanish(url: string, leaf: string): Promise<void> {
  const { port, hostname } = new URL(url)
  const body = Buffer.from(leaf)
  const request = Buffer.concat([
    Buffer.from(
      `POST /add HTTP/1.1\r\nHost: log\r\nAccept: text/x.tlog.proof\r\nContent-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  ])
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined).on('close', () => resolve())
    socket.once('connect', () => {
      switch (Math.floor(Math.random() * 4)) {
        case 0: // within the request
          socket.write(request.subarray(0, Math.floor(Math.random() * request.length)), () => socket.destroy())
          return
        case 1: // as soon as it is written
          socket.write(request, () => socket.destroy())
          return
        case 2: // a moment later, whatever has happened by then
          socket.write(request)
          setTimeout(() => socket.destroy(), Math.random() * 15)
          return
        default: // within the answer
          socket.write(request)
          socket.once('data', () => socket.destroy())
      }
    })
  })
}
