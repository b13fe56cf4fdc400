/** What many logs ask of a witness: growth after growth, each log on one connection, signed and proven before the clock starts. */
import {
  concat,
  formatAddCheckpoint,
  formatVkey,
  logSigner,
  type NoteSigner,
  nodeHash,
  proveConsistency,
  rootFromNodes,
  signCheckpoint,
  utf8,
} from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { type LoadResult, runLoad } from './load.ts'

/** Leaves that every log has before the first step. */
const firstSize = 1000
/** Leaves of each step after it. */
const step = 3

/** All logs hold the same entries under keys of their own: to a witness that is no difference. */
const nodes = new Map<string, Uint8Array>()
function node(level: number, index: number): Uint8Array {
  const name = `${level} ${index}`
  const known = nodes.get(name)
  if (known !== undefined) return known
  const [leaf] = level === 0 ? nodeCrypto.leafHashes([utf8(`entry ${index}`)]) : []
  const fresh = leaf ?? nodeHash(nodeCrypto, node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
  nodes.set(name, fresh)
  return fresh
}

export interface BenchLog {
  readonly origin: string
  readonly vkey: string
  readonly signer: NoteSigner
}

export function makeLogs(count: number): BenchLog[] {
  return Array.from({ length: count }, (_, at) => {
    const origin = `log${at}.example/bench`
    const signer = logSigner(nodeCrypto, origin, generateSigningKey('ed25519'))
    return { origin, vkey: formatVkey(signer.key), signer }
  })
}

/** The bodies that bring each log from nothing to its first size, and then `steps` times on. */
export function makeBodies(logs: readonly BenchLog[], steps: number): Uint8Array[][] {
  const sizes = [0, ...Array.from({ length: steps + 1 }, (_, at) => firstSize + at * step)]
  const growth = sizes.slice(1).map((size, at) => {
    const oldSize = sizes[at] ?? 0
    const proof = oldSize === 0 ? [] : proveConsistency(nodeCrypto, oldSize, size, node)
    return { oldSize, size, proof, root: rootFromNodes(nodeCrypto, size, node) }
  })
  return logs.map(({ origin, signer }) =>
    growth.map(({ oldSize, size, proof, root }) => {
      const checkpoint = signCheckpoint({ origin, size, root, extensions: [] }, [signer], 0)
      return concat(utf8(formatAddCheckpoint({ oldSize, proof, checkpoint })))
    }),
  )
}

export interface WitnessLoad {
  readonly url: string
  readonly bodies: readonly (readonly Uint8Array[])[]
  readonly connections: number
  readonly warmupMs: number
  readonly measureMs: number
}

/** One log after the other on each connection, its next step once the one before was cosigned, the same again where it was not. */
export function loadWitness(load: WitnessLoad): Promise<LoadResult> {
  const { url, bodies, connections, warmupMs, measureMs } = load
  const { hostname, port, pathname } = new URL(`${url}/add-checkpoint`)
  const places = Array.from({ length: connections }, (_, connection) => ({
    logs: bodies.filter((_body, at) => at % connections === connection),
    step: 0,
    log: 0,
  }))
  return runLoad({
    ...{ host: hostname, port: Number(port), path: pathname, submitters: connections, entryBytes: 0 },
    ...{ warmupMs, measureMs },
    entry(submitter, _n, status) {
      const place = places[submitter]
      if (place === undefined) return null
      if (status === 200 && ++place.log === place.logs.length) {
        place.log = 0
        place.step++
      }
      return place.logs[place.log]?.[place.step] ?? null
    },
  })
}
