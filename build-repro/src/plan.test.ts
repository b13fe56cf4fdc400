import type { Artifact, Entry, ReleaseStatement } from '@samebits/core'
import { describe, expect, it } from 'vitest'
import type { Kept } from './kept.ts'
import { planPublish, type Wanted } from './plan.ts'
import type { LoggedRelease, ProductView } from './product-view.ts'

const mine = '11'.repeat(32)
const isMine = ({ signer }: Entry) => signer.kind === 'key' && signer.hint === mine
const theirs = '22'.repeat(32)
const file = (name: string, sha256 = 'ab'.repeat(32)): Artifact => ({
  name,
  platform: 'any',
  size: 3,
  mediaType: 'application/gzip',
  sha256,
})
const wanted: Wanted = { product: 'p', channel: 'stable', version: '1.2.0', artifacts: [file('a.tgz')] }
const other = [file('a.tgz', 'cd'.repeat(32))]

interface Given {
  readonly id: string
  readonly version?: string
  readonly sequence?: number
  readonly previous?: string | null
  readonly met?: boolean
  readonly by?: string
  readonly artifacts?: readonly Artifact[]
}

function logged({ id, version = '1.2.0', sequence = 1, previous = null, met = true, by = mine, artifacts }: Given) {
  const statement: ReleaseStatement = {
    kind: 'release',
    ...wanted,
    version,
    sequence,
    previous,
    builds: [],
    artifacts: artifacts ?? wanted.artifacts,
  }
  const leaf = new TextEncoder().encode(id)
  const entry = { id, statement, leaf, payload: leaf, signature: leaf, signer: { kind: 'key', hint: by } } as const
  return {
    id,
    statement,
    entries: [{ index: 0, entry }],
    signatures: [],
    metAt: met ? 0 : null,
  } satisfies LoggedRelease
}

function view(releases: readonly LoggedRelease[], head?: { sequence: number; id: string }): ProductView {
  const heads = new Map(head === undefined ? [] : [['stable', head]])
  return { releases, heads, revocations: [], waivers: [], trustSteps: [], votes: [] }
}

function kept(id: string, given: Partial<Kept['request']> = {}, rest: Partial<Kept> = {}): Kept {
  const artifacts = wanted.artifacts.map(({ name, size, sha256 }) => ({ name, size, sha256, path: `/tmp/${name}` }))
  const request = {
    format: 1,
    kind: 'publish',
    product: 'p',
    channel: 'stable',
    version: '1.2.0',
    sequence: 1,
    artifacts,
  } as const
  return {
    id,
    request: { ...request, ...given },
    entry: new Uint8Array(),
    bodies: new Map(),
    published: null,
    withdrawn: null,
    ...rest,
  }
}
const otherFiles = other.map(({ name, size, sha256 }) => ({ name, size, sha256, path: `/tmp/${name}` }))
const published = { size: 5, fed: true }

describe('what publish has to do', () => {
  it.each<[string, readonly Kept[], ProductView, object]>([
    ['the first release', [], view([]), { kind: 'sign', sequence: 1, previous: null }],
    [
      'the next one',
      [],
      view([logged({ id: 'x', version: '1.1.0' })], { sequence: 1, id: 'x' }),
      { kind: 'sign', sequence: 2, previous: 'x' },
    ],
    ['a kept one', [kept('k')], view([]), { kind: 'resume' }],
    ['a kept one that was logged', [kept('k')], view([logged({ id: 'k', met: false })]), { kind: 'resume' }],
    [
      'one that was finished',
      [kept('k', {}, { published })],
      view([logged({ id: 'k' })], { sequence: 1, id: 'k' }),
      { kind: 'resume' },
    ],
    [
      'an old one that was finished',
      [kept('k', {}, { published })],
      view([logged({ id: 'k' })], { sequence: 9, id: 'z' }),
      { kind: 'resume' },
    ],
    ['its own in the log, nothing kept', [], view([logged({ id: 'k' })], { sequence: 1, id: 'k' }), { kind: 'adopt' }],
    ['its own open one, nothing kept', [], view([logged({ id: 'k', met: false })]), { kind: 'adopt' }],
    [
      'a kept one, overtaken before it was sent',
      [kept('k')],
      view([logged({ id: 'x', version: '9.0.0' })], { sequence: 1, id: 'x' }),
      { kind: 'overtaken' },
    ],
    [
      'a kept one, overtaken though logged',
      [kept('k')],
      view([logged({ id: 'k', met: false }), logged({ id: 'x', version: '9.0.0' })], { sequence: 1, id: 'x' }),
      { kind: 'overtaken' },
    ],
    [
      'one that lost and was withdrawn',
      [kept('k', {}, { withdrawn: 'lost' })],
      view([logged({ id: 'k', met: false }), logged({ id: 'x', version: '9.0.0' })], { sequence: 1, id: 'x' }),
      { kind: 'sign', sequence: 2, previous: 'x' },
    ],
    [
      "a stranger's proposal of this version with other files",
      [],
      view([logged({ id: 's', met: false, by: theirs, artifacts: other })]),
      { kind: 'sign', sequence: 1, previous: null },
    ],
    [
      'an unfinished one of another channel',
      [kept('k', { channel: 'beta', version: '2.0.0' })],
      view([]),
      { kind: 'sign', sequence: 1 },
    ],
    [
      'an unfinished one of another version that lost',
      [kept('k', { version: '1.1.0' })],
      view([logged({ id: 'x', version: '1.1.1' })], { sequence: 1, id: 'x' }),
      { kind: 'sign', sequence: 2 },
    ],
  ])('for %s', (_, list, now, plan) => {
    expect(planPublish(wanted, list, now, isMine)).toMatchObject(plan)
  })

  it.each<[string, string, readonly Kept[], ProductView]>([
    ['files that changed since they were signed', 'ARTIFACT_CHANGED', [kept('k', { artifacts: otherFiles })], view([])],
    [
      'files that changed since they were logged',
      'ARTIFACT_CHANGED',
      [kept('k', { artifacts: otherFiles })],
      view([logged({ id: 'k', met: false, artifacts: other })]),
    ],
    [
      'a version that was published with other files',
      'VERSION_EXISTS',
      [kept('k', { artifacts: otherFiles }, { published })],
      view([logged({ id: 'k', artifacts: other })], { sequence: 1, id: 'k' }),
    ],
    [
      'a version that somebody published with other files',
      'VERSION_EXISTS',
      [],
      view([logged({ id: 's', by: theirs, artifacts: other })], { sequence: 1, id: 's' }),
    ],
    [
      'a version that somebody published with these files',
      'COSIGN_INSTEAD',
      [],
      view([logged({ id: 's', by: theirs })], { sequence: 1, id: 's' }),
    ],
    [
      'a version that somebody proposed with these files',
      'COSIGN_INSTEAD',
      [],
      view([logged({ id: 's', by: theirs, met: false })]),
    ],
    ['another version that is not finished', 'UNFINISHED', [kept('k', { version: '1.1.0' })], view([])],
    [
      'another version that is open',
      'UNFINISHED',
      [kept('k', { version: '1.1.0' })],
      view([logged({ id: 'k', version: '1.1.0', met: false })]),
    ],
  ])('is refused for %s', (_, code, list, now) => {
    expect(() => planPublish(wanted, list, now, isMine)).toThrow(expect.objectContaining({ code, exitCode: 10 }))
  })
})
