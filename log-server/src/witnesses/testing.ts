/** A witness in this process, over a real socket: it decides as the specification says, unless a test has it lie. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  cosignatureSigner,
  formatVkey,
  type NoteSigner,
  parseAddCheckpoint,
  processAddCheckpoint,
  toHex,
  utf8,
  type VerifierKey,
  type WitnessRecord,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'

/** One `add-checkpoint`, as it came. */
export interface Received {
  readonly body: string
  readonly oldSize: number
  readonly size: number
}

/** Answers instead of the witness; what it returns is whether it has. */
export type Lie = (received: Received, response: ServerResponse) => boolean | Promise<boolean>

export interface TestWitness {
  readonly url: string
  /** One for each algorithm. */
  readonly vkeys: readonly string[]
  /** Of the first algorithm. */
  readonly signer: NoteSigner
  readonly received: readonly Received[]
  record: WitnessRecord | null
  lie: Lie
  /** What the monitoring prefix answers; null for the truth. */
  copy: ((response: ServerResponse) => void) | null
  stop(): Promise<void>
}

export interface TestWitnessOptions {
  readonly name?: string
  readonly algorithms?: readonly ['ed25519' | 'ml-dsa-44', ...('ed25519' | 'ml-dsa-44')[]]
  readonly logKeys: readonly VerifierKey[]
  readonly now: () => number
}

export async function startTestWitness(options: TestWitnessOptions): Promise<TestWitness> {
  const { name = 'witness.example/w', algorithms = ['ed25519'], logKeys, now } = options
  const signers = algorithms.map((one) => cosignatureSigner(nodeCrypto, name, generateSigningKey(one)))
  const [signer] = signers as [NoteSigner]
  const received: Received[] = []
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const witness: TestWitness = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`,
    vkeys: signers.map(({ key }) => formatVkey(key)),
    signer,
    received,
    record: null,
    lie: () => false,
    copy: null,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const copyPath = `/prefix/${toHex(nodeCrypto.sha256(utf8(logKeys[0]?.name ?? '')))}/checkpoint`

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === copyPath) {
      if (witness.copy !== null) witness.copy(response)
      else if (witness.record === null) response.writeHead(404).end()
      else response.writeHead(200).end(witness.record.checkpoint)
      return
    }
    if (request.method !== 'POST' || request.url !== '/prefix/add-checkpoint') return void response.writeHead(405).end()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    await decide(Buffer.concat(chunks).toString(), response)
  }

  async function decide(body: string, response: ServerResponse): Promise<void> {
    const request = parseAddCheckpoint(body)
    const one = { body, oldSize: request.oldSize, size: request.checkpoint.checkpoint.size }
    received.push(one)
    if (await witness.lie(one, response)) return
    const { record } = witness
    const decision = processAddCheckpoint(nodeCrypto, { request, logKeys, record, signers, now: now() })
    if (decision.status === 200) witness.record = decision.record
    const contentType = decision.status === 409 ? decision.contentType : 'text/plain'
    response.writeHead(decision.status, { 'content-type': contentType }).end(decision.body)
  }

  return witness
}
