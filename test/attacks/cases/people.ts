/** What people are shown: text that others wrote, neutralised. Every run of every row is held to that; these provoke it. */
import { formatStatement, fromUtf8 } from '@samebits/core'
import { entryBy } from '../../support/world.ts'
import { cosigners } from '../../support/world-scene.ts'
import { rebuild, revocation } from '../../support/world-statements.ts'
import { ends, type Group, not, type Row } from '../case.ts'
import { loose, offerLeaves } from '../tools.ts'

const escapes = '\u001b[2J\u001b[31mVERIFIED\u0007'
const bidi = '\u202egpj.exe\u2066'

/** A statement with a text where none belongs, or one that belongs. */
function stated(change: (text: string) => string): Row['arrange'] {
  return async (stage) => {
    await stage.installed()
    offerLeaves(stage, (s) => [loose(change(fromUtf8(formatStatement(s)))), entryBy('rob', rebuild(s))])
  }
}

const shown: Group = {
  code: 'shown to people',
  rows: [
    ends(
      'STATEMENT_INVALID',
      'terminal escapes in the name of a field',
      stated((text) => text.replace('"version":"1.2.0"}', `"version":"1.2.0",${JSON.stringify(escapes)}:1}`)),
    ),
    ends(
      'PATH_REFUSED',
      'terminal escapes in the name of an artifact',
      stated((text) => text.replaceAll('"notes"', JSON.stringify(escapes))),
    ),
    ends(
      'PATH_REFUSED',
      'bidi marks in the name of an artifact',
      stated((text) => text.replaceAll('"notes"', JSON.stringify(bidi))),
    ),
    ends(
      'STATEMENT_INVALID',
      'terminal escapes in a version',
      stated((text) => text.replace('"version":"1.2.0"', `"version":${JSON.stringify(`1.2.0${escapes}`)}`)),
    ),
    ends('CHECKPOINT_INVALID', 'bidi marks in an origin', async (stage) => {
      const { log } = await stage.usual()
      stage.offerHead(() => log.checkpoint({ origin: `evil${bidi}`, witnesses: cosigners }))
    }),
    ends('TRANSPORT', 'bidi marks in the address of a redirect', async (stage) => {
      await stage.usual()
      stage.hostile = () => (request, response) => {
        if (request.url?.endsWith('/notes') !== true) return false
        response.writeHead(302, { location: Buffer.from(`ftp://x/${bidi}`).toString('latin1') }).end()
        return true
      }
    }),
    ends('TRANSPORT', 'HTML and escapes in the body of an error', async (stage) => {
      await stage.usual()
      stage.hostile = () => (_, response) =>
        void response.writeHead(403).end(`<script>alert(1)</script>${escapes}`) === undefined
    }),
    ends('REVOKED', 'escapes in the reason of a revocation', async (stage) => {
      const scene = await stage.usual()
      scene.log.add(entryBy('root', { ...revocation(scene.last.id), reason: `all is well${escapes}${bidi}` }))
    }),
    not('escapes and HTML in the notes of a release', async (stage) => {
      const scene = await stage.installed()
      scene.publish({ notes: `<img src=x onerror=alert(1)>${escapes}${bidi}` })
    }),
  ],
}

export const people: readonly Group[] = [shown]
