/** What the scenes of the other tests do not reach: callers that pass what the decision itself never makes. */
import { describe, expect, it } from 'vitest'
import { ran } from '../../../test/support/world-client.ts'
import { ORIGIN, type Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { artifact } from '../../../test/support/world-statements.ts'
import { utf8 } from '../bytes.ts'
import { merkleRoot } from '../log/compact-range.ts'
import { nodeCrypto } from '../node.ts'
import type { JsonValue } from '../release/strict-json.ts'
import { parseTrust } from '../release/trust.ts'
import { formatUpdateBundle } from '../release/update-bundle.ts'
import { applied, renew, stage } from './commit.ts'
import { judgeHead } from './heads.ts'
import { inclusionFault } from './inclusion.ts'
import { credentialName } from './known.ts'
import { observe } from './observe.ts'
import { openOffer } from './offer.ts'
import { openOffers, sourcesOf } from './offers.ts'
import { compareTrees } from './one-history.ts'
import { prepareRun } from './run.ts'
import type { Held, State } from './state.ts'
import { openState } from './state-file.ts'
import { formatState, parseState } from './state-format.ts'
import { selectTarget } from './target.ts'
import { type Accepted, acceptedOf, provenLines } from './verdict.ts'

const scene = twoReleases()
const result = ran(scene.run())
const accepted = result.verdict?.kind === 'accepted' ? result.verdict : expect.fail('not accepted')
const { run, state, material } = result
const unreadable: State = { ...state, trust: { ...state.trust, body: '{}' } }

describe('staging', () => {
  it('and renewing are refused where the stored trust file is refused', () => {
    const refused = { kind: 'stopped', refusal: { code: 'STATE_INVALID' } }
    const bare = { ...run, shipped: null }
    expect(stage(bare, unreadable, accepted, material)).toMatchObject(refused)
    const { state: staged } = stage(run, state, accepted, material)
    const moved = { ...unreadable, staged: staged.staged, log: { ...state.log, tree: `${state.log.tree}` } }
    const older = scene.log.checkpoint({ size: 3 })
    expect(renew(bare, { ...moved, log: { ...moved.log, tree: older } }, material)).toMatchObject(refused)
  })

  it('is refused where no tree is stored, and where the offer is gone or cannot be read', () => {
    const code = (over: Partial<State>, offers: readonly Uint8Array[] | null = material.offers) => {
      const outcome = stage(run, { ...state, ...over }, accepted, { ...material, offers })
      return outcome.kind === 'stopped' ? outcome.refusal.code : outcome.kind
    }
    expect(code({ log: { ...state.log, tree: null } })).toBe('PROOF_MISSING')
    expect(code({}, [])).toBe('PROOF_MISSING')
    expect(code({}, [utf8('{}')])).toBe('STATEMENT_INVALID')
  })

  it('is refused where the anchor is not of the log that it names', () => {
    const anchor = {
      ...(run.anchor ?? anchorOf(scene)),
      checkpoint: `${ORIGIN}\n3\n${'A'.repeat(43)}=\n\n— x AAAAAAAA\n`,
    }
    expect(stage({ ...run, anchor }, state, accepted, material)).toMatchObject({ refusal: { code: 'TRUST_INVALID' } })
  })
})

function anchorOf(of: Scene) {
  const prepared = prepareRun({ ...baseInput(of), anchor: of.anchor(), state: null })
  return prepared.kind === 'ready' && prepared.run.anchor !== null ? prepared.run.anchor : expect.fail('no anchor')
}

function baseInput({ trust }: Scene) {
  return { crypto: nodeCrypto, now: run.now, want: run.want, installed: null, trust, anchor: null, state: null }
}

describe('what is applied', () => {
  it('leaves alone what is held for other reasons', () => {
    const held: Held[] = [{ id: 'b'.repeat(64), reason: 'failed' }]
    const replaced = { ...applied(state, accepted, null).record, id: 'c'.repeat(64), manifestSha256: 'd'.repeat(64) }
    expect(applied({ ...state, held }, accepted, replaced).state.held).toEqual(held)
  })

  it('is no floor where a step back had none', () => {
    const back: Accepted = { ...accepted, downgrade: true, floor: null }
    expect(applied(state, back, null).state.floors).toEqual(state.floors)
  })

  it('has an artifact', () => {
    expect(() => applied(state, { ...accepted, files: [] }, null)).toThrow('without an artifact')
  })
})

describe('parts of the decision', () => {
  it('a hasher that returns nothing is a defect', () => {
    const logged = { index: 0, inclusion: [], leaf: utf8('x') }
    const hasher = { ...nodeCrypto, leafHashes: () => [] }
    expect(() => inclusionFault(hasher, logged, { size: 1, root: merkleRoot(nodeCrypto, []) })).toThrow(
      'returns no hash',
    )
  })

  it('a checkpoint that is no text is dropped', () => {
    const { policy } = parseTrust(nodeCrypto, scene.trust)
    const judged = judgeHead(nodeCrypto, policy, { source: 'log', text: null, view: null })
    expect(judged).toMatchObject({ kind: 'dropped', dropped: { code: 'CHECKPOINT_INVALID', aside: false } })
  })

  it('an identity is named by issuer and subject', () => {
    const credential = { kind: 'identity', issuer: 'https://issuer.example', san: 'a@example.com' } as never
    expect(credentialName({ credential } as never)).toBe('https://issuer.example a@example.com')
  })

  it('the empty tree is the start of every tree', () => {
    const empty = { size: 0, root: merkleRoot(nodeCrypto, []), text: '' }
    expect(compareTrees(nodeCrypto, empty, { size: 2, root: new Uint8Array(32), text: '' }, [])).toEqual({
      kind: 'one-history',
    })
  })

  const built = { source: null, recipeDigest: null, imageDigest: null }
  it('an artifact for any platform stands for each', () => {
    const chosen = selectTarget(
      ['stable'],
      { channel: 'stable', artifacts: [{ ...artifact('1.0.0', 'any'), ...built, partOf: null }] },
      { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null },
    )
    expect(chosen).toMatchObject({ target: { artifact: { platform: 'any' } } })
  })

  it('verify ends in an accepted release, or is stopped', () => {
    expect(acceptedOf({ kind: 'done', value: accepted })).toBe(accepted)
    const current = { kind: 'current', flaw: null, id: null, proven: accepted.proven } as const
    for (const other of [{ kind: 'needs' } as const, { kind: 'done', value: current } as const])
      expect(() => acceptedOf(other)).toThrow('another way')
  })

  it('says nothing of rebuilders where no release was judged', () => {
    expect(provenLines({ ...accepted.proven, rebuilders: null }).join()).not.toContain('rebuilders')
  })

  it('a run needs a trust file, or a state', () => {
    expect(prepareRun({ ...baseInput(scene), trust: null })).toMatchObject({ refusal: { code: 'TRUST_INVALID' } })
    const prepared = prepareRun({ ...baseInput(scene), trust: null, state })
    expect(prepared).toMatchObject({ kind: 'ready', run: { shipped: null, firstVersion: 1 } })
  })
})

describe('offers', () => {
  const rule = { trust: parseTrust(nodeCrypto, scene.trust), endsAt: null }
  const none = { offers: null, answers: new Map() }
  const open = (over: Partial<typeof run>, given = none, by = rule) => openOffers({ ...run, ...over }, state, by, given)

  it('are none where nobody can be asked', () => {
    const nobody = { offer: null, steps: [] }
    expect(open({ anchor: null })).toMatchObject(nobody)
    const anchor = anchorOf(scene)
    expect(open({ anchor: { ...anchor, feeds: [] } })).toMatchObject(nobody)
    expect(open({ anchor, want: { ...run.want, online: false } })).toMatchObject(nobody)
    expect(open({ anchor, want: { ...run.want, action: 'verify' } })).toMatchObject(nobody)
  })

  it('are refused where their head was not judged', () => {
    const seen = observe(run, state, material)
    const observed = seen.kind === 'done' ? seen.value : expect.fail('not observed')
    expect(openOffer(run, observed)).not.toHaveProperty('refusal')
    expect(openOffer(run, { ...observed, heads: [] })).toMatchObject({
      refusal: { code: 'CHECKPOINT_INVALID', step: '14' },
    })
  })

  it('come from the mirrors alone where the trust file names no log URL', () => {
    const trust = { log: { url: undefined }, mirrors: ['https://mirror.example'] } as never
    expect(sourcesOf({ trust, endsAt: null })).toEqual(['https://mirror.example'])
  })

  it('of equals the first is taken', () => {
    const bundle = formatUpdateBundle(scene.bundle())
    expect(open({}, { offers: [bundle, bundle] as never, answers: new Map() })).toMatchObject({ offer: { trust: [] } })
  })

  it('are none where the feeds fail', () => {
    const anchor = anchorOf(scene)
    expect(open({ anchor })).toMatchObject({ needs: [{ kind: 'offers' }] })
    const answers = { get: () => ({ kind: 'failed', reason: 'transport', detail: 'down' }) } as never
    expect(open({ anchor }, { offers: null, answers })).toMatchObject({ offer: null })
  })

  it('of a trust step that cannot be read are as if they were not there', () => {
    const answers = { get: () => ({ kind: 'trust-bundle', bundles: [utf8('{}')] }) } as never
    expect(open({}, { offers: [] as never, answers })).toMatchObject({ steps: [] })
  })
})

describe('the state on disk', () => {
  const files = (body: Uint8Array) => {
    const digest = Buffer.from(nodeCrypto.sha256(body)).toString('hex')
    const bytes = utf8(`${digest}\n${Buffer.from(body).toString()}`)
    const at = [null, null] as (Uint8Array | null)[]
    at[state.generation % 2] = bytes
    return { hasher: nodeCrypto, product: state.product, hasInstallRecord: true, files: at as never }
  }
  it('of this format, and not as it is written, is damaged and not newer', () => {
    const value = JSON.parse(Buffer.from(formatState(nodeCrypto, state)).toString()) as Record<string, unknown>
    const odd = utf8(JSON.stringify({ ...value, verified: true }))
    const opened = openState(files(odd))
    expect(opened).toMatchObject({ kind: 'stopped', refusal: { code: 'STATE_INVALID' } })
    expect(opened.kind === 'stopped' && opened.refusal.detail).not.toContain('newer format')
  })

  it('with a media type that is no text is of another format', () => {
    expect(openState(files(utf8('{"mediaType":1}')))).toMatchObject({ kind: 'stopped' })
  })

  it('goes through the migrations that fit, and stops where none does', () => {
    const migrations = new Map([['application/x-elsewhere', (value: JsonValue) => value]])
    expect(() => parseState(nodeCrypto, utf8('{"mediaType":"application/x-old"}'), migrations)).toThrow(
      'not known here',
    )
  })
})

describe('the order of releases', () => {
  const record = ({ id, statement }: Scene['last']) => {
    const { channel, sequence, version } = statement
    return { kind: 'record' as const, id, channel, sequence, version }
  }
  it('lets a newer version of another channel in', () => {
    const over = twoReleases()
    const [, second = over.last] = over.releases
    over.publish({ channel: 'beta', version: '1.3.0-beta.1' })
    const { verdict } = ran(over.run({ installed: record(second), want: { channel: 'beta' } }))
    expect(verdict).toMatchObject({ kind: 'accepted', version: '1.3.0-beta.1', channel: 'beta' })
  })

  it('lets the version in that is installed, where only the version is known', () => {
    const over = twoReleases()
    const installed = { kind: 'version' as const, channel: 'stable', version: '1.1.5' }
    expect(ran(over.run({ installed })).verdict).toMatchObject({ kind: 'accepted', version: '1.2.0' })
  })
})
