import { formatStatement, fromUtf8, toBase64, utf8 } from '@samebits/core'
import { entryBy, keyOf } from '../../support/world.ts'
import { artifact, member, rebuild, type TrustOptions, trustFile } from '../../support/world-statements.ts'
import { ends, type Group, not, offlineToo, refusing } from '../case.ts'
import { notes, type Stage } from '../stage.ts'
import { altered, loose, offerLeaves, type Release } from '../tools.ts'

const two = { threshold: 2, members: [member('alice'), member('bob')] }
const both = { by: ['alice', 'bob'] }

const signed = (s: Release) => [entryBy('alice', s), entryBy('rob', rebuild(s))]

/** A second release that says otherwise, signed and rebuilt as ever. */
function saying(over: Partial<Release>): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await stage.installed()
    offerLeaves(stage, signed, over)
  }
}

/** The second release by these leaves, under another trust file. */
function under(
  options: Partial<TrustOptions>,
  leaves: (s: Release) => readonly Uint8Array[] = signed,
): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const scene = await stage.installed()
    stage.trust = trustFile({ log: scene.log, version: 2, ...options })
    offerLeaves(stage, leaves)
  }
}

/** The second release by these leaves. */
function logged(
  leaves: (s: Release) => readonly Uint8Array[],
  over: Partial<Release> = {},
): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await stage.installed()
    offerLeaves(stage, leaves, over)
  }
}

const withKeys = (...keys: object[]) => ({ publishers: { threshold: 1, members: keys } })

const signature = refusing('SIGNATURE_INVALID', [
  [
    'a broken DSSE signature',
    logged((s) => [
      altered(entryBy('alice', s), (text) => text.replace(/"sig":"(.)(.)/, (_, a, b) => `"sig":"${b}${a}`)),
      entryBy('rob', rebuild(s)),
    ]),
  ],
  [
    'a signature over another payload type',
    logged((s) => {
      const payload = formatStatement(s)
      const wrong = utf8(`DSSEv1 16 application/json ${payload.length} ${fromUtf8(payload)}`)
      const sig = toBase64(keyOf('alice').sign(wrong))
      return [
        altered(entryBy('alice', s), (text) => text.replace(/"sig":"[^"]*"/, `"sig":"${sig}"`)),
        entryBy('rob', rebuild(s)),
      ]
    }),
  ],
  ['an unknown key', logged((s) => [entryBy('mallory', s), entryBy('rob', rebuild(s))])],
  ['a key past its `until`', under(withKeys(member('alice', { until: 6 }), member('bob')))],
  ['a key before its `from`', under(withKeys(member('alice', { from: 100 }), member('bob')))],
  [
    'a key taken from the package: the bundle brings a trust file that lists it',
    async (stage) => {
      const scene = await stage.installed()
      const { views } = offerLeaves(stage, (s) => [entryBy('mallory', s), entryBy('rob', rebuild(s))])
      stage.offer = { views, trust: [trustFile({ log: scene.log, version: 2, ...withKeys(member('mallory')) })] }
    },
  ],
  [
    'a key taken from the feed: a trust file lies there',
    async (stage) => {
      const scene = await stage.installed()
      offerLeaves(stage, (s) => [entryBy('mallory', s), entryBy('rob', rebuild(s))])
      stage.put('trust.json', trustFile({ log: scene.log, version: 2, ...withKeys(member('mallory')) }))
    },
  ],
  [
    'the threshold not met',
    async (stage) => {
      await stage.installed({ publishers: two }, both)
      offerLeaves(stage, signed)
    },
  ],
  [
    'the threshold met only by one operator twice',
    async (stage) => {
      const members = [member('alice'), member('bob'), member('carol', { operator: 'alice' })]
      await stage.installed({ publishers: { threshold: 2, members } }, both)
      offerLeaves(stage, (s) => [entryBy('carol', s), ...signed(s)])
    },
  ],
  ['a rebuilder in place of a publisher', logged((s) => [entryBy('rita', s), entryBy('rob', rebuild(s))])],
  ['the authority in place of a publisher', logged((s) => [entryBy('root', s), entryBy('rob', rebuild(s))])],
  [
    'one of two entries stapled, the other known from history alone',
    async (stage) => {
      const scene = await stage.installed({ publishers: two }, both)
      const { indices } = scene.publish({}, both)
      stage.offer = stage.bundle({ indices: indices.slice(1) })
    },
  ],
  not('a rotated key that stays listed, for what it signed before', async (stage) => {
    const scene = await stage.usual()
    stage.trust = trustFile({
      log: scene.log,
      version: 2,
      ...withKeys(member('alice', { until: scene.log.size }), member('bob')),
    })
  }),
])

/** A statement written otherwise, signed all the same. */
function written(change: (text: string) => string): (stage: Stage) => Promise<void> {
  return logged((s) => {
    const before = fromUtf8(formatStatement(s))
    const after = change(before)
    if (after === before) throw new Error('nothing was changed')
    return [loose(after), entryBy('rob', rebuild(s))]
  })
}

const statement = refusing('STATEMENT_INVALID', [
  ['an unknown predicate type', written((text) => text.replace('release/v1', 'release/v9'))],
  ['an unknown field', written((text) => text.replace('"version":"1.2.0"}', '"version":"1.2.0","wrong":1}'))],
  ['a missing field', written((text) => text.replace(/"channel":"stable",/, ''))],
  ['a duplicate field', written((text) => text.replace('"sequence":2,', '"sequence":2,"sequence":2,'))],
  ['a payload that is not canonical', written((text) => ` ${text}`)],
  [
    'fields in another order',
    written((text) => text.replace(/"previous":("[0-9a-f]+"),("product":"[^"]*")/, '$2,"previous":$1')),
  ],
  ['a sequence that is no integer', written((text) => text.replace('"sequence":2,', '"sequence":2.5,'))],
  ['a sequence in exponents', written((text) => text.replace('"sequence":2,', '"sequence":2e0,'))],
  ['a sequence past 2^53-1', written((text) => text.replace('"sequence":2,', '"sequence":9007199254740993,'))],
  ['a version with a leading v', written((text) => text.replace('"version":"1.2.0"', '"version":"v1.2.0"'))],
  ['a version with another leading zero', written((text) => text.replace('"version":"1.2.0"', '"version":"01.2.0"'))],
  [
    'a version of build metadata tricks',
    written((text) => text.replace('"version":"1.2.0"', '"version":"1.2.0+9.9.9 "')),
  ],
  [
    'subject and artifacts disagree',
    written((text) => text.replace(/("subject":\[\{"digest":\{"sha256":"[0-9a-f]+"\},"name":)"notes"/, '$1"other"')),
  ],
  [
    'a digest in upper case',
    written((text) =>
      text.replace(/"sha256":"([0-9a-f]{64})"/, (_, hexed: string) => `"sha256":"${hexed.toUpperCase()}"`),
    ),
  ],
  [
    'two artifacts of one platform and media type',
    logged((s) => {
      const twice = fromUtf8(
        formatStatement({
          ...s,
          artifacts: [notes('1.2.0'), notes('1.2.0', { name: 'notes2', mediaType: 'application/x-second' })],
        }),
      )
      return [loose(twice.replaceAll('application/x-second', 'application/octet-stream'))]
    }),
  ],
  [
    'leaf bytes that differ from their re-serialisation',
    logged((s) => [altered(entryBy('alice', s), (text) => `${text} `), entryBy('rob', rebuild(s))]),
  ],
  [
    'an entry of an older media type, to shed checks',
    logged((s) => [altered(entryBy('alice', s), (text) => text.replace('v0.3+json', 'v0.2+json'))]),
  ],
  [
    'an entry with two signatures',
    logged((s) => [
      altered(entryBy('alice', s), (text) => text.replace(/"signatures":\[(\{[^}]*\})\]/, '"signatures":[$1,$1]')),
    ]),
  ],
  [
    'two releases in one offer',
    logged((s) => [entryBy('alice', s), entryBy('bob', { ...s, version: '1.9.0' }), entryBy('rob', rebuild(s))]),
  ],
  [
    'junk among the entries of the offer',
    async (stage) => {
      const scene = await stage.usual()
      stage.offer = stage.bundle({ indices: [0, ...scene.last.indices] })
    },
  ],
  [
    'an entry above 65,535 bytes',
    async (stage) => {
      await stage.usual()
      const large = toBase64(new Uint8Array(65_536))
      stage.offer = altered(stage.offered() ?? new Uint8Array(), (text) =>
        text.replace(/"entry":"[^"]*"/, `"entry":"${large}"`),
      )
    },
  ],
  [
    'a bundle of an unknown media type',
    async (stage) => {
      await stage.usual()
      stage.offer = altered(stage.offered() ?? new Uint8Array(), (text) => text.replace('version=1', 'version=2'))
    },
  ],
  [
    'a bundle that is not canonical',
    async (stage) => {
      await stage.usual()
      stage.offer = altered(stage.offered() ?? new Uint8Array(), (text) => text.replace('{', '{ '))
    },
  ],
])

const wrong: readonly Group[] = [
  refusing('WRONG_PRODUCT', [
    ['an entry of another product by the same key', saying({ product: 'example.com/other' })],
  ]),
  refusing('WRONG_CHANNEL', [
    [
      'beta for a stable client',
      async (stage) => {
        const scene = await stage.installed()
        const beta = scene.publish({ channel: 'beta', version: '2.0.0' })
        stage.offer = stage.bundle({ indices: beta.indices })
      },
    ],
    [
      'a channel that the trust file does not list',
      async (stage) => {
        const scene = await stage.installed()
        scene.publish({ channel: 'nightly', version: '2.0.0' })
        stage.ask = { ...stage.ask, channel: 'nightly' }
      },
    ],
  ]),
  refusing('WRONG_PLATFORM', [
    [
      'another operating system',
      async (stage) => {
        await stage.usual()
        stage.ask = { ...stage.ask, platform: 'win32-x64' }
      },
    ],
    [
      'another architecture',
      async (stage) => {
        await stage.usual()
        stage.ask = { ...stage.ask, platform: 'linux-arm64' }
      },
    ],
    [
      'another artifact than is wanted',
      async (stage) => {
        await stage.usual()
        stage.ask = { ...stage.ask, artifact: 'notes.zip' }
      },
    ],
    [
      'another media type than is wanted',
      async (stage) => {
        await stage.usual()
        stage.ask = { ...stage.ask, mediaType: 'application/zip' }
      },
    ],
    [
      'a part in place of an artifact',
      logged(signed, {
        artifacts: [
          artifact('1.2.0', 'win32-x64'),
          artifact('1.2.0', 'linux-x64', { partOf: 'notes-1.2.0-win32-x64.tar.gz' }),
        ],
      }),
    ],
    ends(
      'usage',
      'not: several artifacts fit, and none is named',
      logged(signed, {
        artifacts: [notes('1.2.0'), notes('1.2.0', { name: 'notes.deb', mediaType: 'application/x-deb' })],
      }),
    ),
    not('several fit, one is named', async (stage) => {
      const scene = await stage.installed()
      scene.publish({
        artifacts: [notes('1.2.0'), notes('1.2.0', { name: 'notes.deb', mediaType: 'application/x-deb' })],
      })
      stage.ask = { ...stage.ask, mediaType: 'application/octet-stream' }
    }),
  ]),
]

export const statements: readonly Group[] = [offlineToo(signature), offlineToo(statement), ...wrong]
