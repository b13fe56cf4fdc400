/** For tests: a log that signs any tree it is told to, and a witness in a temporary folder with real keys, disk and sockets. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AddCheckpointRequest,
  formatAddCheckpoint,
  formatVkey,
  logSigner,
  merkleRoot,
  type NoteSigner,
  nodeHash,
  proveConsistency,
  proveSubtree,
  rootFromNodes,
  type SignedCheckpoint,
  signCheckpoint,
  toHex,
  utf8,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { defaultLimits } from './http/server-http.ts'
import { type Cosigner, poolCosigner } from './witness/cosigner.ts'
import type { Timing } from './witness/server-parts.ts'
import { type RunningWitness, startWitness, type WitnessServerOptions } from './witness/witness-server.ts'

/** A log whose n-th leaf is known to everybody; `salt` makes another tree, of any size, under the same keys. */
export class TestLog {
  readonly origin: string
  readonly signers: readonly NoteSigner[]
  readonly vkeys: readonly string[]
  readonly #nodes = new Map<string, Uint8Array>()

  constructor(origin = 'example.com/log', algorithms: readonly ('ed25519' | 'ml-dsa-44')[] = ['ed25519']) {
    this.origin = origin
    this.signers = algorithms.map((algorithm) => logSigner(nodeCrypto, origin, generateSigningKey(algorithm)))
    this.vkeys = this.signers.map(({ key }) => formatVkey(key))
  }

  root(size: number, salt = ''): Uint8Array {
    return rootFromNodes(nodeCrypto, size, (level, index) => this.#node(level, index, salt))
  }

  sign(size: number, salt = '', root: Uint8Array = this.root(size, salt)): SignedCheckpoint {
    return signCheckpoint({ origin: this.origin, size, root, extensions: [] }, this.signers, 1_800_000_000)
  }

  proof(from: number, to: number, salt = ''): Uint8Array[] {
    return proveConsistency(nodeCrypto, from, to, (level, index) => this.#node(level, index, salt))
  }

  entry(index: number, salt = ''): Uint8Array {
    return utf8(`${this.origin} ${salt} ${index}`)
  }

  /** What joins leaves `start` to `end - 1` to the root of `size` leaves. */
  subtreeProof(start: number, end: number, size: number, salt = ''): Uint8Array[] {
    return proveSubtree(nodeCrypto, { start, end }, size, (level, index) => this.#node(level, index, salt))
  }

  request(oldSize: number, size: number, salt = ''): AddCheckpointRequest {
    return { oldSize, proof: this.proof(oldSize, size, salt), checkpoint: this.sign(size, salt) }
  }

  body(oldSize: number, size: number, salt = ''): string {
    return formatAddCheckpoint(this.request(oldSize, size, salt))
  }

  get originHash(): string {
    return toHex(nodeCrypto.sha256(utf8(this.origin)))
  }

  /** Hash of a complete subtree, worked out once. */
  #node(level: number, index: number, salt: string): Uint8Array {
    const key = `${level} ${index} ${salt}`
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    const fresh =
      level === 0
        ? merkleRoot(nodeCrypto, nodeCrypto.leafHashes([this.entry(index, salt)]))
        : nodeHash(nodeCrypto, this.#node(level - 1, 2 * index, salt), this.#node(level - 1, 2 * index + 1, salt))
    this.#nodes.set(key, fresh)
    return fresh
  }
}

/** The lines of a log list. */
export function listOf(logs: readonly { readonly vkeys: readonly string[] }[], queriesPerDay = 10_000_000): string {
  const items = logs.flatMap(({ vkeys }) => vkeys.map((vkey) => `\nvkey ${vkey}\norigin none\nqpd ${queriesPerDay}\n`))
  return `logs/v0\n${items.join('')}`
}

export function makeSigners(name = 'witness.example/w1'): readonly Cosigner[] {
  return (['ml-dsa-44', 'ed25519'] as const).map((algorithm) =>
    poolCosigner(nodeCrypto, name, generateSigningKey(algorithm)),
  )
}

export const realTiming: Timing = {
  now: () => Math.floor((performance.timeOrigin + performance.now()) / 1000),
  clock: () => performance.now() / 1000,
  defer: setImmediate,
  every(milliseconds, work) {
    const timer = setInterval(work, milliseconds)
    return () => clearInterval(timer)
  },
}

export interface TestWitness extends RunningWitness {
  readonly url: string
  /** What was written for the operator. */
  readonly lines: readonly { readonly level: string; readonly message: string; readonly fields: object }[]
  add(body: string | Uint8Array<ArrayBuffer>): Promise<Response>
  copy(log: TestLog): Promise<Response>
}

/** A folder with a log list in it, and what runs there. */
export class WitnessFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'samebits-witness-'))
  readonly dataDir: string = join(this.path, 'data')
  readonly logList: string = join(this.path, 'logs')
  readonly evidence: string = join(this.dataDir, 'evidence')
  readonly signers: readonly Cosigner[] = makeSigners()

  list(text: string): void {
    writeFileSync(this.logList, text)
  }

  async start(
    options: Partial<WitnessServerOptions> = {},
    extra: { readonly timing?: Partial<Timing>; readonly signers?: readonly Cosigner[] } = {},
  ): Promise<TestWitness> {
    const lines: { level: string; message: string; fields: object }[] = []
    const say = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields })
    const running = await startWitness(
      {
        ...{ dataDir: this.dataDir, logList: this.logList, host: '127.0.0.1', port: 0, prefix: '/witness' },
        ...{ monitoringUrl: '', globalPerSecond: 10_000, maxPending: 10_000, refreshMs: 50, limits: defaultLimits },
        ...options,
      },
      {
        signers: extra.signers ?? this.signers,
        timing: { ...realTiming, ...extra.timing },
        fetch,
        claimKeys: async () => undefined,
        operator: { info: say('info'), warn: say('warn'), error: say('error') },
      },
    )
    const url = `http://127.0.0.1:${running.port}${options.prefix ?? '/witness'}`
    return {
      ...running,
      url,
      lines,
      add: (body) => fetch(`${url}/add-checkpoint`, { method: 'POST', body }),
      copy: (log) => fetch(`${url}/${log.originHash}/checkpoint`),
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
