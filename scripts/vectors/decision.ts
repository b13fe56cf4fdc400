/**
 * Vectors of the decision (docs/decision.md): a run's inputs, what the network would answer, and what must come of it. Keys
 * come from names and signatures are deterministic, so the same run gives the same bytes. What must come of it is written
 * here by hand; what the state is afterwards is recorded.
 */
import { formatState, formatUpdateBundle, fromUtf8, parseSignedCheckpoint, type State, toBase64 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { entryBy, type MemoryLog } from '../../test/support/world.ts'
import { type ClientOptions, type Network, NOW, ran, runClient, updateWant } from '../../test/support/world-client.ts'
import { cosigners, ORIGIN, type Scene, twoReleases } from '../../test/support/world-scene.ts'
import { hex, member, rebuild, revocation, trustFile, trustStatement } from '../../test/support/world-statements.ts'

interface Wanted {
  readonly code: string
  readonly step?: string
  readonly sequence?: number
  readonly flaw?: string
}

type Made = Omit<ClientOptions, 'network'> & { readonly network: Network }
type Row = readonly [desc: string, wanted: Wanted, make: () => Made]

const day = 86_400

function given(scene: Scene, over: Partial<Made> = {}): Made {
  return { trust: scene.trust, offers: [formatUpdateBundle(scene.bundle())], network: scene.network(), ...over }
}

function after(scene: Scene, options: Parameters<Scene['run']>[0] = {}): State {
  return ran(scene.run(options)).state
}

const record = ({ id, statement: { channel, sequence, version } }: Scene['last']) =>
  ({ kind: 'record', id, channel, sequence, version }) as const

const head = (log: MemoryLog, witnesses: Record<string, number> = cosigners): Record<string, readonly string[]> => ({
  [ORIGIN]: [log.checkpoint({ witnesses })],
})

const rows: readonly Row[] = [
  ['a first contact, online', { code: 'accepted', sequence: 2 }, () => given(twoReleases())],
  [
    'a first contact, offline',
    { code: 'accepted', sequence: 2 },
    () => given(twoReleases(), { want: { online: false } }),
  ],
  [
    'from an anchor',
    { code: 'accepted', sequence: 3 },
    () => {
      const scene = twoReleases()
      const anchor = scene.anchor({ indices: scene.releases.flatMap(({ indices }) => indices) })
      scene.publish()
      return given(scene, { anchor })
    },
  ],
  [
    'from a stored state',
    { code: 'accepted', sequence: 3 },
    () => {
      const scene = twoReleases()
      const state = after(scene)
      scene.publish()
      return given(scene, { state })
    },
  ],
  [
    'what is installed is offered',
    { code: 'current' },
    () => {
      const scene = twoReleases()
      return given(scene, { installed: record(scene.last) })
    },
  ],
  [
    'what is installed is revoked, nothing newer',
    { code: 'current', flaw: 'revoked' },
    () => {
      const scene = twoReleases()
      scene.log.add(entryBy('root', revocation(scene.last.id)))
      return given(scene, { installed: record(scene.last), offers: [] })
    },
  ],
  [
    'a logged trust version takes force',
    { code: 'accepted', sequence: 2 },
    () => {
      const scene = twoReleases()
      const next = trustFile({
        log: scene.log,
        version: 2,
        publishers: { threshold: 1, members: [member('alice'), member('carol')] },
      })
      scene.bodies.push(next)
      scene.log.add(entryBy('root', trustStatement(next, 2)))
      return given(scene)
    },
  ],
  [
    'no inclusion proof',
    { code: 'PROOF_MISSING', step: '14' },
    () => {
      const scene = twoReleases()
      const [view] = scene.bundle().views
      const entries = (view?.entries ?? []).map((entry) => ({ ...entry, inclusion: [] }))
      return given(scene, {
        offers: view === undefined ? [] : [formatUpdateBundle({ views: [{ ...view, entries }], trust: [] })],
      })
    },
  ],
  [
    'an entry at another index',
    { code: 'PROOF_INVALID', step: '14' },
    () => {
      const scene = twoReleases()
      const [view] = scene.bundle().views
      const entries = (view?.entries ?? []).map((entry) => ({ ...entry, index: entry.index - 1 }))
      return given(scene, {
        offers: view === undefined ? [] : [formatUpdateBundle({ views: [{ ...view, entries }], trust: [] })],
      })
    },
  ],
  [
    'one cosignature short, offline',
    { code: 'WITNESS_QUORUM', step: '5' },
    () => {
      const scene = twoReleases()
      const bundle = scene.bundle({ witnesses: { 'w1.example': NOW } })
      return given(scene, { offers: [formatUpdateBundle(bundle)], want: { online: false } })
    },
  ],
  [
    'a newer tree that does not extend the stored one',
    { code: 'FORK', step: '6' },
    () => {
      const scene = twoReleases()
      const state = after(scene)
      const other = scene.log.fork(4)
      other.pad(12)
      return given(scene, { state, offers: [], network: { logs: [other], heads: head(other) } })
    },
  ],
  [
    'the stored size with another root',
    { code: 'FORK', step: '6' },
    () => {
      const scene = twoReleases()
      const state = after(scene)
      const other = scene.log.fork(4)
      other.pad(5)
      return given(scene, { state, offers: [], network: { logs: [other], heads: head(other) } })
    },
  ],
  [
    'the clock behind the time of witnesses',
    { code: 'CLOCK', step: '4' },
    () => {
      const scene = twoReleases()
      return given(scene, { state: after(scene), now: NOW - day })
    },
  ],
  ['a view past maxAge', { code: 'STALE', step: '11' }, () => given(twoReleases(), { now: NOW + 31 * day })],
  [
    'entries that no source has',
    { code: 'HISTORY_INCOMPLETE', step: '9' },
    () => {
      const scene = twoReleases()
      return given(scene, { network: { heads: head(scene.log) } })
    },
  ],
  [
    'an older release',
    { code: 'DOWNGRADE', step: '21' },
    () => {
      const scene = twoReleases()
      const old = formatUpdateBundle(scene.bundle({ indices: scene.releases[0]?.indices ?? [] }))
      return given(scene, { installed: record(scene.last), offers: [old] })
    },
  ],
  [
    'two met releases of one sequence',
    { code: 'EQUIVOCATION', step: '19' },
    () => {
      const scene = twoReleases()
      scene.log.add(entryBy('bob', { ...scene.last.statement, notes: 'another' }))
      return given(scene)
    },
  ],
  [
    'a sequence that jumps',
    { code: 'CHAIN_BROKEN', step: '18' },
    () => {
      const scene = twoReleases()
      scene.publish({ sequence: 9 })
      return given(scene)
    },
  ],
  [
    'a stranger’s signature',
    { code: 'SIGNATURE_INVALID', step: '17' },
    () => {
      const scene = twoReleases()
      scene.publish({}, { by: ['mallory'] })
      return given(scene)
    },
  ],
  [
    'a release of another product',
    { code: 'WRONG_PRODUCT', step: '16' },
    () => {
      const scene = twoReleases()
      scene.publish({ product: 'example.com/other' })
      return given(scene)
    },
  ],
  [
    'no votes',
    { code: 'REBUILD_QUORUM', step: '22' },
    () => {
      const scene = twoReleases()
      scene.publish({}, { rebuiltBy: [] })
      return given(scene)
    },
  ],
  [
    'a standing negative vote that the feed leaves out',
    { code: 'REBUILD_MISMATCH', step: '22' },
    () => {
      const scene = twoReleases()
      const { statement } = scene.last
      const subjects = statement.artifacts.map(({ name }) => ({ name, sha256: hex('other') }))
      scene.log.add(entryBy('rita', rebuild(statement, { subjects })))
      return given(scene)
    },
  ],
  [
    'a revocation that the feed leaves out',
    { code: 'REVOKED', step: '20' },
    () => {
      const scene = twoReleases()
      scene.log.add(entryBy('alice', revocation(scene.last.id)))
      return given(scene)
    },
  ],
  [
    'a logged trust version whose file is withheld',
    { code: 'TRUST_INVALID', step: '10' },
    () => {
      const scene = twoReleases()
      scene.log.add(entryBy('root', trustStatement(trustFile({ log: scene.log, version: 2 }), 2)))
      return given(scene)
    },
  ],
  [
    'a newer release withheld for longer than maxLag',
    { code: 'STALE', step: '23' },
    () => {
      const scene = twoReleases()
      const old = scene.bundle()
      scene.publish()
      const state = after(scene, { bundle: old })
      const now = NOW + 9 * day
      const heads = head(scene.log, { 'w1.example': now, 'w2.example': now })
      return given(scene, { state, now, offers: [formatUpdateBundle(old)], network: { logs: [scene.log], heads } })
    },
  ],
  [
    'an empty feed, though a release is known',
    { code: 'TRANSPORT', step: '13' },
    () => given(twoReleases(), { offers: [] }),
  ],
]

function texts(bytes: readonly Uint8Array[] | null | undefined): string[] | null {
  return bytes?.map(fromUtf8) ?? null
}

function written([desc, wanted, make]: Row): object {
  const made = make()
  const result = ran(runClient(made))
  const { verdict, refusal, state, code } = result
  const sequence = verdict?.kind === 'accepted' ? verdict.sequence : undefined
  const came: Wanted = {
    code,
    ...(refusal === null ? {} : { step: refusal.step }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(verdict?.flaw == null ? {} : { flaw: verdict.flaw }),
  }
  if (JSON.stringify(came) !== JSON.stringify(wanted)) {
    throw new Error(`${desc}: wanted ${JSON.stringify(wanted)}, came ${JSON.stringify(came)}`)
  }
  const { network, now = NOW, want, installed = null, anchor = null } = made
  return {
    desc,
    now,
    want: { ...updateWant, ...want },
    installed,
    trust: made.trust === null ? null : fromUtf8(made.trust),
    anchor: anchor === null ? null : fromUtf8(anchor),
    state: made.state == null ? null : fromUtf8(formatState(nodeCrypto, made.state)),
    offers: texts(made.offers),
    network: {
      logs: (network.logs ?? []).map(({ origin, leaves }) => ({ origin, leaves: leaves.map(toBase64) })),
      heads: network.heads ?? {},
      bodies: texts(network.bodies) ?? [],
    },
    result: wanted,
    next: summary(state),
  }
}

/** What a run leaves behind, as far as every implementation must agree on it. */
export function summary({ log, time, trust, known }: State): object {
  const size = log.tree === null ? null : parseSignedCheckpoint(log.tree).checkpoint.size
  const { origin, q, read, convicted } = log
  const releases = known.releases.map(({ id }) => id).sort()
  return { origin, size, q, read, time, trustVersion: trust.version, convicted: convicted !== null, releases }
}

/** The decision, run by run. */
export function decisionVectors(): unknown {
  return {
    description:
      'Runs of the decision (docs/decision.md). now: Unix seconds. want: the local choice, limits in seconds. trust, anchor, state, offers: the exact texts of the files (state: the JSON after the checksum line; null: first contact). network: what can be had where the want is online: heads are the checkpoints that each log answers with, log first; leaves (base64) are whole logs, from which proofs and entries come; bodies are trust files. result: code is accepted, current, or that of the refusal, which comes from step. next: what the state then holds: the log, size and q of its tree, what was read, time, the trust version in force, whether the log stands convicted, the ids of all releases known.',
    cases: rows.map(written),
  }
}
