/**
 * The scene that most tests begin with: a product with two releases, each rebuilt, offered by a bundle, with everything that a
 * client may ask for at hand. Tests take parts away, or put others in their place.
 */
import { type Anchor, formatAnchor, formatUpdateBundle, type ReleaseStatement, type UpdateBundle } from '@samebits/core'
import { entryBy, MemoryLog, type SignOptions } from './world.ts'
import { type ClientOptions, type Network, NOW, type RunResult, runClient } from './world-client.ts'
import { idOf, PRODUCT, rebuild, release, type TrustOptions, trustFile } from './world-statements.ts'

export const ORIGIN = 'log.example.com/notes'

/** Two of three witnesses cosigned an hour ago. */
export const cosigners: Readonly<Record<string, number>> = { 'w1.example': NOW - 3600, 'w2.example': NOW - 3500 }

export interface Logged {
  readonly statement: ReleaseStatement
  readonly id: string
  /** Indices of its entries and votes. */
  readonly indices: readonly number[]
}

export class Scene {
  readonly log: MemoryLog
  readonly trust: Uint8Array
  readonly releases: Logged[] = []
  /** Bundles of trust steps, bodies. */
  readonly bodies: Uint8Array[] = []
  readonly steps = new Map<number, Uint8Array>()

  constructor(options: Partial<TrustOptions> = {}) {
    this.log = options.log ?? new MemoryLog(ORIGIN)
    this.trust = trustFile({ ...options, log: this.log })
    this.log.pad(3)
  }

  /** Logs the next release of a channel, signed and rebuilt. */
  publish(
    over: Partial<ReleaseStatement> = {},
    { by = ['alice'], rebuiltBy = ['rob'] }: { by?: readonly string[]; rebuiltBy?: readonly string[] } = {},
  ): Logged {
    const last = this.releases.findLast(({ statement }) => statement.channel === (over.channel ?? 'stable'))
    const statement = release((last?.statement.sequence ?? 0) + 1, last?.id ?? null, over)
    const entries = by.map((name) => entryBy(name, statement))
    const votes = rebuiltBy.map((name) => entryBy(name, rebuild(statement)))
    const logged = { statement, id: idOf(statement), indices: this.log.add(...entries, ...votes) }
    this.releases.push(logged)
    this.log.pad(1)
    return logged
  }

  get last(): Logged {
    const last = this.releases.at(-1)
    if (last === undefined) throw new Error('nothing is published')
    return last
  }

  /** The bundle of the last release, or of others. */
  bundle(
    options: SignOptions & {
      indices?: readonly number[]
      from?: readonly number[]
      trust?: readonly Uint8Array[]
    } = {},
  ): UpdateBundle {
    const view = { witnesses: cosigners, ...options, indices: options.indices ?? this.last.indices }
    return { views: [this.log.view(view)], trust: options.trust ?? [] }
  }

  /** What the log answers to a client that is online. */
  network(over: Network = {}): Network {
    return {
      logs: [this.log],
      heads: { [this.log.origin]: [this.log.checkpoint({ witnesses: cosigners })] },
      bodies: this.bodies,
      steps: this.steps,
      ...over,
    }
  }

  anchor(over: Partial<Anchor> & { size?: number; indices?: readonly number[] } = {}): Uint8Array {
    const { size = this.log.size, indices = [], ...rest } = over
    const view = this.log.view({ size, indices })
    const heads = new Map(
      this.releases
        .filter(({ indices: at }) => at.every((index) => index < size))
        .map(({ id, statement }) => [statement.channel, { sequence: statement.sequence, id }] as const),
    )
    return formatAnchor({
      product: PRODUCT,
      checkpoint: view.checkpoint,
      heads,
      entries: view.entries,
      feeds: ['https://updates.example.com/notes'],
      ...rest,
    })
  }

  /** One online run with the bundle of the last release. */
  run(over: Partial<ClientOptions> & { bundle?: UpdateBundle | null; net?: Network } = {}): RunResult {
    const { bundle = this.bundle(), net, ...rest } = over
    return runClient({
      trust: this.trust,
      offers: bundle === null ? [] : [formatUpdateBundle(bundle)],
      network: this.network(net),
      ...rest,
    })
  }
}

/** Two releases, the second offered. */
export function twoReleases(options: Partial<TrustOptions> = {}): Scene {
  const scene = new Scene(options)
  scene.publish()
  scene.publish()
  return scene
}
