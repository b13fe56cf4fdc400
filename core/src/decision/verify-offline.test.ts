/** The stateless `verify`: what it proves, what it cannot, and that it refuses what an update would. */
import { describe, expect, it } from 'vitest'
import { entryBy } from '../../../test/support/world.ts'
import { NOW, ran } from '../../../test/support/world-client.ts'
import { cosigners, Scene, twoReleases } from '../../../test/support/world-scene.ts'
import {
  artifact,
  artifactBytes,
  hex,
  member,
  rebuild,
  release,
  revocation,
  trustFile,
  trustStatement,
} from '../../../test/support/world-statements.ts'
import { toHex } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { formatUpdateBundle } from '../release/update-bundle.ts'
import { refusalExit } from './refusal.ts'
import { type OfflineInput, type OfflineResult, verifyOffline } from './verify-offline.ts'

const bytes = artifactBytes('1.2.0')
const file = { size: bytes.length, sha256: toHex(nodeCrypto.sha256(bytes)) }
const want = { channel: 'stable', platform: 'linux-x64', artifact: null, mediaType: null, maxAge: null }

function verify(scene: Scene, over: Partial<OfflineInput> = {}): OfflineResult {
  const bundle = formatUpdateBundle(scene.bundle())
  return verifyOffline({ crypto: nodeCrypto, now: NOW, want, trust: scene.trust, anchor: null, bundle, file, ...over })
}

const codeOf = (result: OfflineResult): string | null => (result.kind === 'verified' ? 'verified' : result.refusal.code)

describe('verify', () => {
  it('says what is proven, and what is not', () => {
    const result = verify(twoReleases())
    expect(result.kind === 'verified' ? result.lines : result.refusal.detail).toEqual([
      'publisher: alice (1 of 1 needed)',
      'log: log.example.com/notes, 9 entries',
      'witnesses: 2 of 3 (w1.example, w2.example); a fork takes the log and 1 of them',
      'rebuilders: 1 of 1 needed (rob)',
      'consistency: first contact, consistency not checked',
      'history: offered to 9',
      'freshness: the view is 3600 s old',
    ])
  })

  it('against an anchor, says which tree the view extends', () => {
    const scene = twoReleases()
    const anchor = scene.anchor({ size: 3 })
    const result = verify(scene, { anchor, bundle: formatUpdateBundle(scene.bundle({ from: [3] })) })
    expect(result.kind === 'verified' && result.lines).toContain('consistency: extends the tree of 3 entries')
  })

  it('reports any age, and refuses only where a limit is given', () => {
    const scene = twoReleases()
    const now = NOW + 4000 * 86_400
    expect(codeOf(verify(scene, { now }))).toBe('verified')
    expect(codeOf(verify(scene, { now, want: { ...want, maxAge: 86_400 } }))).toBe('STALE')
    expect(codeOf(verify(scene, { want: { ...want, maxAge: 86_400 } }))).toBe('verified')
  })

  it('asks about what the bundle proves, not about what is newer: an old release is verified', () => {
    const scene = twoReleases()
    const old = scene.releases[0]?.indices ?? []
    const bundle = formatUpdateBundle(scene.bundle({ indices: old }))
    expect(codeOf(verify(scene, { bundle, file: null }))).toBe('verified')
  })

  it('takes a trust step from the bundle', () => {
    const scene = twoReleases()
    const next = trustFile({ log: scene.log, version: 2, publishers: { threshold: 1, members: [member('bob')] } })
    const [at = 0] = scene.log.add(entryBy('root', trustStatement(next, 2)))
    const bundle = formatUpdateBundle(scene.bundle({ indices: [at, ...scene.last.indices], trust: [next] }))
    expect(codeOf(verify(scene, { bundle }))).toBe('SIGNATURE_INVALID')
  })

  it('with a state: is held against the stored tree, and what it learned is in the result', () => {
    const scene = twoReleases()
    const { state } = ran(scene.run())
    const from = scene.log.size
    scene.log.pad(3)
    const bundle = formatUpdateBundle(scene.bundle({ from: [from] }))
    const result = verify(scene, { state, bundle })
    expect(result.kind === 'verified' && result.lines).toContain('consistency: extends the tree of 9 entries')
    expect(result.state?.log.tree).not.toBe(state.log.tree)
    const other = scene.log.fork(4)
    other.pad(20)
    const view = other.view({ witnesses: cosigners, from: [from] })
    const fork = verify(scene, { state, bundle: formatUpdateBundle({ views: [view], trust: [] }) })
    expect(codeOf(fork)).toBe('FORK')
    expect(fork.kind === 'stopped' && refusalExit(fork.refusal)).toBe(11)
    expect(fork.state?.log.convicted).not.toBeNull()
  })

  const rows: [string, string, (scene: Scene) => OfflineResult][] = [
    ['DIGEST_MISMATCH', 'another file', (scene) => verify(scene, { file: { ...file, sha256: hex('x') } })],
    ['DIGEST_MISMATCH', 'another length', (scene) => verify(scene, { file: { ...file, size: 1 } })],
    [
      'PROOF_MISSING',
      'no release in the bundle',
      (scene) => verify(scene, { bundle: formatUpdateBundle(scene.bundle({ indices: [] })) }),
    ],
    [
      'PROOF_MISSING',
      'only votes in the bundle',
      (scene) => verify(scene, { bundle: formatUpdateBundle(scene.bundle({ indices: scene.last.indices.slice(1) })) }),
    ],
    [
      'PROOF_MISSING',
      'an anchor without the proof from it',
      (scene) => verify(scene, { anchor: scene.anchor({ size: 3 }) }),
    ],
    [
      'STALE',
      'a view smaller than the anchor',
      (scene) => {
        const old = scene.log.size
        const small = scene.bundle().views
        scene.log.pad(3)
        // The second view is cosigned by nobody: it only carries the proof between the two sizes.
        const views = [...small, scene.log.view({ from: [old] })]
        return verify(scene, { anchor: scene.anchor(), bundle: formatUpdateBundle({ views, trust: [] }) })
      },
    ],
    [
      'WITNESS_QUORUM',
      'one cosignature short',
      (scene) => verify(scene, { bundle: formatUpdateBundle(scene.bundle({ witnesses: { 'w1.example': NOW } })) }),
    ],
    ['CLOCK', 'a checkpoint from the future', (scene) => verify(scene, { now: NOW - 86_400 })],
    [
      'REVOKED',
      'a stapled revocation',
      (scene) => {
        const [at = 0] = scene.log.add(entryBy('alice', revocation(scene.last.id)))
        return verify(scene, { bundle: formatUpdateBundle(scene.bundle({ indices: [...scene.last.indices, at] })) })
      },
    ],
    [
      'REVOKED',
      "an anchor's revocation",
      (scene) => {
        const [at = 0] = scene.log.add(entryBy('alice', revocation(scene.last.id)))
        return verify(scene, {
          anchor: scene.anchor({ indices: [...scene.last.indices, at] }),
          bundle: formatUpdateBundle(scene.bundle()),
        })
      },
    ],
    [
      'CHAIN_BROKEN',
      'no previous past 1',
      (scene) => {
        const statement = release(2, null)
        const indices = scene.log.add(entryBy('alice', statement), entryBy('rob', rebuild(statement)))
        return verify(scene, { bundle: formatUpdateBundle(scene.bundle({ indices })) })
      },
    ],
    [
      'REBUILD_QUORUM',
      'no votes',
      (scene) =>
        verify(scene, { bundle: formatUpdateBundle(scene.bundle({ indices: scene.last.indices.slice(0, 1) })) }),
    ],
    ['WRONG_PLATFORM', 'another platform', (scene) => verify(scene, { want: { ...want, platform: 'win32-x64' } })],
    ['TRUST_INVALID', 'a trust file that is none', (scene) => verify(scene, { trust: new Uint8Array(2) })],
    ['STATEMENT_INVALID', 'a bundle that is none', (scene) => verify(scene, { bundle: new Uint8Array(2) })],
  ]
  it.each(rows)('%s: %s', (code, _, run) => {
    expect(codeOf(run(twoReleases()))).toBe(code)
  })

  it('judges the parts of an artifact too', () => {
    const scene = new Scene()
    const whole = artifact('1.1.0')
    const part = artifact('1.1.0', 'any', { partOf: whole.name })
    scene.publish({ artifacts: [whole, part] })
    const result = verify(scene, { file: { size: whole.size, sha256: whole.sha256 } })
    expect(result.kind === 'verified' && result.verdict.files.map(({ name }) => name)).toEqual([whole.name, part.name])
  })
})
