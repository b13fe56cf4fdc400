/** Statements that must be refused (docs/attacks.md), and wants that fit nothing or too much. */
import { describe, expect, it } from 'vitest'
import { bundleBytes, entryOfPayloadLoose, offering, refusals, replaced } from '../../../test/support/refusals.ts'
import { entryBy } from '../../../test/support/world.ts'
import type { RunResult } from '../../../test/support/world-client.ts'
import { Scene, twoReleases } from '../../../test/support/world-scene.ts'
import { artifact, rebuild } from '../../../test/support/world-statements.ts'
import { fromUtf8, utf8 } from '../bytes.ts'
import { formatStatement } from '../release/statement.ts'
import { refusalExit } from './refusal.ts'

refusals({
  STATEMENT_INVALID: [
    [
      'an unknown predicate type',
      () =>
        offering((s) => [
          entryOfPayloadLoose(fromUtf8(formatStatement(s)).replace('release/v1', 'release/v9')),
          entryBy('rob', rebuild(s)),
        ]),
    ],
    [
      'a payload that is not canonical',
      () => offering((s) => [entryOfPayloadLoose(` ${fromUtf8(formatStatement(s))}`)]),
    ],
    [
      'an unknown field',
      () =>
        offering((s) => [
          entryOfPayloadLoose(
            fromUtf8(formatStatement(s)).replace('"version":"1.2.0"}', '"version":"1.2.0","wrong":1}'),
          ),
        ]),
    ],
    [
      'two releases in one offer',
      () =>
        offering((s) => [entryBy('alice', s), entryBy('bob', { ...s, version: '1.9.0' }), entryBy('rob', rebuild(s))]),
    ],
    [
      'junk among the entries of the offer',
      () => {
        const scene = twoReleases()
        return scene.run({ bundle: scene.bundle({ indices: [0, ...scene.last.indices] }) })
      },
    ],
    [
      'a bundle of another media type',
      () => {
        const scene = twoReleases()
        return scene.run({ offers: [replaced(bundleBytes(scene), 'version=1', 'version=2')] })
      },
    ],
    [
      'a bundle that is not canonical',
      () => {
        const scene = twoReleases()
        return scene.run({ offers: [utf8(` ${fromUtf8(bundleBytes(scene))}`)] })
      },
    ],
  ],
  PATH_REFUSED: [
    [
      'an artifact name that is a path',
      () =>
        offering((s) => [
          entryOfPayloadLoose(fromUtf8(formatStatement(s)).replaceAll('notes-1.2.0-linux-x64.tar.gz', '..')),
        ]),
    ],
  ],
  WRONG_PRODUCT: [
    [
      'an entry of another product by the same key',
      () => offering((s) => [entryBy('alice', s), entryBy('rob', rebuild(s))], {}, { product: 'example.com/other' }),
    ],
  ],
  WRONG_CHANNEL: [
    [
      'beta for a stable client',
      () => {
        const scene = new Scene()
        scene.publish({ channel: 'beta' })
        return scene.run()
      },
    ],
    [
      'a channel that the trust file does not list',
      () => {
        const scene = new Scene()
        scene.publish({ channel: 'nightly' })
        return scene.run({ want: { channel: 'nightly' } })
      },
    ],
  ],
  WRONG_PLATFORM: [
    ['another platform', () => twoReleases().run({ want: { platform: 'win32-x64' } })],
    ['another artifact', () => twoReleases().run({ want: { artifact: 'notes.zip' } })],
    ['another media type', () => twoReleases().run({ want: { mediaType: 'application/zip' } })],
    [
      'a part in place of an artifact',
      () =>
        offering(
          (s) => [entryBy('alice', s), entryBy('rob', rebuild(s))],
          {},
          {
            artifacts: [
              artifact('1.2.0', 'win32-x64'),
              artifact('1.2.0', 'linux-x64', { partOf: 'notes-1.2.0-win32-x64.tar.gz' }),
            ],
          },
        ),
    ],
  ],
})

describe('usage', () => {
  it.each<[string, () => RunResult]>([
    [
      'several artifacts fit',
      () =>
        offering(
          (s) => [entryBy('alice', s)],
          {},
          {
            artifacts: [
              artifact('1.2.0'),
              artifact('1.2.0', 'linux-x64', { name: 'notes.deb', mediaType: 'application/x-deb' }),
            ],
          },
        ),
    ],
    ['a platform that is none', () => twoReleases().run({ want: { platform: 'any' } })],
    ['a channel that is none', () => twoReleases().run({ want: { channel: '../x' } })],
    ['an artifact name that is none', () => twoReleases().run({ want: { artifact: '../x' } })],
    ['a media type that is none', () => twoReleases().run({ want: { mediaType: 'x' } })],
    ['a downgrade to nothing', () => twoReleases().run({ want: { downgradeTo: 'v1' } })],
    ['a limit that is none', () => twoReleases().run({ want: { acceptStale: -1 } })],
    [
      'an installed version that is none',
      () => twoReleases().run({ installed: { kind: 'version', channel: 'stable', version: 'v1' } }),
    ],
    ['an installed digest that is none', () => twoReleases().run({ installed: { kind: 'sha256', sha256: 'x' } })],
    ['apply with nothing staged', () => twoReleases().run({ want: { action: 'apply' } })],
  ])('%s', (_, run) => {
    const { refusal } = run()
    expect(refusal).toMatchObject({ kind: 'usage', code: null })
    expect(refusalExit(refusal ?? expect.fail('accepted'))).toBe(64)
  })
})
