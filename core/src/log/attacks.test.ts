/** Every case of docs/attacks.md under CHECKPOINT_INVALID and WITNESS_QUORUM that can be told from one checkpoint and one policy. */
import { describe, expect, test } from 'vitest'
import { alder, birch, cedar, log01, log06, ORIGIN, stranger, TIME } from '../../../scripts/vectors/cast.ts'
import { outcome } from '../../../scripts/vectors/load.ts'
import {
  base64,
  broken,
  checkpointText,
  cosignature,
  ed25519,
  entries,
  keyId,
  line,
  message04,
  message06,
  type NamedKey,
  plainLine,
  treeHash,
  uint64,
  vkey,
} from '../../../scripts/vectors/tools.ts'
import type { Crypto } from '../crypto.ts'
import { nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import { parseSignedCheckpoint } from './checkpoint.ts'
import { parsePolicy } from './policy.ts'
import { evaluateQuorum } from './quorum.ts'

const witnesses = `witness alder ${vkey(alder)}\nwitness birch ${vkey(birch)}\nwitness cedar ${vkey(cedar)}\n`
const rule = `group two 2 alder birch cedar\nquorum two\n`
/** The log's ML-DSA-44 key is listed, as a trust file does by default. */
const policy06 = `log ${vkey(log06)}\n${witnesses}${rule}`
const policy01 = `log ${vkey(log01)}\n${witnesses}${rule}`

const root = treeHash(entries(7))
const body = checkpointText(ORIGIN, 7, root)
const logLines = `${plainLine(log01, body)}${cosignature(log06, body, TIME)}`
const quorum = (text: string, time = TIME) => `${cosignature(alder, text, time)}${cosignature(birch, text, time)}`
const good = `${body}\n${logLines}${quorum(body)}`
const sign = (text: string) => `${text}\n${plainLine(log01, text)}${cosignature(log06, text, TIME)}${quorum(text)}`

/** What docs/decision.md step 5 makes of it: the code, or null where the head is accepted. */
function refusal(crypto: Crypto, policy: string, text: string): string | null {
  const parsed = outcome(() => parseSignedCheckpoint(text))
  if ('error' in parsed) return 'CHECKPOINT_INVALID'
  const { logOk, satisfied } = evaluateQuorum(crypto, parsePolicy(crypto, policy), parsed)
  return logOk ? (satisfied ? null : 'WITNESS_QUORUM') : 'CHECKPOINT_INVALID'
}

interface Row {
  readonly desc: string
  readonly text: string
  /** Both policies, unless the case is about one. */
  readonly policies?: readonly string[]
}

const rogue: NamedKey = { name: ORIGIN, type: 1, key: ed25519('rogue') }
const rogueBody = `${body}\n${plainLine(rogue, body)}${quorum(body)}`
const swap = (from: string, to: string) => good.replace(from, to)
const rewrite = (from: string, to: string) => sign(body.replace(from, to))
const extended = `${body}${base64(treeHash(entries(8)))}\n`
/** Every point of small order verifies S = 0 with R = A for some messages, where a verifier does not refuse it. */
const weak: NamedKey = {
  name: ORIGIN,
  type: 1,
  key: { ...log01.key, publicKey: Uint8Array.of(1, ...new Uint8Array(31)) },
}
const weakWitness: NamedKey = { ...weak, name: alder.name, type: 4 }
const zeroS = Uint8Array.of(1, ...new Uint8Array(63))
const stamped = (named: NamedKey, signature: Uint8Array) =>
  line(named.name, keyId(named), Buffer.concat([uint64(TIME), signature]))

const invalid: Row[] = [
  { desc: 'unsigned', text: `${body}\n` },
  { desc: 'no signature section', text: body },
  { desc: 'signed by an unlisted key', text: rogueBody },
  { desc: 'right key ID with another name', text: good.replaceAll(`— ${ORIGIN} `, `— ${ORIGIN}x `) },
  {
    desc: 'right name with another key ID',
    text: `${body}\n${line(ORIGIN, keyId(alder), Buffer.alloc(64))}${quorum(body)}`,
  },
  { desc: 'the wanted origin only a substring, signed by the same keys', text: rewrite(ORIGIN, `${ORIGIN}/2`) },
  { desc: 'only a beginning of the wanted origin', text: rewrite(ORIGIN, ORIGIN.slice(0, -1)) },
  { desc: 'origin in other letters', text: rewrite(ORIGIN, ORIGIN.toUpperCase()) },
  { desc: 'origin of another log', text: rewrite(ORIGIN, 'other.example') },
  { desc: 'origin line missing', text: swap(`${ORIGIN}\n`, '') },
  { desc: 'size line missing', text: swap('\n7\n', '\n') },
  { desc: 'root line missing', text: swap(`${base64(root)}\n`, '') },
  { desc: 'origin line duplicated', text: swap(`${ORIGIN}\n`, `${ORIGIN}\n${ORIGIN}\n`) },
  { desc: 'size line duplicated', text: swap('\n7\n', '\n7\n7\n') },
  { desc: 'root line duplicated', text: swap(`${base64(root)}\n`, `${base64(root)}\n`.repeat(2)) },
  { desc: "the log's line duplicated", text: swap(logLines, logLines.repeat(2)) },
  { desc: 'lines reordered', text: swap(`${ORIGIN}\n7\n`, `7\n${ORIGIN}\n`) },
  { desc: 'trailing space on the size', text: rewrite('\n7\n', '\n7 \n') },
  { desc: 'trailing space on the root', text: rewrite('=\n', '= \n') },
  { desc: 'trailing space on a signature line', text: good.replace(/\n$/, ' \n') },
  { desc: 'CRLF', text: good.replaceAll('\n', '\r\n') },
  { desc: 'CRLF in the text, signed so', text: sign(body.replaceAll('\n', '\r\n')) },
  { desc: 'extra blank line before the signatures', text: swap('\n\n', '\n\n\n') },
  { desc: 'extra blank line at the end', text: `${good}\n` },
  { desc: 'last newline missing', text: good.slice(0, -1) },
  { desc: 'size +7', text: `${body.replace('\n7\n', '\n+7\n')}\n${logLines}` },
  { desc: 'size 0x10', text: `${body.replace('\n7\n', '\n0x10\n')}\n${logLines}` },
  { desc: 'size 07', text: `${body.replace('\n7\n', '\n07\n')}\n${logLines}` },
  { desc: 'empty size', text: `${body.replace('\n7\n', '\n\n')}\n${logLines}` },
  { desc: 'size 2^53', text: rewrite('\n7\n', '\n9007199254740992\n') },
  { desc: 'non-canonical base64 of the root', text: sign(checkpointText(ORIGIN, 7, root).replace(/=\n$/, '\n')) },
  { desc: 'unused bits in the base64 of the root', text: sign(body.replace(/.=\n$/, '/=\n')) },
  { desc: 'a root of 31 bytes', text: sign(checkpointText(ORIGIN, 7, root.subarray(1))) },
  { desc: 'a root of 33 bytes', text: sign(checkpointText(ORIGIN, 7, Buffer.concat([root, Buffer.of(0)]))) },
  {
    desc: 'an extension line added to a checkpoint that only an ML-DSA-44 line signs',
    text: `${body}extension\n\n${cosignature(log06, body, TIME)}${quorum(`${body}extension\n`)}`,
    policies: [policy06],
  },
  {
    desc: 'an extension line that the ML-DSA-44 key itself signed beside',
    text: `${body}extension\n\n${cosignature(log06, `${body}extension\n`, TIME)}${quorum(`${body}extension\n`)}`,
    policies: [policy06],
  },
  { desc: 'an extension line that quotes the wanted root, added', text: `${extended}\n${logLines}${quorum(body)}` },
  {
    desc: 'an extension line that quotes the wanted root, cosigned',
    text: `${extended}\n${logLines}${quorum(extended)}`,
  },
  { desc: 'witness signatures but no log signature', text: `${body}\n${quorum(body)}` },
  { desc: 'a known witness fails, the quorum otherwise met', text: `${good}${broken(cosignature(cedar, body, TIME))}` },
  {
    desc: "the log's signature fails",
    text: `${body}\n${broken(plainLine(log01, body))}${broken(cosignature(log06, body, TIME))}${quorum(body)}`,
  },
  {
    desc: 'a cosignature over another root',
    text: `${good}${cosignature(cedar, checkpointText(ORIGIN, 7, treeHash(entries(8))), TIME)}`,
  },
  {
    desc: 'a cosignature over another size',
    text: `${good}${cosignature(cedar, checkpointText(ORIGIN, 8, root), TIME)}`,
  },
  {
    desc: 'a cosignature over another origin',
    text: `${good}${cosignature(cedar, checkpointText('other.example', 7, root), TIME)}`,
  },
  {
    desc: 'an Ed25519 cosignature relabelled as ML-DSA-44',
    text: `${good}${stamped(cedar, alder.key.sign(message04(body, TIME)))}`,
  },
  {
    desc: 'an ML-DSA-44 cosignature relabelled as Ed25519',
    text: `${body}\n${logLines}${stamped(alder, cedar.key.sign(message06(cedar.name, body, TIME)))}`,
  },
  {
    desc: "the log's Ed25519 signature relabelled as ML-DSA-44",
    text: `${body}\n${stamped(log06, log01.key.sign(Buffer.from(body)))}${quorum(body)}`,
    policies: [policy06],
  },
  {
    desc: "the log's ML-DSA-44 signature relabelled as Ed25519",
    text: `${body}\n${line(ORIGIN, keyId(log01), log06.key.sign(message06(ORIGIN, body, TIME)))}${quorum(body)}`,
    policies: [policy01],
  },
  {
    desc: "the log's plain signature offered as a cosignature",
    text: `${body}\n${stamped({ ...log01, type: 4 }, log01.key.sign(Buffer.from(body)))}${quorum(body)}`,
  },
  {
    desc: 'a log key of small order, S = 0',
    text: `${body}\n${line(ORIGIN, keyId(weak), zeroS)}${quorum(body)}`,
    policies: [policy01.replace(vkey(log01), vkey(weak))],
  },
  {
    desc: 'a witness key of small order, S = 0',
    text: `${body}\n${logLines}${stamped(weakWitness, zeroS)}${cosignature(birch, body, TIME)}`,
    policies: [policy01.replace(vkey(alder), vkey(weakWitness))],
  },
  { desc: 'more than 64 signature lines', text: `${good}${cosignature(stranger, body, 1).repeat(61)}` },
]

const other: NamedKey = { name: 'alder.example/second', type: 4, key: alder.key }
const short: Row[] = [
  { desc: 'no cosignature', text: `${body}\n${logLines}` },
  { desc: 'one cosignature short', text: `${body}\n${logLines}${cosignature(alder, body, TIME)}` },
  { desc: 'the same witness twice', text: `${body}\n${logLines}${cosignature(alder, body, TIME).repeat(2)}` },
  {
    desc: 'the same witness at two times',
    text: `${body}\n${logLines}${cosignature(alder, body, TIME)}${cosignature(alder, body, TIME + 1)}`,
  },
  {
    desc: 'one key under two names',
    text: `${body}\n${logLines}${cosignature(alder, body, TIME)}${cosignature(other, body, TIME)}`,
  },
  {
    desc: 'an unlisted witness',
    text: `${body}\n${logLines}${cosignature(alder, body, TIME)}${cosignature(stranger, body, TIME)}`,
  },
  {
    desc: "a witness's plain note signature",
    text: `${body}\n${logLines}${cosignature(alder, body, TIME)}${plainLine({ ...birch, type: 1 }, body)}`,
  },
  {
    desc: 'a timestamp past 2^53-1',
    text: `${body}\n${logLines}${cosignature(alder, body, TIME)}${cosignature(birch, body, 2n ** 53n)}`,
  },
]

const accepted: Row[] = [
  { desc: 'as it should be', text: good },
  { desc: 'signature lines in another order', text: `${body}\n${quorum(body)}${logLines}` },
  { desc: '64 signature lines', text: `${good}${cosignature(stranger, body, 1).repeat(60)}` },
  {
    desc: 'one future timestamp',
    text: `${body}\n${logLines}${cosignature(alder, body, TIME)}${cosignature(birch, body, TIME * 2)}`,
  },
  {
    desc: 'one zero timestamp',
    text: `${body}\n${logLines}${cosignature(alder, body, TIME)}${cosignature(cedar, body, 0)}`,
  },
  { desc: 'only zero timestamps: too old, but accepted', text: `${body}\n${logLines}${quorum(body, 0)}` },
  {
    desc: 'a line of rubbish by an unlisted key',
    text: `${good}${line('rubbish.example', keyId(stranger), Buffer.of(0))}`,
  },
  {
    desc: 'the old witnesses and the new, before and after a rotation',
    text: `${good}${cosignature(stranger, body, TIME)}`,
    policies: [policy01, policy06, `log ${vkey(log06)}\nwitness new ${vkey(stranger)}\nquorum new\n`],
  },
]

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('one checkpoint under one policy, %s', (_, crypto) => {
  const judge = ({ text, policies = [policy01, policy06] }: Row) =>
    policies.map((policy) => refusal(crypto, policy, text))
  const all = ({ policies = [policy01, policy06] }: Row, code: string | null) => policies.map(() => code)

  test.each(invalid)('CHECKPOINT_INVALID: $desc', (row) => {
    expect(judge(row)).toEqual(all(row, 'CHECKPOINT_INVALID'))
  })
  test.each(short)('WITNESS_QUORUM: $desc', (row) => {
    expect(judge(row)).toEqual(all(row, 'WITNESS_QUORUM'))
  })
  test.each(accepted)('accepted: $desc', (row) => {
    expect(judge(row)).toEqual(all(row, null))
  })
})
