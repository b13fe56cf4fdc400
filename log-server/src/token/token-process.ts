/** The log's side of `main.ts`: starts it, asks, waits no longer than told, and ends it when it does not answer. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Answer, Question } from './messages.ts'

/** It ended, did not start, or did not answer in time. */
export class TokenGoneError extends Error {
  override readonly name = 'TokenGoneError'
}

const program = new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url)

export class TokenProcess {
  readonly #child: ChildProcess
  readonly #timeoutMs: number
  #turn: Promise<unknown> = Promise.resolve()
  #gone = false

  /** @param environment of the process: modules find their configuration there */
  constructor(environment: Readonly<Record<string, string | undefined>>, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#child = fork(program, {
      env: { ...environment },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#child.once('exit', () => {
      this.#gone = true
    })
    this.#child.on('error', () => this.end())
    this.#keepAlive(false)
  }

  get gone(): boolean {
    return this.#gone
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** One question after the other. @throws TokenGoneError */
  ask(question: Question): Promise<Answer> {
    const answer = this.#turn.then(() => this.#ask(question))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  async #ask(question: Question): Promise<Answer> {
    if (this.#gone) throw new TokenGoneError('the process that holds the token has ended')
    const child = this.#child
    this.#keepAlive(true)
    const answered = new AbortController()
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const gone = (why: string) => reject(new TokenGoneError(why))
        const late = AbortSignal.timeout(this.#timeoutMs)
        const until = { signal: answered.signal }
        late.addEventListener('abort', () => gone(`the token has not answered for ${this.#timeoutMs} ms`), until)
        once(child, 'message', until).then(
          ([answer]) => resolve(answer as Answer),
          () => undefined,
        )
        once(child, 'exit', until).then(
          () => gone('the process that holds the token has ended'),
          () => undefined,
        )
        child.send(question, (error) => {
          if (error !== null) gone('the process that holds the token cannot be reached')
        })
      })
    } catch (error) {
      this.end()
      throw error
    } finally {
      answered.abort()
      this.#keepAlive(false)
    }
  }

  /** Ends it at once: it may be stuck in a call that never returns. */
  end(): void {
    this.#gone = true
    this.#child.kill('SIGKILL')
  }

  /** This process does not stay for a token that nobody asks. */
  #keepAlive(keep: boolean): void {
    if (keep) this.#child.ref()
    else this.#child.unref()
    const channel = this.#child.channel
    if (keep) channel?.ref()
    else channel?.unref()
  }
}
