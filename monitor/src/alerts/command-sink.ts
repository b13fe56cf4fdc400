/** A program that is run for each alert, without a shell: the alert is JSON on its standard input, status 0 says that it took it. */
import { spawn } from 'node:child_process'
import { documentOf, type Sink } from './sink.ts'

export interface CommandOptions {
  readonly name: string
  /** Program and arguments. */
  readonly command: readonly string[]
}

export function commandSink({ name, command: [program = '', ...args] }: CommandOptions): Sink {
  return {
    name,
    deliver: (alert, signal) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'], signal, killSignal: 'SIGKILL' })
        child.on('error', reject)
        child.on('exit', (status, killed) => {
          if (status === 0) resolve()
          else reject(new Error(killed === null ? `status ${status}` : `ended by ${killed}`))
        })
        child.stdin.on('error', () => undefined) // it need not read; its status says whether it took the alert
        child.stdin.end(`${JSON.stringify(documentOf(alert))}\n`)
      }),
  }
}
