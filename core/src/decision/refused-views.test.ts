/** Views and history that must be refused (docs/attacks.md), and what stays undecided. */
import { bundleBytes, offline, record, refusals, withheld } from '../../../test/support/refusals.ts'
import { keyOf } from '../../../test/support/world.ts'
import { NOW, ran } from '../../../test/support/world-client.ts'
import { cosigners, ORIGIN, twoReleases } from '../../../test/support/world-scene.ts'
import { trustFile } from '../../../test/support/world-statements.ts'
import { fromUtf8, utf8 } from '../bytes.ts'
import { logSigner } from '../log/checkpoint.ts'
import { nodeCrypto } from '../node.ts'

const day = 86_400

refusals({
  STALE: [
    ['a consistent but old view', () => twoReleases().run({ now: NOW + 31 * day })],
    [
      'only zero timestamps',
      () => {
        const scene = twoReleases()
        const zero = { 'w1.example': 0, 'w2.example': 0 }
        return scene.run({
          bundle: scene.bundle({ witnesses: zero }),
          net: { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: zero })] } },
        })
      },
    ],
    [
      'one zero timestamp of the two that a quorum takes',
      () => {
        const scene = twoReleases()
        const zero = { 'w1.example': 0, 'w2.example': NOW }
        return scene.run({
          bundle: scene.bundle({ witnesses: zero }),
          net: { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: zero })] } },
        })
      },
    ],
    ['offline past offlineMaxAge', () => twoReleases().run({ ...offline, now: NOW + 91 * day })],
    [
      'offline without offlineMaxAge',
      () => twoReleases({ freshness: { maxAge: '30d', warnAge: '7d', maxLag: '7d', clockSkew: '5m' } }).run(offline),
    ],
    ['past what a person accepts', () => twoReleases().run({ now: NOW + 31 * day, want: { acceptStale: 30 * day } })],
    [
      'a frozen log and a clock that is behind: time, not the clock, is old',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state: { ...state, time: NOW + 29 * day + 200 * 3600 }, now: NOW + 29 * day + 200 * 3600 })
      },
    ],
    [
      'a view smaller than the anchor',
      () => {
        const scene = twoReleases()
        const [bundle, net] = [
          scene.bundle(),
          { heads: { [ORIGIN]: [scene.log.checkpoint({ witnesses: cosigners })] } },
        ]
        scene.log.pad(3)
        return scene.run({ anchor: scene.anchor(), bundle, net })
      },
    ],
    ['a newer release left out for longer than maxLag', () => withheld(NOW + 9 * day)],
    ['the same, where the offer is what is installed', () => withheld(NOW + 9 * day, true)],
    ['the same, where nothing is offered', () => withheld(NOW + 9 * day, true, true)],
    [
      'the same, though a person accepts stale views',
      () => withheld(NOW + 9 * day, false, false, { acceptStale: 90 * day }),
    ],
  ],
  ROLLBACK_LOG: [
    [
      'the log itself answers with a smaller tree, past maxAge',
      () => {
        const scene = twoReleases()
        const small = scene.log.checkpoint({ witnesses: cosigners })
        const bundle = scene.bundle()
        scene.log.pad(3)
        const { state } = ran(scene.run({ bundle }))
        return scene.run({ state, bundle, now: NOW + 31 * day, net: { heads: { [ORIGIN]: [small] } } })
      },
    ],
  ],
  CLOCK: [
    [
      'the clock behind the newest witnessed time',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state, now: NOW - 3600 - 301 })
      },
    ],
    ['a checkpoint whose quorum time is in the future', () => twoReleases().run({ now: NOW - 3600 - 301 })],
  ],
  HISTORY_INCOMPLETE: [
    [
      'entries that no source has',
      () =>
        twoReleases().run({
          net: {
            override: ({ kind }) => (kind === 'entries' ? { kind: 'failed', reason: 'missing', detail: '404' } : null),
          },
        }),
    ],
    [
      'entries blocked, in the hope of a weaker mode',
      () =>
        twoReleases().run({
          net: {
            override: ({ kind }) =>
              kind === 'entries' ? { kind: 'failed', reason: 'transport', detail: 'reset' } : null,
          },
        }),
    ],
    [
      'the budget of the run spent',
      () =>
        twoReleases().run({
          net: {
            override: (need) =>
              need.kind === 'entries' && need.from > 3 ? { kind: 'failed', reason: 'budget', detail: 'spent' } : null,
            chunk: 4,
          },
        }),
    ],
    [
      'more entries than there are',
      () =>
        twoReleases().run({
          net: {
            override: (need) =>
              need.kind === 'entries'
                ? { kind: 'entries', entries: Array.from({ length: 40 }, () => utf8('x')) }
                : null,
          },
        }),
    ],
    [
      'no entries at all',
      () =>
        twoReleases().run({
          net: { override: (need) => (need.kind === 'entries' ? { kind: 'entries', entries: [] } : null) },
        }),
    ],
  ],
  TRANSPORT: [
    ['no source answers, and there is no bundle', () => twoReleases().run({ bundle: null, net: { heads: {} } })],
    [
      'an empty feed, in offered mode',
      () => {
        const scene = twoReleases({ history: { mode: 'offered', expires: '2030-01-01' } })
        return scene.run({ bundle: null })
      },
    ],
    [
      'an empty feed, where a newer release is known',
      () => {
        const scene = twoReleases()
        return scene.run({ bundle: null, installed: record(scene.releases[0] ?? scene.last) })
      },
    ],
    ['an empty feed at first contact, where a release is known', () => twoReleases().run({ bundle: null })],
    [
      'a captive portal in place of the log',
      () => twoReleases().run({ bundle: null, net: { heads: { [ORIGIN]: ['<html>'] } } }),
    ],
    [
      'no consistency proof, since every source failed',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        scene.publish()
        return scene.run({
          state,
          net: {
            override: ({ kind }) =>
              kind === 'consistency' ? { kind: 'failed', reason: 'transport', detail: 'timeout' } : null,
          },
        })
      },
    ],
    ['offline without a bundle', () => twoReleases().run({ bundle: null, ...offline })],
  ],
  SIZE_EXCEEDED: [
    ['a bundle past its cap', () => twoReleases().run({ offers: [new Uint8Array(4 * 1024 * 1024 + 1)] })],
    [
      'more than 64 signature lines in a bundle',
      () => {
        const scene = twoReleases()
        const line =
          scene.log
            .checkpoint({ witnesses: { 'x.example': 1 } })
            .split('\n')
            .at(-2) ?? ''
        const bytes = fromUtf8(bundleBytes(scene))
        const at = bytes.indexOf('\\n","consistency"')
        return scene.run({ offers: [utf8(`${bytes.slice(0, at)}${`\\n${line}`.repeat(64)}${bytes.slice(at)}`)] })
      },
    ],
  ],
  TRUST_INVALID: [
    ['no trust file at all', () => twoReleases().run({ trust: null })],
    ['a trust file that does not parse', () => twoReleases().run({ trust: utf8('{}') })],
    [
      'threshold 0',
      () => {
        const scene = twoReleases()
        return scene.run({ trust: trustFile({ log: scene.log, publishers: { threshold: 0, members: [] } }) })
      },
    ],
    [
      'two shipped files of one version',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state, trust: utf8(`${fromUtf8(scene.trust)} `) })
      },
    ],
    [
      'a trust file of another product',
      () => {
        const scene = twoReleases()
        const { state } = ran(scene.run())
        return scene.run({ state, trust: trustFile({ log: scene.log, product: 'example.com/other', version: 9 }) })
      },
    ],
    ['past expires', () => twoReleases({ history: { mode: 'offered', expires: '2026-11-18' } }).run()],
    [
      'an anchor of another product',
      () => {
        const scene = twoReleases()
        return scene.run({ anchor: scene.anchor({ product: 'example.com/other' }) })
      },
    ],
    [
      'an anchor that the log did not sign',
      () => {
        const scene = twoReleases()
        return scene.run({
          anchor: scene.anchor({
            checkpoint: scene.log.checkpoint({ signedBy: logSigner(nodeCrypto, ORIGIN, keyOf('mallory')) }),
          }),
        })
      },
    ],
    [
      'an anchor whose entries are not in its tree',
      () => {
        const scene = twoReleases()
        return scene.run({ anchor: scene.anchor({ entries: scene.log.view({ size: 8, indices: [6] }).entries }) })
      },
    ],
    ['an anchor that does not parse', () => twoReleases().run({ anchor: utf8('{}') })],
  ],
})
