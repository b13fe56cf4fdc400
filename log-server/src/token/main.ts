/**
 * The process that holds a token, started by the log (`token-process.ts`): a PKCS#11 module is somebody else's machine code, which may
 * block, hang or crash, and the log must do none of that. It ends when the log does.
 */
import { randomBytes } from 'node:crypto'
import type { Answer, Question } from './messages.ts'
import { failureOf, TokenFault, TokenSession } from './session.ts'

let session: TokenSession | null = null

async function open({ uri, pin, tryPin }: Extract<Question, { kind: 'open' | 'generate' }>): Promise<TokenSession> {
  const { default: library } = await import('pkcs11js').catch((cause: Error) => {
    throw new TokenFault(`the package pkcs11js cannot be loaded (${cause.message.split('\n')[0]})`, false)
  })
  const pkcs11 = new library.PKCS11()
  try {
    pkcs11.load(uri.module)
  } catch {
    throw new TokenFault(`${uri.module} cannot be loaded as a PKCS#11 module`, false)
  }
  pkcs11.C_Initialize()
  return new TokenSession(pkcs11, uri, pin, tryPin)
}

async function answer(question: Question): Promise<Answer> {
  if (question.kind === 'sign') {
    if (session === null) throw new TokenFault('no session was opened', false)
    return { kind: 'signature', signature: session.sign(question.message) }
  }
  session = await open(question)
  if (question.kind === 'generate') session.generate(question.uri, randomBytes(16))
  return { kind: 'key', publicKey: session.find(question.uri) }
}

process.on('message', (question: Question) => {
  answer(question)
    .catch((error: unknown): Answer => ({ kind: 'failed', ...failureOf(error) }))
    .then((said) => process.send?.(said))
    .catch(() => process.exit(1)) // nobody listens any more
})
process.once('disconnect', () => process.exit(0))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined) // the log's to handle
