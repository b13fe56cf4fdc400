/** SIGNATURE_INVALID: certificates in place of keys. */
import { formatStatement } from '@samebits/core'
import { certifiedEntry, type SigstoreWorld, sigstoreWorld } from '../../support/sigstore-world.ts'
import { entryBy } from '../../support/world.ts'
import { idOf, member, rebuild, release } from '../../support/world-statements.ts'
import { ends, type Group, not, type Row } from '../case.ts'
import { notes } from '../stage.ts'
import { offerLeaves, type Release } from '../tools.ts'

const who = { issuer: 'https://issuer.example', san: 'https://ci.example/release' }

interface Worlds {
  readonly pinned: SigstoreWorld
  readonly other: SigstoreWorld
  /** Its timestamps come an hour after its certificates. */
  readonly late: SigstoreWorld
}

let worlds: Promise<Worlds> | null = null
/** Made once, by the first case that needs them. */
function allWorlds(): Promise<Worlds> {
  worlds ??= Promise.all([sigstoreWorld(), sigstoreWorld(), sigstoreWorld(3_600_000)]).then(
    ([pinned, other, late]) => ({ pinned, other, late }),
  )
  return worlds
}

interface Signed {
  /** The entries of the second release. */
  readonly leaves: (payload: Uint8Array, release: Release, worlds: Worlds) => Promise<readonly Uint8Array[]>
  readonly root?: keyof Worlds
  readonly threshold?: number
  /** For whom the identity counts; itself unless told. */
  readonly operator?: string
}

/** The publisher of the second release is an identity; the first one was signed with a key. */
function signed({ leaves, root = 'pinned', threshold = 1, operator = 'ci' }: Signed): Row['arrange'] {
  return async (stage) => {
    const all = await allWorlds()
    const members = [member('alice'), member('carol', { operator: 'carol' }), { id: 'ci', operator, identity: who }]
    const by = threshold === 1 ? ['alice'] : ['alice', 'carol']
    await stage.installed({ publishers: { threshold, members }, over: { trustedRoot: all[root].trustedRoot } }, { by })
    const previous = stage.scene.releases[0]?.id ?? null
    const statement = release(2, previous, { version: '1.2.0', artifacts: [notes('1.2.0')] })
    const entries = await leaves(formatStatement(statement), statement, all)
    offerLeaves(stage, (same) => [...entries, entryBy('rob', rebuild(same))])
    stage.scene.releases.push({ statement, id: idOf(statement), indices: [] }) // its file is on the feed
    stage.expected = '1.2.0'
  }
}

const refused = (title: string, about: Signed): Row => ends('SIGNATURE_INVALID', title, signed(about))

export const identities: readonly Group[] = [
  {
    code: 'SIGNATURE_INVALID',
    rows: [
      refused('a certificate that had expired when it was stamped', {
        root: 'late',
        leaves: async (payload, _, { late }) => [await certifiedEntry(late, payload, who)],
      }),
      refused('a timestamp of an authority that is not pinned', {
        leaves: async (payload, _, { pinned, other }) => [await certifiedEntry(pinned, payload, who, other)],
      }),
      refused('a certificate of an authority that is not pinned', {
        leaves: async (payload, _, { other }) => [await certifiedEntry(other, payload, who)],
      }),
      refused('a certificate of another identity', {
        leaves: async (payload, _, { pinned }) => [
          await certifiedEntry(pinned, payload, { ...who, san: 'https://ci.example/release/../fork' }),
        ],
      }),
      refused('a certificate of another issuer', {
        leaves: async (payload, _, { pinned }) => [
          await certifiedEntry(pinned, payload, { ...who, issuer: 'https://issuer.example.org' }),
        ],
      }),
      refused('key and identity of one member, where two must sign', {
        threshold: 2,
        operator: 'alice',
        leaves: async (payload, statement, { pinned }) => [
          entryBy('alice', statement),
          await certifiedEntry(pinned, payload, who),
        ],
      }),
      ends(
        'STATEMENT_INVALID',
        'a certificate without any timestamp',
        signed({ leaves: async (payload, _, { pinned }) => [await certifiedEntry(pinned, payload, who, null)] }),
      ),
      not(
        'an identity as the trust file pins it',
        signed({ leaves: async (payload, _, { pinned }) => [await certifiedEntry(pinned, payload, who)] }),
      ),
      not(
        'the key of one operator and the identity of another, where two must sign',
        signed({
          threshold: 2,
          leaves: async (payload, statement, { pinned }) => [
            entryBy('alice', statement),
            await certifiedEntry(pinned, payload, who),
          ],
        }),
      ),
    ],
  },
]
