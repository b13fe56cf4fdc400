/** C2SP tlog-tiles: paths, the tiles of a size, entry bundles. Written from the specification, without `core`. */
import { base64, sha256 } from './tools.ts'

const accepted = (path: string, level: number | 'entries', index: number, width: number) => ({
  ...{ desc: `level ${level}, index ${index}, width ${width}`, path, level, index, width },
})
const refused = (desc: string, path: string) => ({ desc, path, error: 'FORMAT_INVALID' })

const paths = [
  accepted('tile/0/000', 0, 0, 256),
  accepted('tile/0/000.p/1', 0, 0, 1),
  accepted('tile/0/000.p/255', 0, 0, 255),
  accepted('tile/1/999', 1, 999, 256),
  accepted('tile/1/x001/000', 1, 1000, 256),
  accepted('tile/2/x001/x234/067.p/8', 2, 1_234_067, 8),
  accepted('tile/63/000', 63, 0, 256),
  accepted('tile/0/x009/x007/x199/x254/x740/991', 0, Number.MAX_SAFE_INTEGER, 256),
  accepted('tile/entries/000.p/7', 'entries', 0, 7),
  accepted('tile/entries/x001/234', 'entries', 1234, 256),
  refused('level 64', 'tile/64/000'),
  refused('a level with a leading zero', 'tile/00/000'),
  refused('a negative level', 'tile/-1/000'),
  refused('no level', 'tile//000'),
  refused('an index of one digit', 'tile/0/1'),
  refused('an index of four digits', 'tile/0/1000'),
  refused('a leading group of zeros', 'tile/0/x000/001'),
  refused('an x on the last group', 'tile/0/x001'),
  refused('a group without its x', 'tile/0/001/000'),
  refused('an index past 2^53-1', 'tile/0/x009/x007/x199/x254/x740/992'),
  refused('width 0', 'tile/0/000.p/0'),
  refused('width 256 as a partial tile', 'tile/0/000.p/256'),
  refused('a width with a leading zero', 'tile/0/000.p/01'),
  refused('a width without its digits', 'tile/0/000.p/'),
  refused('a slash at the end', 'tile/0/000/'),
  refused('a slash at the beginning', '/tile/0/000'),
  refused('a way up', 'tile/0/../0/000'),
  refused('a newline at the end', 'tile/0/000\n'),
  refused('bundles of another level', 'tile/entries/0/000'),
  refused('other digits', 'tile/0/٠٠٠'),
  refused('the old name of bundles', 'tile/data/000'),
]

/** The widths of the rightmost tiles, floor(size / 256^level) mod 256, that are not 0 (C2SP tlog-tiles, "Partial Tiles"). */
const partial = (size: number) => {
  const tiles: { level: number; index: number; width: number }[] = []
  for (let level = 0; 256 ** level <= size; level++) {
    const count = Math.floor(size / 256 ** level)
    if (count % 256 !== 0) tiles.push({ level, index: Math.floor(count / 256), width: count % 256 })
  }
  return tiles
}
const sizes = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map(
  (size) => ({
    desc: `the partial tiles of ${size} leaves`,
    ...{ size, partial: partial(size) },
  }),
)

const u16 = (value: number) => Buffer.of(value >> 8, value & 255)
const framed = (...entries: readonly Buffer[]) => Buffer.concat(entries.flatMap((entry) => [u16(entry.length), entry]))
const [empty, one, long] = [Buffer.alloc(0), Buffer.from('entry'), Buffer.alloc(65_535, 7)]
const bundle = (desc: string, entries: readonly Buffer[]) => ({
  ...{ desc, width: entries.length, bytes: base64(framed(...entries)) },
  leafHashes: entries.map((entry) => sha256(Buffer.of(0), entry).toString('hex')),
})
const broken = (desc: string, width: number, bytes: Buffer) => ({
  desc,
  width,
  bytes: base64(bytes),
  error: 'FORMAT_INVALID',
})

const bundles = [
  bundle('one entry', [one]),
  bundle('an empty entry', [empty]),
  bundle('three entries', [one, empty, Buffer.from('more')]),
  bundle('the longest entry', [long]),
  bundle(
    '256 entries',
    Array.from({ length: 256 }, (_, at) => u16(at)),
  ),
  broken('nothing at all', 1, empty),
  broken('half a length', 1, Buffer.of(0)),
  broken('an entry cut short', 1, framed(one).subarray(0, -1)),
  broken('a byte too many', 1, Buffer.concat([framed(one), Buffer.of(0)])),
  broken('an entry too many', 1, framed(one, one)),
  broken('an entry too few', 2, framed(one)),
  broken('little-endian lengths', 1, Buffer.concat([Buffer.of(5, 0), one])),
]

export function tileVectors(): object {
  return {
    description:
      'C2SP tlog-tiles. paths: what a path names, level "entries" for an entry bundle, width 256 for a full one, or error. sizes: the partial tiles of a tree, level by level. bundles: bytes (base64) of an entry bundle of that width with the RFC 6962 leaf hashes (hex) of its entries, or error.',
    paths,
    sizes,
    bundles,
  }
}
