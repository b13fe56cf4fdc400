/** `samebits inspect FILE`: what a file claims. */
import {
  type Anchor,
  bundleCaps,
  type Evidence,
  fromUtf8,
  type LoggedEntry,
  parseAnchor,
  parseEntry,
  parseEvidence,
  parseSignedCheckpoint,
  parseStateFile,
  parseTlogProof,
  parseTrust,
  parseUpdateBundle,
  type Statement,
  StatementError,
  toBase64,
  toHex,
  type UpdateBundle,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { Run } from '../command.ts'
import { readInput } from '../input-file.ts'
import { type FileKind, recognise } from '../recognise.ts'
import { report, type Section, writeJson } from '../report.ts'
import { count } from '../screen.ts'
import { stateSections } from '../state-report.ts'
import { statementRows } from '../statement-report.ts'
import { trustSections } from '../trust-report.ts'

/** The largest file here: evidence, docs/formats.md §5. */
const maxBytes = 3 * bundleCaps.bytes

export const run: Run = async (given, world) => {
  const bytes = readInput('file', given.positionals[0] ?? '', maxBytes)
  const kind = recognise(bytes)
  const sections = inspectors[kind](bytes)
  if (world.json) {
    const tell = sections.map(({ title, rows }) => ({ title, rows: rows.map(([label, text]) => ({ label, text })) }))
    writeJson(world, { kind, verified: false, sections: tell })
    return 0
  }
  world.stdout.write(`${kind}, ${bytes.length} bytes. Nothing of this is verified.\n`)
  report(world, sections)
  return 0
}

const inspectors: Readonly<Record<FileKind, (bytes: Uint8Array) => Section[]>> = {
  'update bundle': (bytes) => bundleSections(parseUpdateBundle(bytes)),
  'log entry': (bytes) => [entrySection('entry', bytes)],
  'trust file': (bytes) => trustSections(parseTrust(nodeCrypto, bytes)),
  anchor: (bytes) => anchorSections(parseAnchor(bytes)),
  evidence: (bytes) => evidenceSections(parseEvidence(bytes)),
  state: (bytes) => stateSections(parseStateFile(nodeCrypto, bytes)),
  'tlog-proof': (bytes) => proofSections(fromUtf8(bytes)),
  checkpoint: (bytes) => [checkpointSection('checkpoint', fromUtf8(bytes))],
}

function bundleSections({ views, trust }: UpdateBundle): Section[] {
  const bodies = trust.map((body): Section => {
    const { version, sha256 } = parseTrust(nodeCrypto, body)
    return { title: `trust version ${version}`, rows: [['SHA-256', sha256]] }
  })
  const shown = views.flatMap(({ checkpoint, consistency, entries }, at) => {
    const head = checkpointSection(`view ${at + 1} of ${views.length}`, checkpoint)
    const sizes = consistency.map(({ from }) => from).join(', ')
    return [
      { ...head, rows: [...head.rows, ['consistent from', sizes || 'the empty tree only'] as const] },
      ...entries.map(loggedSection),
    ]
  })
  return [...shown, ...bodies]
}

function loggedSection({ index, leaf }: LoggedEntry): Section {
  return entrySection(`entry ${index}`, leaf)
}

/** An entry that this version cannot read is shown as such: a bundle may carry newer ones. */
function entrySection(title: string, leaf: Uint8Array): Section {
  try {
    const { id, signer, statement } = parseEntry(nodeCrypto, leaf)
    const by = signer.kind === 'key' ? `key ${signer.hint}` : 'a certificate'
    return {
      title: `${title}: ${statement.kind}`,
      rows: [['id', id], ['signed by', by], ...statementRows(statement satisfies Statement)],
    }
  } catch (error) {
    if (error instanceof StatementError) return { title, rows: [['unreadable', error.message]] }
    throw error
  }
}

function checkpointSection(title: string, text: string): Section {
  const { checkpoint, note } = parseSignedCheckpoint(text)
  const { origin, size, root, extensions } = checkpoint
  const lines = note.signatures.map(({ name, keyId, signature }) => [
    'signature',
    `${name} (key ${keyId.toString(16).padStart(8, '0')}, ${signature.length} bytes)`,
  ])
  const rows: [string, string][] = [
    ['origin', origin],
    ['size', count(size, 'entry', 'entries')],
    ['root', toBase64(root)],
  ]
  return {
    title,
    rows: [
      ...rows,
      ...extensions.map((line): [string, string] => ['extension', line]),
      ...(lines as [string, string][]),
    ],
  }
}

function anchorSections({ product, checkpoint, heads, entries, feeds }: Anchor): Section[] {
  const floors = [...heads].map(([channel, { sequence, id }]): [string, string] => [
    `head of ${channel}`,
    `sequence ${sequence}, ${id}`,
  ])
  return [
    { title: `anchor of ${product}`, rows: [...floors, ...feeds.map((feed): [string, string] => ['feed', feed])] },
    checkpointSection('checkpoint', checkpoint),
    ...entries.map(loggedSection),
  ]
}

function evidenceSections(evidence: Evidence): Section[] {
  const { kind, origin } = evidence
  const sections: Section[] = [{ title: `evidence: ${kind}`, rows: [['log', origin]] }]
  for (const side of ['a', 'b'] as const) {
    const text = side in evidence ? Reflect.get(evidence, side) : undefined
    for (const part of typeof text === 'string' ? [text] : Array.isArray(text) ? text : [])
      sections.push(
        ...(String(part).startsWith('c2sp.org/tlog-proof@')
          ? proofSections(String(part))
          : [checkpointSection(side, String(part))]),
      )
  }
  if ('leaves' in evidence) for (const leaf of evidence.leaves) sections.push(entrySection('leaf', leaf))
  if (evidence.kind === 'fork')
    sections.push({
      title: 'proof',
      rows: [
        ['old root', toBase64(evidence.oldRoot)],
        ['hashes', String(evidence.proof.length)],
      ],
    })
  return sections
}

function proofSections(text: string): Section[] {
  const { index, hashes, extra, checkpoint } = parseTlogProof(text)
  const rows: [string, string][] = [
    ['index', String(index)],
    ['hashes', String(hashes.length)],
  ]
  if (extra !== undefined) rows.push(['extra', toHex(extra)])
  return [{ title: 'tlog-proof', rows }, checkpointSection('checkpoint', checkpoint.text)]
}
