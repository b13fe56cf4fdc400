import { alder, birch, log01, ORIGIN, TIME } from './cast.ts'
import {
  base64,
  broken,
  checkpointText,
  cosignature,
  entries,
  inclusionPath,
  plainLine,
  sha256,
  treeHash,
  vkey,
} from './tools.ts'

const leaves = entries(7)
const body = checkpointText(ORIGIN, 7, treeHash(leaves))
const one = checkpointText(ORIGIN, 1, treeHash(leaves.slice(0, 1)))
const none = checkpointText(ORIGIN, 0, treeHash([]))
const sign = (text: string) =>
  `${text}\n${plainLine(log01, text)}${cosignature(alder, text, TIME)}${cosignature(birch, text, TIME - 7)}`
const checkpoint = sign(body)
const path = (index: number, of = leaves) => inclusionPath(index, of).map(base64)
const proof = (index: number | string, hashes: readonly string[], signed = checkpoint, extra?: string) =>
  `c2sp.org/tlog-proof@v1\n${extra === undefined ? '' : `extra ${extra}\n`}index ${index}\n${hashes.map((hash) => `${hash}\n`).join('')}\n${signed}`
const leaf = (index: number) => sha256(Buffer.of(0), `entry ${index}`).toString('hex')
const [h0 = '', h1 = '', h2 = ''] = path(3)
const good = proof(3, path(3))
const node = sha256(Buffer.of(1), Buffer.from(leaf(2), 'hex'), Buffer.from(leaf(3), 'hex')).toString('hex')

const policy = `log ${vkey(log01)}\nwitness a ${vkey(alder)}\nwitness b ${vkey(birch)}\ngroup q all a b\nquorum q\n`

const cases = [
  ...leaves.map((_, index) => ({
    desc: `leaf ${index} of 7`,
    proof: proof(index, path(index)),
    leafHash: leaf(index),
    index,
    hashes: path(index).length,
    q: TIME - 7,
  })),
  {
    desc: 'extra data',
    proof: proof(3, path(3), checkpoint, 'aGk='),
    leafHash: leaf(3),
    index: 3,
    hashes: 3,
    extra: 'aGk=',
    q: TIME - 7,
  },
  { desc: 'a tree of one leaf', proof: proof(0, [], sign(one)), leafHash: leaf(0), index: 0, hashes: 0, q: TIME - 7 },

  { desc: "another leaf's hash", proof: good, leafHash: leaf(2), error: 'PROOF_INVALID' },
  { desc: 'wrong index', proof: proof(2, path(3)), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'index at the size', proof: proof(7, path(3)), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'index past the size', proof: proof(1000, path(3)), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'index 2^53-1', proof: proof('9007199254740991', path(3)), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'one hash too few', proof: proof(3, [h0, h1]), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'one hash too many', proof: proof(3, [h0, h1, h2, h0]), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'two hashes swapped', proof: proof(3, [h1, h0, h2]), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'no hashes', proof: proof(3, []), leafHash: leaf(3), error: 'PROOF_INVALID' },
  { desc: 'size 0', proof: proof(0, [], sign(none)), leafHash: leaf(0), error: 'PROOF_INVALID' },
  { desc: 'size 1 with a path', proof: proof(0, [h0], sign(one)), leafHash: leaf(0), error: 'PROOF_INVALID' },
  { desc: 'a node presented as a leaf', proof: proof(1, [h1, h2]), leafHash: node, error: 'PROOF_INVALID' },
  { desc: 'a leaf hash of 31 bytes', proof: good, leafHash: leaf(3).slice(2), error: 'PROOF_INVALID' },
  {
    desc: 'the checkpoint is not signed by the log',
    proof: proof(3, path(3), `${body}\n${cosignature(alder, body, TIME)}${cosignature(birch, body, TIME)}`),
    leafHash: leaf(3),
    error: 'UNSIGNED',
  },
  {
    desc: 'the checkpoint is of another log',
    proof: proof(3, path(3), sign(body.replace(ORIGIN, 'other.example'))),
    leafHash: leaf(3),
    error: 'WRONG_ORIGIN',
  },
  {
    desc: 'a witness is missing',
    proof: proof(3, path(3), `${body}\n${plainLine(log01, body)}${cosignature(alder, body, TIME)}`),
    leafHash: leaf(3),
    error: 'NO_QUORUM',
  },
  {
    desc: 'a witness fails',
    proof: proof(
      3,
      path(3),
      `${body}\n${plainLine(log01, body)}${cosignature(alder, body, TIME)}${broken(cosignature(birch, body, TIME))}`,
    ),
    leafHash: leaf(3),
    error: 'BAD_SIGNATURE',
  },
  ...[
    { desc: 'empty', proof: '' },
    { desc: 'another version', proof: good.replace('@v1', '@v2') },
    { desc: 'the header alone', proof: `c2sp.org/tlog-proof@v1\n\n${checkpoint}` },
    { desc: 'header and extra alone', proof: `c2sp.org/tlog-proof@v1\nextra aGk=\n\n${checkpoint}` },
    { desc: 'no header', proof: good.slice(good.indexOf('\n') + 1) },
    { desc: 'a space after the header', proof: good.replace('@v1\n', '@v1 \n') },
    {
      desc: 'the header after the index',
      proof: good.replace('c2sp.org/tlog-proof@v1\nindex 3\n', 'index 3\nc2sp.org/tlog-proof@v1\n'),
    },
    { desc: 'no index', proof: good.replace('index 3\n', '') },
    { desc: 'two indices', proof: good.replace('index 3\n', 'index 3\nindex 3\n') },
    { desc: 'an empty index', proof: proof('', path(3)) },
    { desc: 'index 03', proof: proof('03', path(3)) },
    { desc: 'index +3', proof: proof('+3', path(3)) },
    { desc: 'index -3', proof: proof('-3', path(3)) },
    { desc: 'index 0x3', proof: proof('0x3', path(3)) },
    { desc: 'index 2^53', proof: proof('9007199254740992', path(3)) },
    { desc: 'two spaces before the index', proof: proof(' 3', path(3)) },
    { desc: 'an index in capitals', proof: good.replace('index 3', 'Index 3') },
    { desc: 'empty extra data', proof: proof(3, path(3), checkpoint, '') },
    { desc: 'extra without a space', proof: good.replace('index 3\n', 'extra\nindex 3\n') },
    { desc: 'extra data that is not base64', proof: proof(3, path(3), checkpoint, 'hi!') },
    { desc: 'extra data with unused bits set', proof: proof(3, path(3), checkpoint, 'aGl=') },
    { desc: 'extra twice', proof: good.replace('index 3\n', 'extra aGk=\nextra aGk=\nindex 3\n') },
    { desc: 'extra after the index', proof: good.replace('index 3\n', 'index 3\nextra aGk=\n') },
    { desc: 'a hash of 31 bytes', proof: proof(3, [base64(Buffer.alloc(31)), h1, h2]) },
    { desc: 'a hash of 33 bytes', proof: proof(3, [base64(Buffer.alloc(33)), h1, h2]) },
    { desc: 'a hash in hex', proof: proof(3, [Buffer.from(h0, 'base64').toString('hex'), h1, h2]) },
    { desc: 'a hash with a space after it', proof: proof(3, [`${h0} `, h1, h2]) },
    {
      desc: '65 hashes',
      proof: proof(
        3,
        Array.from({ length: 65 }, () => h0),
      ),
    },
    {
      desc: '100 hashes',
      proof: proof(
        3,
        Array.from({ length: 100 }, () => h0),
      ),
    },
    { desc: 'no blank line', proof: good.replace('\n\n', '\n') },
    { desc: 'two blank lines', proof: good.replace('\n\n', '\n\n\n') },
    { desc: 'CRLF', proof: good.replaceAll('\n', '\r\n') },
    { desc: 'no checkpoint', proof: good.slice(0, good.indexOf('\n\n') + 2) },
    { desc: 'a checkpoint without signatures', proof: proof(3, path(3), `${body}\n`) },
    { desc: 'a checkpoint of a size with a leading zero', proof: good.replace('\n7\n', '\n07\n') },
    { desc: 'a byte order mark', proof: `\ufeff${good}` },
  ].map((entry) => ({ ...entry, leafHash: leaf(3), error: 'FORMAT_INVALID' })),
]

/** Proofs in one file (C2SP tlog-proof). */
export function tlogProofVectors(): unknown {
  return {
    description:
      'C2SP tlog-proof. Each proof is checked for leafHash (hex) under policy: index, number of hashes, extra (base64) and quorum time q, or error. Leaf n is SHA-256(0x00 || "entry n").',
    policy,
    cases,
  }
}
