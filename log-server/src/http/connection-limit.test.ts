import { connect, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { BodyBudget } from './body-budget.ts'
import { limitConnections } from './connection-limit.ts'

it('ends connections past the limit of an address, and counts them down when they end', async () => {
  const server = createServer((socket) => socket.resume().on('error', () => undefined))
  limitConnections(server, 3)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const closed: Socket[] = []
  const open = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket))
      socket.on('error', () => undefined).on('close', () => closed.push(socket))
    })
  const sockets = [await open(), await open(), await open()]
  const refused = await open()
  await expect.poll(() => closed).toEqual([refused])
  sockets[0]?.destroy()
  await expect.poll(() => closed.length).toBe(2)
  await expect
    .poll(async () => {
      const again = await open()
      await new Promise((resolve) => setTimeout(resolve, 20))
      return closed.includes(again)
    })
    .toBe(false)
  for (const socket of sockets) socket.destroy()
  server.close()
})

it('a budget is taken and given back, never beyond its size', () => {
  const budget = new BodyBudget(100)
  expect([budget.take(60), budget.take(41), budget.take(40), budget.take(1)]).toEqual([true, false, true, false])
  budget.give(60)
  expect([budget.bytes, budget.take(60)]).toEqual([40, true])
})
