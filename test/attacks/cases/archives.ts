/** PATH_REFUSED, SIZE_EXCEEDED and INSTALL_FAILED of archives: what unpacking must not do, although the bytes are what was logged. */
import { toHex } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { macApp, type TestMember, tarGz, zip } from '../../../updater/test-support/archives.ts'
import { artifactBytes } from '../../support/world-statements.ts'
import { ends, type Group, not, type Row, refusing } from '../case.ts'
import { notes, type Stage } from '../stage.ts'

type Kind = 'tar.gz' | 'zip'
const mediaTypes = { 'tar.gz': 'application/gzip', zip: 'application/zip' } as const

/** The first release is installed; the second is these bytes, to be unpacked. */
async function archived(stage: Stage, kind: Kind, bytes: Uint8Array): Promise<void> {
  const scene = await stage.installed()
  const artifact = notes('1.2.0', {
    name: `notes.${kind}`,
    mediaType: mediaTypes[kind],
    size: bytes.length,
    sha256: toHex(nodeCrypto.sha256(bytes)),
  })
  const { id } = scene.publish({ version: '1.2.0', artifacts: [artifact] })
  stage.put(`${id}/${artifact.name}`, bytes)
  stage.ask = { ...stage.ask, unpack: true }
}

const pack = async (kind: Kind, members: readonly TestMember[]) => (kind === 'zip' ? zip(members) : tarGz(members))

function holding(kind: Kind, ...members: readonly TestMember[]): Row['arrange'] {
  return async (stage) => archived(stage, kind, await pack(kind, members))
}

const evil: readonly (readonly [string, readonly TestMember[]])[] = [
  ['that leaves the target', [{ name: '../../evil' }]],
  ['with an absolute path', [{ name: '/tmp/evil' }]],
  ['with a backslash', [{ name: '..\\evil' }]],
  ['that is a link to an absolute path', [{ name: 'link', type: 'symlink', to: '/etc/passwd' }]],
  ['that is a link out of the target', [{ name: 'a/link', type: 'symlink', to: '../../../installed.json' }]],
  [
    'that is written through a link',
    [
      { name: 'link', type: 'symlink', to: '/tmp' },
      { name: 'link/evil', text: 'evil' },
    ],
  ],
  [
    'that is written through a link to a folder beside it',
    [
      { name: 'bin/', type: 'directory' },
      { name: 'link', type: 'symlink', to: 'bin' },
      { name: 'link/evil', text: 'evil' },
    ],
  ],
  [
    'that is a link out of the target through another',
    [
      { name: 'a/b/c', type: 'directory' },
      { name: 'short', type: 'symlink', to: 'a/b/c' },
      { name: 'link', type: 'symlink', to: 'short/../../../../../installed.json' },
    ],
  ],
  ['that is a link to itself', [{ name: 'link', type: 'symlink', to: 'link' }]],
  ['that is a link to nothing', [{ name: 'link', type: 'symlink', to: 'nothing' }]],
  [
    'that is a hard link',
    [
      { name: 'a', text: 'a' },
      { name: 'link', type: 'link', to: 'a' },
    ],
  ],
  ['that is a device', [{ name: 'device', type: 'block-device' }]],
  ['that comes twice', [{ name: 'a' }, { name: 'a' }]],
  ['that comes twice where case is folded', [{ name: 'a' }, { name: 'A' }]],
  ['that Windows opens as a device', [{ name: 'aux.txt' }]],
]

const honest: readonly TestMember[] = [
  { name: 'bin/notes', text: artifactBytes('1.2.0'), mode: 0o755 },
  { name: 'lib/data', text: 'data' },
]

/** What the application would see: its program, and its framework through three links. */
const throughLinks =
  'test "$({file}/Notes.app/Contents/MacOS/Notes)" = 1.2.0 && test -x {file}/Notes.app/Contents/Frameworks/Notes.framework/Notes'

const kinds = ['tar.gz', 'zip'] as const

const library = { only: 'library' } as const

/** A few of each kind through the command line: names are checked by the same code, and all of them in `unpack.test.ts`. */
const members = refusing('PATH_REFUSED', [
  ...evil.map(
    ([what, list], at) => [`a tar.gz member ${what}`, holding('tar.gz', ...list), at < 2 ? {} : library] as const,
  ),
  ...evil
    .filter(([what]) => !/hard link|device|twice/.test(what))
    .map(([what, list]) => [`a zip member ${what}`, holding('zip', ...list), library] as const),
])

const bombs = refusing('SIZE_EXCEEDED', [
  ...kinds.map(
    (kind) => [`a ${kind} bomb`, holding(kind, { name: 'bomb', text: Buffer.alloc(100 * 2 ** 20) })] as const,
  ),
  [
    'a zip whose members share bytes',
    (stage) =>
      archived(
        stage,
        'zip',
        zip(
          Array.from({ length: 20 }, (_, at) => ({ name: `f${at}`, text: 'x' })),
          { overlap: true },
        ),
      ),
  ],
])

const unreadable = refusing('INSTALL_FAILED', [
  ['an archive that is none', (stage) => archived(stage, 'zip', artifactBytes('1.2.0'))],
  ['an archive that is cut off', async (stage) => archived(stage, 'tar.gz', (await tarGz(honest)).subarray(0, 60))],
  [
    'a file that is no archive and should be unpacked',
    async (stage) => {
      await stage.usual()
      stage.ask = { ...stage.ask, unpack: true }
    },
  ],
  not('an honest tar.gz', holding('tar.gz', ...honest)),
  not('an honest zip', holding('zip', ...honest), library),
  ...kinds.map((kind) =>
    not(`an application of macOS in a ${kind}, its frameworks reached through links`, async (stage) => {
      await archived(stage, kind, await pack(kind, [...honest, ...macApp('1.2.0')]))
      stage.ask = { ...stage.ask, healthCheck: ['sh', '-c', throughLinks] }
    }),
  ),
  ends('INSTALL_FAILED', 'an archive whose program does not run: the version before is back', async (stage) => {
    await archived(stage, 'tar.gz', await tarGz(honest))
    stage.ask = { ...stage.ask, healthCheck: ['sh', '-c', 'test -x {file}/bin/notes && exit 1'] }
  }),
])

export const archives: readonly Group[] = [members, bombs, unreadable]
