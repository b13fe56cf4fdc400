import { alder, birch, cedar, ORIGIN, TIME } from './cast.ts'
import {
  base64,
  broken,
  checkpointText,
  cosignature,
  entries,
  keyId,
  line,
  message04,
  message06,
  plainLine,
  treeHash,
  uint64,
  vkey,
} from './tools.ts'

const text = checkpointText(ORIGIN, 7, treeHash(entries(7)))
const extended = checkpointText(ORIGIN, 7, treeHash(entries(7)), 'extension')
const longer = checkpointText(ORIGIN, 8, treeHash(entries(7)))
const elsewhere = checkpointText(`${ORIGIN}2`, 7, treeHash(entries(7)))
const forked = checkpointText(ORIGIN, 7, treeHash(entries(8)))
const four = vkey(alder)
const six = vkey(cedar)
/** A line under alder's name and ID around anything. */
const alderLine = (bytes: Uint8Array) => line(alder.name, keyId(alder), bytes)
const cedarLine = (bytes: Uint8Array) => line(cedar.name, keyId(cedar), bytes)
const stamped = (time: number, signature: Uint8Array) => Buffer.concat([uint64(time), signature])

const cases = [
  { desc: '0x04', key: four, body: text, line: cosignature(alder, text, TIME), timestamp: TIME },
  { desc: '0x06', key: six, body: text, line: cosignature(cedar, text, TIME), timestamp: TIME },
  { desc: '0x04, time 0', key: four, body: text, line: cosignature(alder, text, 0), timestamp: 0 },
  { desc: '0x06, time 0', key: six, body: text, line: cosignature(cedar, text, 0), timestamp: 0 },
  {
    desc: '0x04, time 2^53-1',
    key: four,
    body: text,
    line: cosignature(alder, text, 2n ** 53n - 1n),
    timestamp: Number.MAX_SAFE_INTEGER,
  },
  {
    desc: '0x04 covers extension lines',
    key: four,
    body: extended,
    line: cosignature(alder, extended, TIME),
    timestamp: TIME,
  },

  { desc: '0x04, time 2^53', key: four, body: text, line: cosignature(alder, text, 2n ** 53n), verdict: 'uncounted' },
  {
    desc: '0x04, time 2^64-1',
    key: four,
    body: text,
    line: cosignature(alder, text, 2n ** 64n - 1n),
    verdict: 'uncounted',
  },
  {
    desc: '0x04, time 2^53 and rubbish: as if the line were not there',
    key: four,
    body: text,
    line: alderLine(Buffer.concat([uint64(2n ** 53n), Buffer.alloc(64)])),
    verdict: 'uncounted',
  },
  {
    desc: '0x06 does not cover extension lines',
    key: six,
    body: extended,
    line: cosignature(cedar, extended, TIME),
    verdict: 'uncounted',
  },
  { desc: '0x04, broken', key: four, body: text, line: broken(cosignature(alder, text, TIME)), verdict: 'invalid' },
  { desc: '0x06, broken', key: six, body: text, line: broken(cosignature(cedar, text, TIME)), verdict: 'invalid' },
  {
    desc: '0x04, another time than was signed',
    key: four,
    body: text,
    line: alderLine(stamped(TIME + 1, alder.key.sign(message04(text, TIME)))),
    verdict: 'invalid',
  },
  {
    desc: '0x06, another time than was signed',
    key: six,
    body: text,
    line: cedarLine(stamped(TIME + 1, cedar.key.sign(message06(cedar.name, text, TIME)))),
    verdict: 'invalid',
  },
  { desc: '0x04, another size', key: four, body: text, line: cosignature(alder, longer, TIME), verdict: 'invalid' },
  { desc: '0x06, another size', key: six, body: text, line: cosignature(cedar, longer, TIME), verdict: 'invalid' },
  { desc: '0x04, another root', key: four, body: text, line: cosignature(alder, forked, TIME), verdict: 'invalid' },
  { desc: '0x06, another root', key: six, body: text, line: cosignature(cedar, forked, TIME), verdict: 'invalid' },
  {
    desc: '0x04, another origin',
    key: four,
    body: text,
    line: cosignature(alder, elsewhere, TIME),
    verdict: 'invalid',
  },
  { desc: '0x06, another origin', key: six, body: text, line: cosignature(cedar, elsewhere, TIME), verdict: 'invalid' },
  {
    desc: '0x06, another cosigner name in the message',
    key: six,
    body: text,
    line: cedarLine(stamped(TIME, cedar.key.sign(message06('cedar.example', text, TIME)))),
    verdict: 'invalid',
  },
  {
    desc: '0x04, signed with an extension line that was dropped',
    key: four,
    body: text,
    line: cosignature(alder, extended, TIME),
    verdict: 'invalid',
  },
  {
    desc: '0x04, an extension line added',
    key: four,
    body: extended,
    line: cosignature(alder, text, TIME),
    verdict: 'invalid',
  },
  {
    desc: '0x04, the plain note signature of the same key',
    key: four,
    body: text,
    line: alderLine(stamped(TIME, alder.key.sign(Buffer.from(text)))),
    verdict: 'invalid',
  },
  { desc: '0x04, without a timestamp', key: four, body: text, line: plainLine(alder, text), verdict: 'invalid' },
  {
    desc: '0x04, signed by another witness',
    key: four,
    body: text,
    line: alderLine(stamped(TIME, birch.key.sign(message04(text, TIME)))),
    verdict: 'invalid',
  },
  {
    desc: '0x04, the binary message of 0x06',
    key: four,
    body: text,
    line: alderLine(stamped(TIME, alder.key.sign(message06(alder.name, text, TIME)))),
    verdict: 'invalid',
  },
  {
    desc: '0x06, the text message of 0x04',
    key: six,
    body: text,
    line: cedarLine(stamped(TIME, cedar.key.sign(message04(text, TIME)))),
    verdict: 'invalid',
  },
  {
    desc: 'an Ed25519 cosignature relabelled as ML-DSA-44',
    key: six,
    body: text,
    line: cedarLine(stamped(TIME, alder.key.sign(message04(text, TIME)))),
    verdict: 'invalid',
  },
  {
    desc: 'an ML-DSA-44 cosignature relabelled as Ed25519',
    key: four,
    body: text,
    line: alderLine(stamped(TIME, cedar.key.sign(message06(cedar.name, text, TIME)))),
    verdict: 'invalid',
  },
  { desc: '0x04, a timestamp alone', key: four, body: text, line: alderLine(uint64(TIME)), verdict: 'invalid' },
  { desc: '0x04, seven bytes', key: four, body: text, line: alderLine(Buffer.alloc(7)), verdict: 'invalid' },
  { desc: '0x04, a byte long', key: four, body: text, line: alderLine(Buffer.alloc(73)), verdict: 'invalid' },
  { desc: '0x06, a byte short', key: six, body: text, line: cedarLine(Buffer.alloc(2427)), verdict: 'invalid' },
]

/** Cosignatures (C2SP tlog-cosignature). */
export function cosignatureVectors(): unknown {
  return {
    description:
      'C2SP tlog-cosignature. cases: one signature line judged under one key over one note text: the timestamp it states, or verdict "invalid" (spoils the note) or "uncounted" (as if it were not there). messages: what is signed, in base64.',
    cases,
    messages: [
      { type: 4, name: alder.name, body: text, timestamp: TIME, message: base64(message04(text, TIME)) },
      { type: 4, name: alder.name, body: extended, timestamp: 0, message: base64(message04(extended, 0)) },
      { type: 6, name: cedar.name, body: text, timestamp: TIME, message: base64(message06(cedar.name, text, TIME)) },
      { type: 6, name: ORIGIN, body: text, timestamp: 0, message: base64(message06(ORIGIN, text, 0)) },
    ],
  }
}
