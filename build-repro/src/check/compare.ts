/** Two versions of one artifact, compared inwards: through archives to the members, fields and bytes that differ. */
import { createHash } from 'node:crypto'
import { classifyText } from './classify.ts'
import { compareBytes, type Hunk } from './compare-bytes.ts'
import type { Container, Member } from './containers/container.ts'
import { openContainer } from './containers/open.ts'
import type { Difference, Kind } from './difference.ts'
import type { Side } from './side.ts'

/** How deep archives are opened in one another. */
const deepest = 12

interface Place {
  readonly where: readonly string[]
  /** Where the part begins in the artifact; null inside what is compressed. */
  readonly base: number | null
}

interface Sides {
  readonly a: Side
  readonly b: Side
}

/** Every difference between the two, those of one kind in one part taken together; none: they are equal. */
export function compareArtifacts(
  name: string,
  a: Uint8Array,
  b: Uint8Array,
  sideA: Side,
  sideB: Side,
): readonly Difference[] {
  const differences: Difference[] = []
  compareParts(a, b, { where: [name], base: 0 }, { a: sideA, b: sideB }, differences)
  return nameChecksums(differences, a, b)
}

function compareParts(a: Uint8Array, b: Uint8Array, place: Place, sides: Sides, out: Difference[]): void {
  if (Buffer.compare(a, b) === 0) return
  const before = out.length
  const [inA, inB] = place.where.length > deepest ? [null, null] : [openContainer(a), openContainer(b)]
  if (inA === null || inB === null || inA.format !== inB.format) leaf(a, b, place, sides, out)
  else compareContainers(inA, inB, place, sides, out)
  if (out.length === before) out.push(difference(place, 'encoding', 'encoding', firstDifference(a, b), a, b))
}

function compareContainers(a: Container, b: Container, place: Place, sides: Sides, out: Difference[]): void {
  const before = out.length
  fields(a.fields, b.fields, place, sides, out)
  const [membersA, membersB] = [byName(a.members), byName(b.members)]
  const inside = (name: string): Place => ({ where: [...place.where, name], base: null })
  for (const [name, memberB] of membersB)
    if (!membersA.has(name))
      out.push({ ...missing(inside(name), 'only in the second'), b: `${memberB.bytes.length} bytes` })
  for (const [name, memberA] of membersA) {
    const memberB = membersB.get(name)
    if (memberB === undefined) {
      out.push({ ...missing(inside(name), 'only in the first'), a: `${memberA.bytes.length} bytes` })
      continue
    }
    fields(memberA.fields, memberB.fields, inside(name), sides, out)
    const base = place.base === null || memberA.offset === null ? null : place.base + memberA.offset
    // What stands in a compressed stream has no name of its own.
    const where = isStream(a.format) ? place.where : [...place.where, name]
    compareParts(memberA.bytes, memberB.bytes, { where, base }, sides, out)
  }
  compareOrder(a, b, place, out)
  if (a.format === 'elf') dropConsequences(place, before, out)
}

/** Where a section differs, so do offsets and sizes in the tables: only the sections are told. */
function dropConsequences({ where }: Place, from: number, out: Difference[]): void {
  const isTable = (each: Difference) =>
    each.where.length === where.length + 1 && ['ELF header', 'section headers'].includes(each.where.at(-1) ?? '')
  const added = out.splice(from)
  const sections = added.filter((each) => !isTable(each))
  out.push(...(sections.length > 0 ? sections : added))
}

/** Compressed, and nothing else. */
function isStream(format: string): boolean {
  return ['gzip', 'zstd', 'xz', 'bzip2'].includes(format)
}

function compareOrder(a: Container, b: Container, place: Place, out: Difference[]): void {
  const common = (from: Container, other: Container) => {
    const names = new Set(other.members.map(({ name }) => name))
    return from.members.map(({ name }) => name).filter((name) => names.has(name))
  }
  const [inA, inB] = [common(a, b), common(b, a)]
  const at = inA.findIndex((name, index) => name !== inB[index])
  if (at === -1) return
  const excerpt = (names: readonly string[]) => names.slice(at, at + 4).join(', ')
  out.push({ ...blank(place, 'order', 'order'), a: excerpt(inA), b: excerpt(inB) })
}

const fieldKinds: Readonly<Record<string, Kind>> = { mtime: 'timestamp', mode: 'mode', owner: 'user', name: 'path' }

function fields(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
  place: Place,
  { a: sideA, b: sideB }: Sides,
  out: Difference[],
): void {
  for (const [name, inA] of Object.entries(a)) {
    const inB = b[name] ?? ''
    if (inA !== inB) {
      const kind = fieldKinds[name] ?? classifyText(inA, inB, sideA, sideB)
      out.push({ ...blank(place, name, kind), a: inA, b: inB })
    }
  }
}

/** Sections whose bytes a linker computes from everything else in the file. */
const buildIdSections = new Set(['section .note.gnu.build-id', 'section .note.go.buildid', 'section .go.buildid'])
const checksumSections = new Set(['section .gnu_debuglink'])

function leaf(a: Uint8Array, b: Uint8Array, place: Place, { a: sideA, b: sideB }: Sides, out: Difference[]): void {
  const name = place.where.at(-1) ?? ''
  const fixed = buildIdSections.has(name) ? 'build-id' : checksumSections.has(name) ? 'checksum' : null
  const byKind = new Map<Kind, { first: Hunk; count: number }>()
  for (const hunk of compareBytes(a, b, sideA, sideB)) {
    const kind = fixed ?? hunk.kind
    const known = byKind.get(kind)
    if (known === undefined) byKind.set(kind, { first: hunk, count: 1 })
    else known.count++
  }
  for (const [kind, { first, count }] of byKind) {
    const { offset, a: inA, b: inB } = first
    const artifactOffset = place.base === null ? null : place.base + offset
    out.push({ ...blank(place, 'bytes', kind), offset, artifactOffset, count, a: inA, b: inB })
  }
}

/**
 * What holds the digest of another differing part is only its consequence: `md5sums` in a Debian package, checksums in a manifest.
 */
function nameChecksums(differences: readonly Difference[], a: Uint8Array, b: Uint8Array): readonly Difference[] {
  const digests = { a: new Set<string>(), b: new Set<string>() }
  collectDigests(a, b, digests, 0)
  const word = /(?<![A-Za-z0-9])[0-9a-f]{32,128}(?![A-Za-z0-9])/g
  return differences.map((each) => {
    const [inA, inB] = [each.a.match(word), each.b.match(word)]
    const known =
      inA?.some((digest) => digests.a.has(digest)) === true && inB?.some((digest) => digests.b.has(digest)) === true
    return known ? { ...each, kind: 'checksum' as const } : each
  })
}

function collectDigests(a: Uint8Array, b: Uint8Array, into: { a: Set<string>; b: Set<string> }, depth: number): void {
  if (depth > deepest || Buffer.compare(a, b) === 0) return
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
    into.a.add(createHash(algorithm).update(a).digest('hex'))
    into.b.add(createHash(algorithm).update(b).digest('hex'))
  }
  const [inA, inB] = [openContainer(a), openContainer(b)]
  if (inA === null || inB === null || inA.format === 'elf') return
  const others = byName(inB.members)
  for (const { name, bytes } of inA.members) {
    const other = others.get(name)
    if (other !== undefined) collectDigests(bytes, other.bytes, into, depth + 1)
  }
}

function byName(members: readonly Member[]): ReadonlyMap<string, Member> {
  return new Map(members.map((member) => [member.name, member]))
}

function blank({ where }: Place, aspect: string, kind: Kind): Difference {
  return { where, aspect, kind, offset: null, artifactOffset: null, count: 1, a: '', b: '' }
}

function missing(place: Place, words: string): Difference {
  return {
    ...blank(place, 'present', 'missing'),
    a: words === 'only in the first' ? '' : 'absent',
    b: words === 'only in the first' ? 'absent' : '',
  }
}

function difference(
  place: Place,
  aspect: string,
  kind: Kind,
  offset: number,
  a: Uint8Array,
  b: Uint8Array,
): Difference {
  const artifactOffset = place.base === null ? null : place.base + offset
  return { ...blank(place, aspect, kind), offset, artifactOffset, a: hex(a, offset), b: hex(b, offset) }
}

function hex(bytes: Uint8Array, offset: number): string {
  return Buffer.from(bytes.subarray(offset, offset + 16)).toString('hex')
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at++) if (a[at] !== b[at]) return at
  return shorter
}
