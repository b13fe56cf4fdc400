/** The process of a reader. It lives as long as the server that started it, which alone ends it: signals to the group are not for it. */
import type { Server as NetServer } from 'node:net'
import type { FromReader, ToReader } from './messages.ts'
import { openReader, type Reader } from './reader.ts'

const reportEveryMs = 1000

const say = (message: FromReader) => void process.send?.(message)
let reload: () => void = () => undefined
let reader: Promise<Reader> | null = null

async function begin(message: ToReader & { kind: 'begin' }, socket: NetServer): Promise<Reader> {
  const opened = await openReader(message.options, {
    credentials: process.env['CREDENTIALS_DIRECTORY'] ?? '',
    now: () => Math.floor(Date.now() / 1000),
    after(milliseconds, work) {
      const timer = setTimeout(work, milliseconds)
      return () => clearTimeout(timer)
    },
    onReload(listener) {
      reload = listener
      return () => undefined
    },
    say,
  })
  await new Promise<void>((resolve, reject) => opened.server.once('error', reject).listen(socket, resolve))
  setInterval(() => say({ ...opened.report(), residentBytes: process.memoryUsage.rss() }), reportEveryMs).unref()
  say({ kind: 'ready' })
  return opened
}

async function stop(): Promise<void> {
  await (await reader)?.stop()
  process.exit(0)
}

process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit(0))
process.on('message', (message: ToReader, socket: unknown) => {
  if (message.kind === 'begin') reader = begin(message, socket as NetServer)
  else if (message.kind === 'reload') reload()
  else void stop()
})
