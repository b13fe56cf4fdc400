import { canonical, digestOf, edit, type Json, type JsonObject, PRODUCT } from './release-tools.ts'
import { base64 } from './tools.ts'
import { leaves, loggedEntry, signedTree } from './update-bundle.ts'

interface Case {
  readonly desc: string
  readonly file: string
  readonly heads?: readonly string[]
  readonly error?: 'malformed' | 'unsafe-name' | 'too-large' | 'proof'
}

const head = { sequence: 7, id: digestOf('release 7') }
const anchor: JsonObject = {
  product: PRODUCT,
  checkpoint: signedTree(leaves),
  heads: { stable: head },
  entries: [loggedEntry(5, leaves), loggedEntry(7, leaves)],
  feeds: ['https://updates.example.com/notes', 'http://[::1]:8080/'],
}

const good = (desc: string, value: Json): Case => {
  const { heads } = value as { heads: object }
  return { desc, file: canonical(value), heads: Object.keys(heads).sort() }
}
const raw = (desc: string, file: string): Case => ({ desc, file, error: 'malformed' })
const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))

const accepted: readonly Case[] = [
  good('a head, its entries and two feeds', anchor),
  good('no head yet', { ...anchor, heads: {}, entries: [] }),
  good('no feed', { ...anchor, feeds: [] }),
  good('heads of two channels, one with a name that objects have', {
    ...anchor,
    heads: { toString: head, stable: head },
  }),
]

const compact = canonical(anchor)
const texts: readonly Case[] = [
  raw('empty', ''),
  raw('not JSON', 'anchor'),
  raw('a list', '[]'),
  raw('indented', JSON.stringify(JSON.parse(compact), null, 2)),
  raw('members out of order', JSON.stringify(anchor)),
  raw('a member twice', compact.replace('"product"', '"product":0,"product"')),
  raw('a head twice', compact.replace('"stable":{', '"stable":{},"stable":{')),
]

const edits: readonly (readonly [path: string, to: Json | undefined, desc: string, error?: Case['error']])[] = [
  ...['product', 'checkpoint', 'heads', 'entries', 'feeds'].map((name) => [name, undefined, `no ${name}`] as const),
  ['mediaType', 'application/json', 'an unknown member'],
  ['product', '..', 'a product that climbs', 'unsafe-name'],
  ['product', 7, 'a product that is no text', 'unsafe-name'],
  ['checkpoint', { size: 11 }, 'a checkpoint that is an object'],
  ['checkpoint', `x\n${'\n— a b'.repeat(65)}\n`, '65 signature lines', 'too-large'],
  ['heads', [], 'heads in a list'],
  ['heads.stable', digestOf('release 7'), 'a head that is an id alone'],
  ['heads.stable.sequence', 0, 'a head of sequence 0'],
  ['heads.stable.sequence', '7', 'a sequence in a string'],
  ['heads.stable.id', digestOf('x').toUpperCase(), 'an id in upper case'],
  ['heads.stable.version', '1.2.0', 'an unknown member of a head'],
  ['heads', { 'a/b': head }, 'a head of a channel with a slash'],
  ['heads', { __proto__x: head }, 'a head of a channel that begins with an underscore'],
  ['heads', Object.fromEntries(times(65, (at) => [`c${at}`, head])), 'heads of 65 channels', 'too-large'],
  ['entries.0.index', -1, 'a negative index', 'proof'],
  ['entries.0.index', 7, 'an index twice'],
  ['entries.0.entry', undefined, 'an entry without its leaf'],
  ['entries.0.inclusion', undefined, 'an entry without its proof'],
  ['entries.0.inclusion.0', base64(Buffer.alloc(31)), 'a hash of 31 bytes', 'proof'],
  ['feeds', ['http://updates.example.com/'], 'a feed without TLS'],
  ['feeds', ['http://127.0.0.1.example.com/'], 'a feed whose host begins like this machine'],
  ['feeds', ['https://updates.example.com/?token=1'], 'a feed with a query'],
  ['feeds', ['https://a@updates.example.com/'], 'a feed with a user'],
  ['feeds', ['https://updates.example.com/ '], 'a feed before a space'],
  ['feeds', ['https:\\\\updates.example.com'], 'a feed with backslashes'],
  ['feeds', ['https:updates.example.com'], 'a feed without slashes'],
  ['feeds', ['HTTPS://updates.example.com/'], 'a feed with its scheme in upper case'],
  ['feeds', ['file:///srv/feed'], 'a feed on disk'],
  ['feeds', ['/feed'], 'a feed without a host'],
  ['feeds', ['https://a.example/', 'https://a.example/'], 'a feed twice'],
  ['feeds', times(17, (at) => `https://a${at}.example/`), '17 feeds', 'too-large'],
]

/** Anchors, as their exact text. */
export function anchorVectors(): unknown {
  return {
    description:
      'Anchors (docs/formats.md §2). file: the exact text. Accepted ones have the channels of their heads, sorted; refused ones error: malformed, unsafe-name, too-large or proof. Reading verifies nothing.',
    cases: [
      ...accepted,
      ...texts,
      ...edits.map(
        ([path, to, desc, error]): Case => ({
          desc,
          file: canonical(edit(anchor, path, to)),
          error: error ?? 'malformed',
        }),
      ),
    ],
  }
}
