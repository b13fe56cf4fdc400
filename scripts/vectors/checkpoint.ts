import { alder, log01, log06, ORIGIN, stranger, TIME } from './cast.ts'
import {
  base64,
  broken,
  checkpointText,
  cosignature,
  ed25519,
  entries,
  keyId,
  line,
  message06,
  type NamedKey,
  plainLine,
  treeHash,
  uint64,
  vkey,
} from './tools.ts'

const root = treeHash(entries(7))
const root64 = base64(root)
const text = checkpointText(ORIGIN, 7, root)
const long = 'o'.repeat(255)

const bodies = [
  { desc: 'three lines', body: text, origin: ORIGIN, size: 7, root: root64, extensions: [] },
  {
    desc: 'two extension lines',
    body: checkpointText(ORIGIN, 7, root, 'one', ' two '),
    origin: ORIGIN,
    size: 7,
    root: root64,
    extensions: ['one', ' two '],
  },
  {
    desc: 'size 0',
    body: checkpointText(ORIGIN, 0, treeHash([])),
    origin: ORIGIN,
    size: 0,
    root: base64(treeHash([])),
    extensions: [],
  },
  {
    desc: 'size 0 with another root parses: it is evidence',
    body: checkpointText(ORIGIN, 0, root),
    origin: ORIGIN,
    size: 0,
    root: root64,
    extensions: [],
  },
  {
    desc: 'size 2^53-1',
    body: checkpointText(ORIGIN, '9007199254740991', root),
    origin: ORIGIN,
    size: 9007199254740991,
    root: root64,
    extensions: [],
  },
  {
    desc: 'an origin with spaces and a plus sign',
    body: checkpointText('go.sum database + tree', 7, root),
    origin: 'go.sum database + tree',
    size: 7,
    root: root64,
    extensions: [],
  },
  {
    desc: 'an origin of 255 bytes',
    body: checkpointText(long, 7, root),
    origin: long,
    size: 7,
    root: root64,
    extensions: [],
  },

  { desc: 'empty', body: '' },
  { desc: 'one empty line', body: '\n' },
  { desc: 'two lines', body: `${ORIGIN}\n7\n` },
  { desc: 'the last newline is missing', body: text.slice(0, -1) },
  { desc: 'an empty origin', body: checkpointText('', 7, root) },
  { desc: 'an origin of 256 bytes', body: checkpointText(`${long}o`, 7, root) },
  { desc: 'an origin of 128 two-byte characters', body: checkpointText('é'.repeat(128), 7, root) },
  { desc: 'an origin with a tab', body: checkpointText('a\tb', 7, root) },
  { desc: 'an origin with a lone surrogate', body: checkpointText('a\ud800b', 7, root) },
  { desc: 'origin and size swapped', body: `7\n${ORIGIN}\n${root64}\n` },
  { desc: 'size and root swapped', body: `${ORIGIN}\n${root64}\n7\n` },
  { desc: 'the origin twice', body: `${ORIGIN}\n${text}` },
  { desc: 'the size twice', body: `${ORIGIN}\n7\n7\n${root64}\n` },
  { desc: 'an empty size', body: checkpointText(ORIGIN, '', root) },
  { desc: 'size +7', body: checkpointText(ORIGIN, '+7', root) },
  { desc: 'size -7', body: checkpointText(ORIGIN, '-7', root) },
  { desc: 'size 07', body: checkpointText(ORIGIN, '07', root) },
  { desc: 'size 00', body: checkpointText(ORIGIN, '00', root) },
  { desc: 'size 0x7', body: checkpointText(ORIGIN, '0x7', root) },
  { desc: 'size 7.0', body: checkpointText(ORIGIN, '7.0', root) },
  { desc: 'size 7e0', body: checkpointText(ORIGIN, '7e0', root) },
  { desc: 'size with a space before', body: checkpointText(ORIGIN, ' 7', root) },
  { desc: 'size with a space after', body: checkpointText(ORIGIN, '7 ', root) },
  { desc: 'size in Arabic-Indic digits', body: checkpointText(ORIGIN, '٧', root) },
  { desc: 'size 2^53', body: checkpointText(ORIGIN, '9007199254740992', root) },
  { desc: 'size 2^53+1', body: checkpointText(ORIGIN, '9007199254740993', root) },
  { desc: 'size 2^64', body: checkpointText(ORIGIN, '18446744073709551616', root) },
  { desc: 'an empty root', body: `${ORIGIN}\n7\n\n` },
  { desc: 'a root of 31 bytes', body: checkpointText(ORIGIN, 7, root.subarray(1)) },
  { desc: 'a root of 33 bytes', body: checkpointText(ORIGIN, 7, Buffer.concat([root, Buffer.of(0)])) },
  { desc: 'a root without padding', body: text.replace('=\n', '\n') },
  { desc: 'a root with unused bits set', body: text.replace(/.=\n$/, '/=\n') },
  { desc: 'a root in the URL alphabet', body: `${ORIGIN}\n7\n${root64.replace('+', '-').replace('/', '_')}\n` },
  { desc: 'a root in hex', body: `${ORIGIN}\n7\n${root.toString('hex')}\n` },
  { desc: 'a space after the root', body: `${ORIGIN}\n7\n${root64} \n` },
  { desc: 'CRLF', body: text.replaceAll('\n', '\r\n') },
  { desc: 'an empty extension line at the end', body: `${text}\n` },
  { desc: 'the last newline of an extension line is missing', body: `${text}one` },
  { desc: 'an empty extension line between two', body: `${text}one\n\ntwo\n` },
  { desc: 'an extension line with a control character', body: `${text}one\u0007\n` },
].map((entry) => ('origin' in entry ? entry : { ...entry, error: 'FORMAT_INVALID' }))

const shorter: NamedKey = { name: 'log.example.com', type: 1, key: log01.key }
const rogue: NamedKey = { name: ORIGIN, type: 1, key: ed25519('rogue') }
const extended = checkpointText(ORIGIN, 7, root, 'extension')
const other = checkpointText('log.example.com', 7, root)
const both = `${text}\n${plainLine(log01, text)}${cosignature(log06, text, TIME)}`

const signed = [
  { desc: 'signed by both keys of the log', text: both, verified: [null, TIME] },
  { desc: 'signed by the Ed25519 key alone', text: `${text}\n${plainLine(log01, text)}`, verified: [null] },
  { desc: 'signed by the ML-DSA-44 key alone', text: `${text}\n${cosignature(log06, text, TIME)}`, verified: [TIME] },
  {
    desc: "the log's ML-DSA-44 signature may state no time",
    text: `${text}\n${cosignature(log06, text, 0)}`,
    verified: [0],
  },
  {
    desc: 'lines in another order',
    text: `${text}\n${cosignature(log06, text, TIME)}${plainLine(log01, text)}`,
    verified: [TIME, null],
  },
  {
    desc: 'an extension line under the Ed25519 key',
    text: `${extended}\n${plainLine(log01, extended)}`,
    verified: [null],
  },
  {
    desc: 'an extension line under both keys: the ML-DSA-44 line does not count',
    text: `${extended}\n${plainLine(log01, extended)}${cosignature(log06, extended, TIME)}`,
    verified: [null],
  },
  {
    desc: 'an ML-DSA-44 timestamp past 2^53-1 does not count and spoils nothing',
    text: `${text}\n${plainLine(log01, text)}${cosignature(log06, text, 2n ** 53n)}`,
    verified: [null],
  },
  {
    desc: 'witnesses and strangers beside the log',
    text: `${both}${cosignature(alder, text, TIME)}${cosignature(stranger, text, 1)}`,
    verified: [null, TIME],
  },

  { desc: 'unsigned', text: `${text}\n`, error: 'FORMAT_INVALID' },
  { desc: 'signed by an unlisted key', text: `${text}\n${plainLine(rogue, text)}`, error: 'UNSIGNED' },
  { desc: 'a witness alone', text: `${text}\n${cosignature(alder, text, TIME)}`, error: 'UNSIGNED' },
  {
    desc: "an unlisted key that claims the log's name and key ID",
    text: `${text}\n${line(ORIGIN, keyId(log01), rogue.key.sign(Buffer.from(text)))}`,
    error: 'BAD_SIGNATURE',
  },
  { desc: "the log's key under another name", text: `${text}\n${plainLine(shorter, text)}`, error: 'UNSIGNED' },
  {
    desc: "the log's key ID with another name",
    text: `${text}\n${line('log.example.com', keyId(log01), log01.key.sign(Buffer.from(text)))}`,
    error: 'UNSIGNED',
  },
  {
    desc: "another origin, the wanted one's beginning, signed by the log's keys",
    text: `${other}\n${plainLine(log01, other)}`,
    error: 'WRONG_ORIGIN',
  },
  {
    desc: 'the Ed25519 signature broken, the other good',
    text: both.replace(plainLine(log01, text), broken(plainLine(log01, text))),
    error: 'BAD_SIGNATURE',
  },
  {
    desc: 'the ML-DSA-44 signature broken, the other good',
    text: both.replace(cosignature(log06, text, TIME), broken(cosignature(log06, text, TIME))),
    error: 'BAD_SIGNATURE',
  },
  { desc: 'the log signs twice', text: `${text}\n${plainLine(log01, text).repeat(2)}`, error: 'DUPLICATE_SIGNATURE' },
  {
    desc: 'the log signs at two times',
    text: `${text}\n${cosignature(log06, text, TIME)}${cosignature(log06, text, TIME + 1)}`,
    error: 'DUPLICATE_SIGNATURE',
  },
  {
    desc: 'an extension line added to a checkpoint that only an ML-DSA-44 line signs',
    text: `${extended}\n${cosignature(log06, text, TIME)}`,
    error: 'UNSIGNED',
  },
  {
    desc: 'an extension line added under an Ed25519 signature',
    text: `${extended}\n${plainLine(log01, text)}`,
    error: 'BAD_SIGNATURE',
  },
  {
    desc: 'an ML-DSA-44 timestamp past 2^53-1 alone',
    text: `${text}\n${cosignature(log06, text, 2n ** 53n)}`,
    error: 'UNSIGNED',
  },
  {
    desc: 'an Ed25519 signature relabelled as ML-DSA-44',
    text: `${text}\n${line(ORIGIN, keyId(log06), Buffer.concat([uint64(TIME), log01.key.sign(Buffer.from(text))]))}`,
    error: 'BAD_SIGNATURE',
  },
  {
    desc: 'an ML-DSA-44 signature relabelled as Ed25519',
    text: `${text}\n${line(ORIGIN, keyId(log01), log06.key.sign(message06(ORIGIN, text, TIME)))}`,
    error: 'BAD_SIGNATURE',
  },
  { desc: 'one leaf more than was signed', text: both.replace('\n7\n', '\n8\n'), error: 'BAD_SIGNATURE' },
  {
    desc: 'another root than was signed',
    text: both.replace(root64, base64(treeHash(entries(8)))),
    error: 'BAD_SIGNATURE',
  },
  { desc: 'the root line twice', text: both.replace(`${root64}\n`, `${root64}\n${root64}\n`), error: 'BAD_SIGNATURE' },
  { desc: 'the root line missing', text: both.replace(`${root64}\n`, ''), error: 'FORMAT_INVALID' },
  { desc: 'an extra blank line', text: both.replace('\n\n', '\n\n\n'), error: 'FORMAT_INVALID' },
  { desc: 'trailing space', text: both.replace('\n7\n', '\n7 \n'), error: 'FORMAT_INVALID' },
  { desc: 'CRLF', text: both.replaceAll('\n', '\r\n'), error: 'FORMAT_INVALID' },
  { desc: '65 signature lines', text: `${both}${plainLine(stranger, text).repeat(63)}`, error: 'TOO_MANY_SIGNATURES' },
]

/** Checkpoints and who signed them (C2SP tlog-checkpoint, tlog-cosignature). */
export function checkpointVectors(): unknown {
  return {
    description:
      'C2SP tlog-checkpoint. bodies: note texts and what they say (root in base64), or error. signed: opened for the origin under keys; verified lists the timestamps (null for type 0x01) of the lines that count, in their order, or error the code.',
    origin: ORIGIN,
    keys: [vkey(log01), vkey(log06)],
    bodies,
    signed,
  }
}
