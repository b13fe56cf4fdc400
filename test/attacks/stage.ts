/**
 * The stage of one case: a home with an install folder, a log, witnesses and a feed with real keys, served over HTTP, and
 * what the client is asked. A case changes what it needs; the rest is honest.
 */
import { access, constants, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Artifact,
  type BundleView,
  formatUpdateBundle,
  formatVkey,
  type ReleaseStatement,
  toHex,
  type UpdateBundle,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { HealthCheck } from '@samebits/updater'
import { MemoryLog } from '../support/world.ts'
import { NOW } from '../support/world-client.ts'
import { cosigners, type Logged, ORIGIN, Scene } from '../support/world-scene.ts'
import { artifact, artifactBytes, PRODUCT, type TrustOptions } from '../support/world-statements.ts'
import { runLibrary } from './programs.ts'
import { type Hostile, honest, openWeb, type Web } from './web.ts'

/** In memory where the system has such a place: hundreds of homes are synced many times each. */
async function newHome(): Promise<string> {
  const inMemory = '/dev/shm'
  const place = await access(inMemory, constants.W_OK).then(
    () => inMemory,
    () => tmpdir(),
  )
  return await realpath(await mkdtemp(join(place, 'samebits-attack-')))
}

/** A log at an address where it can be reached. */
export class ServedLog extends MemoryLog {
  override readonly url: string
  constructor(origin: string, url: string) {
    super(origin)
    this.url = url
  }
}

/** What the client is asked to do. Nothing of this ever comes from a feed. */
export interface Ask {
  readonly channel: string
  readonly platform: string
  readonly artifact?: string
  readonly mediaType?: string
  readonly offline?: boolean
  readonly acceptStaleDays?: number
  readonly downgradeTo?: string
  readonly healthCheck?: HealthCheck['command']
  readonly unpack?: boolean
  /** Options of the command line for how long it waits; the library never waits long here. */
  readonly patience?: readonly string[]
  readonly repair?: boolean
}

/** The one artifact of an ordinary release: a file that keeps its name. */
export function notes(version: string, over: Partial<Artifact> = {}): Artifact {
  return { ...artifact(version), name: 'notes', mediaType: 'application/octet-stream', ...over }
}

/** The scene of support/, whose releases are one file. */
class NotesScene extends Scene {
  override publish(over: Partial<ReleaseStatement> = {}, by: Parameters<Scene['publish']>[1] = {}): Logged {
    const last = this.releases.findLast(({ statement }) => statement.channel === (over.channel ?? 'stable'))
    const version = over.version ?? `1.${over.sequence ?? (last?.statement.sequence ?? 0) + 1}.0`
    return super.publish({ version, artifacts: [notes(version)], ...over }, by)
  }
}

export class Stage {
  /** Holds `trust.json`, `app/` and whatever else a person would have. */
  readonly home: string
  readonly web: Web
  #scene: Scene | null = null
  /** Unix seconds on the client's clock. */
  now: number = NOW
  ask: Ask = { channel: 'stable', platform: 'linux-x64' }
  /** The shipped trust file; the scene's unless told. */
  trust: Uint8Array | null = null
  anchor: Uint8Array | null = null
  /** What the feed answers with: the scene's bundle unless told; null: 404. */
  offer: UpdateBundle | Uint8Array | null | undefined
  /** False: `offer` is not on the feed but in the client's hand. */
  fromFeed = true
  /** What the log answers with: the whole tree of the scene unless told. */
  head: { readonly log: MemoryLog; readonly text: string } | null = null
  /** Feeds besides the honest address, or in place of it. */
  feeds: readonly string[] | null = null
  /** Made anew for each run, so that it may count. */
  hostile: () => Hostile = () => honest
  /** Added to the environment of the command line. */
  environment: Readonly<Record<string, string>> = {}
  /** Version that an accepted case must install; that of the newest release unless told. */
  expected: string | null = null

  private constructor(home: string, web: Web) {
    this.home = home
    this.web = web
  }

  static async open(): Promise<Stage> {
    return new Stage(await newHome(), await openWeb())
  }

  async close(): Promise<void> {
    await this.web.close()
    await rm(this.home, { recursive: true, force: true })
  }

  get scene(): Scene {
    if (this.#scene === null) throw new Error('the case has begun no scene')
    return this.#scene
  }

  /** Verifier key of the log, as a monitor is given it. */
  get logKey(): string {
    return formatVkey(this.scene.log.signer.key)
  }

  get feed(): string {
    return `${this.web.url}/feed`
  }

  newLog(origin: string = ORIGIN, room = 'log'): ServedLog {
    return new ServedLog(origin, `${this.web.url}/${room}/`)
  }

  /** A product whose log is empty but for padding. */
  begin(options: Partial<TrustOptions> = {}): Scene {
    this.#scene = new NotesScene({ ...options, log: options.log ?? this.newLog() })
    return this.#scene
  }

  /** The first release is installed, the second is out. */
  async usual(options: Partial<TrustOptions> = {}): Promise<Scene> {
    const scene = await this.installed(options)
    scene.publish()
    return scene
  }

  /** The first release is installed. */
  async installed(options: Partial<TrustOptions> = {}, by: Parameters<Scene['publish']>[1] = {}): Promise<Scene> {
    const scene = this.begin(options)
    scene.publish({}, by)
    await this.update()
    return scene
  }

  /** An honest run with what the scene shows by now. Must install. */
  async update(ending = 'installed'): Promise<void> {
    await this.settle()
    const { result, said } = await runLibrary(this, this.home)
    if (result !== ending) throw new Error(`the scene could not be set: ${result}, ${said}`)
  }

  /** The bundle of the scene's last release with a proof from every earlier size. */
  bundle(options: Parameters<Scene['bundle']>[0] = {}): UpdateBundle {
    const { size = this.scene.log.size } = options
    return this.scene.bundle({ from: Array.from({ length: size }, (_, at) => at), ...options })
  }

  /** The bundle, its last view changed. */
  offerView(change: (view: BundleView) => BundleView): void {
    const { views, trust } = this.bundle()
    this.offer = { views: views.map(change), trust }
  }

  /** The checkpoint of the offer, changed. */
  offerHead(change: (text: string) => string): void {
    this.offerView((view) => ({ ...view, checkpoint: change(view.checkpoint) }))
  }

  /** No network: the bundle and the artifact are in a folder of the client's. */
  goOffline(): void {
    this.ask = { ...this.ask, offline: true }
    this.fromFeed = false
  }

  /** The log's answer, cosigned as ever unless told. */
  show(log: MemoryLog, options: Parameters<MemoryLog['checkpoint']>[0] = {}): void {
    this.head = { log, text: log.checkpoint({ witnesses: cosigners, ...options }) }
  }

  /** Puts everything where the client finds it. */
  async settle(): Promise<void> {
    const { scene, web } = this
    const { log, text } = this.head ?? { log: scene.log, text: scene.log.checkpoint({ witnesses: cosigners }) }
    web.show('log', log, text)
    for (const body of scene.bodies) web.files.set(`log/v1/blob/${toHex(nodeCrypto.sha256(body))}`, body)
    for (const [version, bytes] of scene.steps)
      web.files.set(`log/v1/trust/${encodeURIComponent(PRODUCT)}/${version}`, bytes)
    for (const { id, statement } of scene.releases) this.#serveFiles(id, statement)
    await writeFile(join(this.home, 'trust.json'), this.trust ?? scene.trust)
    if (this.anchor !== null) await writeFile(join(this.home, 'anchor.json'), this.anchor)
    await this.#placeOffer()
  }

  /** A file on the feed. */
  put(path: string, bytes: Uint8Array): void {
    this.web.files.set(`feed/${path}`, bytes)
  }

  #serveFiles(id: string, { artifacts, version }: ReleaseStatement): void {
    for (const { name, platform } of artifacts) {
      const path = `feed/${id}/${encodeURIComponent(name)}`
      if (!this.web.files.has(path)) this.web.files.set(path, artifactBytes(version, platform))
    }
  }

  /** What the case offers, as bytes. */
  offered(): Uint8Array | null {
    const offer = this.offer === undefined ? this.bundle() : this.offer
    return offer === null || offer instanceof Uint8Array ? offer : formatUpdateBundle(offer)
  }

  async #placeOffer(): Promise<void> {
    const { channel } = this.ask
    const bytes = this.offered()
    this.web.files.delete(`feed/${channel}.samebits.json`)
    if (bytes === null) return
    if (this.fromFeed) return this.put(`${channel}.samebits.json`, bytes)
    const hand = join(this.home, 'hand')
    await mkdir(hand, { recursive: true })
    await writeFile(join(hand, 'bundle.json'), bytes)
    const { statement } = this.scene.last
    for (const { name, platform } of statement.artifacts)
      await writeFile(join(hand, name), artifactBytes(statement.version, platform))
  }

  /** A second home in the same condition. */
  async copyHome(): Promise<string> {
    const copy = await newHome()
    await cp(this.home, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    return copy
  }
}
