import { alder, birch, cedar, log01, log06, ORIGIN, stranger, TIME } from './cast.ts'
import {
  base64,
  broken,
  checkpointText,
  consistencyPath,
  cosignature,
  entries,
  plainLine,
  treeHash,
  vkey,
} from './tools.ts'

const leaves = entries(11)
const at = (size: number) => treeHash(leaves.slice(0, size))
const body = (size: number, root = at(size)) => checkpointText(ORIGIN, size, root)
const signed = (size: number, root = at(size)) => `${body(size, root)}\n${plainLine(log01, body(size, root))}`
const proof = (from: number, to: number) => consistencyPath(from, leaves.slice(0, to)).map(base64)
const request = (old: number | string, hashes: readonly string[], checkpoint: string) =>
  `old ${old}\n${hashes.map((hash) => `${hash}\n`).join('')}\n${checkpoint}`
/** What a witness with alder's and cedar's keys answers and keeps. */
const cosigned = (size: number, time: number) =>
  `${cosignature(alder, body(size), time)}${cosignature(cedar, body(size), time)}`
const kept = (size: number, time = TIME) => ({
  size,
  root: base64(at(size)),
  timestamp: time,
  checkpoint: `${signed(size)}${cosigned(size, time)}`,
})
const fork = treeHash(entries(20).slice(9))
const forked = (size: number) => signed(size, fork)
const now = TIME + 600
const extension = checkpointText(ORIGIN, 7, at(7), 'extension')
const accept = (size: number, time = now) => ({ status: 200, body: cosigned(size, time), after: kept(size, time) })
const conflict = (size: number) => ({ status: 409, body: `${size}\n` })

const decisions = [
  { desc: 'first checkpoint', before: null, request: request(0, [], signed(7)), ...accept(7) },
  { desc: 'first checkpoint, empty', before: null, request: request(0, [], signed(0)), ...accept(0) },
  { desc: 'from the empty tree', before: kept(0), request: request(0, [], signed(7)), ...accept(7) },
  { desc: 'the empty tree again', before: kept(0), request: request(0, [], signed(0)), ...accept(0) },
  { desc: 'the tree grows', before: kept(4), request: request(4, proof(4, 7), signed(7)), ...accept(7) },
  {
    desc: 'the tree grows from no power of two',
    before: kept(7),
    request: request(7, proof(7, 11), signed(11)),
    ...accept(11),
  },
  { desc: 'the same tree again', before: kept(7), request: request(7, [], signed(7)), ...accept(7) },
  {
    desc: 'the clock went back: the timestamp does not',
    before: kept(7, now + 50),
    request: request(7, [], signed(7)),
    ...accept(7, now + 50),
  },
  {
    desc: 'lines of unknown keys are ignored and not kept',
    before: null,
    request: request(0, [], `${signed(7)}${cosignature(stranger, body(7), 1)}`),
    ...accept(7),
  },
  {
    desc: "the log's line twice is kept once",
    before: null,
    request: request(0, [], `${signed(7)}${plainLine(log01, body(7))}`),
    ...accept(7),
  },
  {
    desc: "the witness's own line comes back: a log's line it is not",
    before: kept(7),
    request: request(7, [], `${signed(7)}${cosignature(alder, body(7), TIME)}`),
    ...accept(7),
  },
  {
    desc: 'extension lines: only the key that covers them signs',
    before: null,
    request: request(0, [], `${extension}\n${plainLine(log01, extension)}`),
    status: 200,
    body: cosignature(alder, extension, now),
    after: {
      size: 7,
      root: base64(at(7)),
      timestamp: now,
      checkpoint: `${extension}\n${plainLine(log01, extension)}${cosignature(alder, extension, now)}`,
    },
  },
  {
    desc: 'extension lines: no key covers them',
    before: null,
    witness: 'cedar',
    request: request(0, [], `${extension}\n${plainLine(log01, extension)}`),
    status: 422,
  },

  { desc: 'unknown origin', before: null, logKeys: null, request: request(0, [], signed(7)), status: 404 },
  {
    desc: 'unknown origin comes before a bad signature',
    before: null,
    logKeys: null,
    request: request(9, [], `${body(7)}\n${broken(plainLine(log01, body(7)))}`),
    status: 404,
  },
  { desc: 'no key is trusted', before: null, logKeys: [], request: request(0, [], signed(7)), status: 403 },
  {
    desc: 'signed by a stranger',
    before: null,
    request: request(0, [], `${body(7)}\n${plainLine(stranger, body(7))}`),
    status: 403,
  },
  {
    desc: 'signed by a witness',
    before: null,
    request: request(0, [], `${body(7)}\n${cosignature(birch, body(7), TIME)}`),
    status: 403,
  },
  {
    desc: 'the signature fails',
    before: null,
    request: request(0, [], `${body(7)}\n${broken(plainLine(log01, body(7)))}`),
    status: 403,
  },
  {
    desc: 'one signature of two fails',
    before: null,
    logKeys: [vkey(log01), vkey(log06)],
    request: request(0, [], `${signed(7)}${broken(cosignature(log06, body(7), TIME))}`),
    status: 403,
  },
  {
    desc: 'a bad signature comes before an old size above the size',
    before: null,
    request: request(9, [], `${body(7)}\n${broken(plainLine(log01, body(7)))}`),
    status: 403,
  },
  { desc: 'an old size above the size', before: null, request: request(8, [], signed(7)), status: 400 },
  {
    desc: 'an old size above the size comes before a conflict',
    before: kept(4),
    request: request(8, [], signed(7)),
    status: 400,
  },
  {
    desc: 'an old size where there is no record',
    before: null,
    request: request(4, proof(4, 7), signed(7)),
    ...conflict(0),
  },
  {
    desc: 'an old size below the record',
    before: kept(7),
    request: request(4, proof(4, 11), signed(11)),
    ...conflict(7),
  },
  {
    desc: 'an old size above the record',
    before: kept(4),
    request: request(7, proof(7, 11), signed(11)),
    ...conflict(4),
  },
  { desc: 'old size 0 to learn the size', before: kept(7), request: request(0, [], signed(11)), ...conflict(7) },
  { desc: 'a smaller tree', before: kept(7), request: request(4, [], signed(4)), ...conflict(7) },
  {
    desc: 'a conflict comes before a bad proof',
    before: kept(7),
    request: request(0, proof(4, 7), signed(11)),
    ...conflict(7),
  },
  {
    desc: 'a conflict with another root at the recorded size convicts',
    before: kept(7),
    request: request(0, [], forked(7)),
    ...conflict(7),
    suspicion: 'split',
    submitted: forked(7),
  },
  {
    desc: 'an empty tree with another root, never seen',
    before: null,
    request: request(0, [], signed(0, at(1))),
    status: 422,
    suspicion: 'empty-root',
    submitted: signed(0, at(1)),
  },
  {
    desc: 'an empty tree with another root behind a conflict',
    before: kept(7),
    request: request(0, [], signed(0, at(1))),
    ...conflict(7),
    suspicion: 'empty-root',
    submitted: signed(0, at(1)),
  },
  {
    desc: 'an empty tree with another root after the empty tree',
    before: kept(0),
    request: request(0, [], signed(0, at(1))),
    status: 422,
    suspicion: 'empty-root',
    submitted: signed(0, at(1)),
  },
  { desc: 'a proof from size 0', before: null, request: request(0, proof(4, 7), signed(7)), status: 422 },
  {
    desc: 'a proof between equal sizes',
    before: kept(7),
    request: request(7, proof(4, 7), signed(7)),
    status: 422,
    suspicion: 'unproven',
    submitted: signed(7),
  },
  {
    desc: 'one size, two roots',
    before: kept(7),
    request: request(7, [], forked(7)),
    status: 422,
    suspicion: 'split',
    submitted: forked(7),
  },
  {
    desc: 'no proof',
    before: kept(4),
    request: request(4, [], signed(7)),
    status: 422,
    suspicion: 'unproven',
    submitted: signed(7),
  },
  {
    desc: 'a proof one hash short',
    before: kept(7),
    request: request(7, proof(7, 11).slice(1), signed(11)),
    status: 422,
    suspicion: 'unproven',
    submitted: signed(11),
  },
  {
    desc: 'a proof one hash long',
    before: kept(7),
    request: request(7, [...proof(7, 11), base64(fork)], signed(11)),
    status: 422,
    suspicion: 'unproven',
    submitted: signed(11),
  },
  {
    desc: 'a proof for another old size',
    before: kept(7),
    request: request(7, proof(6, 11), signed(11)),
    status: 422,
    suspicion: 'unproven',
    submitted: signed(11),
  },
  {
    desc: 'a fork with the honest proof',
    before: kept(7),
    request: request(7, proof(7, 11), forked(11)),
    status: 422,
    suspicion: 'unproven',
    submitted: forked(11),
  },
].map(({ logKeys = [vkey(log01)], witness = 'both', ...entry }) => ({ ...entry, logKeys, witness }))

const good = request(4, proof(4, 7), signed(7))
const refused = [
  { desc: 'empty', request: '' },
  { desc: 'a checkpoint alone', request: signed(7) },
  { desc: 'no old size', request: good.slice(good.indexOf('\n') + 1) },
  { desc: 'an empty old size', request: request('', proof(4, 7), signed(7)) },
  { desc: 'old 04', request: request('04', proof(4, 7), signed(7)) },
  { desc: 'old +4', request: request('+4', proof(4, 7), signed(7)) },
  { desc: 'old -4', request: request('-4', proof(4, 7), signed(7)) },
  { desc: 'old 4 with a space after it', request: request('4 ', proof(4, 7), signed(7)) },
  { desc: 'old with two spaces', request: request(' 4', proof(4, 7), signed(7)) },
  { desc: 'old 2^53', request: request('9007199254740992', [], signed(7)) },
  { desc: 'old in capitals', request: good.replace('old', 'Old') },
  { desc: 'old twice', request: `old 4\n${good}` },
  {
    desc: '64 hashes',
    request: request(
      4,
      Array.from({ length: 64 }, () => base64(fork)),
      signed(7),
    ),
  },
  { desc: 'a hash of 31 bytes', request: request(4, [base64(Buffer.alloc(31))], signed(7)) },
  { desc: 'a hash in hex', request: request(4, [fork.toString('hex')], signed(7)) },
  { desc: 'no blank line', request: good.replace('\n\n', '\n') },
  { desc: 'two blank lines', request: good.replace('\n\n', '\n\n\n') },
  { desc: 'CRLF', request: good.replaceAll('\n', '\r\n') },
  { desc: 'no checkpoint', request: good.slice(0, good.indexOf('\n\n') + 2) },
  { desc: 'an unsigned checkpoint', request: request(0, [], `${body(7)}\n`) },
  { desc: 'a size with a leading zero', request: request(0, [], signed(7).replace('\n7\n', '\n07\n')) },
  { desc: 'an origin of 256 bytes', request: request(0, [], signed(7).replace(ORIGIN, 'o'.repeat(256))) },
  { desc: '65 signature lines', request: request(0, [], `${body(7)}\n${plainLine(log01, body(7)).repeat(65)}`) },
  { desc: 'text after the checkpoint', request: `${good}more\n` },
  { desc: 'the last newline is missing', request: good.slice(0, -1) },
]

const sizes = [
  { desc: 'zero', body: '0\n', size: 0 },
  { desc: 'a size', body: '20852163\n', size: 20852163 },
  { desc: 'empty', body: '' },
  { desc: 'a newline', body: '\n' },
  { desc: 'no newline', body: '7' },
  { desc: 'no newline, two digits', body: '77' },
  { desc: 'two newlines', body: '7\n\n' },
  { desc: 'CRLF', body: '7\r\n' },
  { desc: 'a leading zero', body: '07\n' },
  { desc: 'negative', body: '-7\n' },
  { desc: '2^53', body: '9007199254740992\n' },
  { desc: 'HTML', body: '<html>7</html>\n' },
].map((entry) => ('size' in entry ? entry : { ...entry, error: 'FORMAT_INVALID' }))

/** The witness protocol (C2SP tlog-witness). */
export function witnessVectors(): unknown {
  return {
    description:
      'C2SP tlog-witness. decisions: what a witness with the keys of alder (0x04) and cedar (0x06) (witness "cedar": that one alone) answers at time now, given the trusted log keys (null: unknown origin) and its record before (null: never cosigned): status, body of 200 and 409, the record after, and what it suspects with the checkpoint as it is kept. refused: request bodies that do not parse. sizes: bodies of a 409.',
    now,
    decisions,
    refused: refused.map((entry) => ({ ...entry, error: 'FORMAT_INVALID' })),
    sizes,
  }
}
