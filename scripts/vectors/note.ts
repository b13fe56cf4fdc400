import { alder, stranger } from './cast.ts'
import { base64, broken, ed25519, keyId, line, mlDsa44, type NamedKey, plainLine, vkey } from './tools.ts'

const alice: NamedKey = { name: 'alice.example', type: 1, key: ed25519('alice') }
const bob: NamedKey = { name: 'bob.example', type: 1, key: ed25519('bob') }
const text = 'first line\n\nthird line: ünïcode\n'
const good = plainLine(alice, text)
const signed = `${text}\n${good}`
const raw = (bytes: number, named = alice) => line(named.name, keyId(named), Buffer.alloc(bytes, 7))

const keys = { alice: vkey(alice), bob: vkey(bob), alder: vkey(alder) }

const notes = [
  { desc: 'one line of a known key', note: signed, verified: ['alice.example'] },
  {
    desc: 'lines of two known keys',
    note: `${signed}${plainLine(bob, text)}`,
    verified: ['alice.example', 'bob.example'],
  },
  {
    desc: 'a line of an unknown key is skipped',
    note: `${signed}${plainLine(stranger, text)}`,
    verified: ['alice.example'],
  },
  { desc: 'an unknown key may sign rubbish', note: `${signed}${raw(1, stranger)}`, verified: ['alice.example'] },
  {
    desc: 'a known name with another key ID is unknown',
    note: `${signed}${line('alice.example', keyId(bob), Buffer.alloc(64))}`,
    verified: ['alice.example'],
  },
  {
    desc: 'a known key ID with another name is unknown',
    note: `${signed}${line('mallory.example', keyId(alice), Buffer.alloc(64))}`,
    verified: ['alice.example'],
  },
  { desc: 'a text that is one empty line', note: `\n\n${plainLine(alice, '\n')}`, verified: ['alice.example'] },
  {
    desc: 'a text that ends in empty lines and quotes a signature line',
    note: `${text}\n${good}\n\n${plainLine(alice, `${text}\n${good}\n`)}`,
    verified: ['alice.example'],
  },
  {
    desc: 'a byte order mark belongs to the text',
    note: `\ufeff${text}\n${plainLine(alice, `\ufeff${text}`)}`,
    verified: ['alice.example'],
  },
  { desc: '64 signature lines', note: `${signed}${raw(1, stranger).repeat(63)}`, verified: ['alice.example'] },

  { desc: 'only an unknown key has signed', note: `${text}\n${plainLine(stranger, text)}`, error: 'UNSIGNED' },
  {
    desc: 'a cosignature key does not sign notes in general',
    note: `${text}\n${plainLine(alder, text)}`,
    error: 'UNSIGNED',
  },
  { desc: 'a known key whose signature fails, alone', note: `${text}\n${broken(good)}`, error: 'BAD_SIGNATURE' },
  {
    desc: 'a known key whose signature fails, another verifies',
    note: `${signed}${broken(plainLine(bob, text))}`,
    error: 'BAD_SIGNATURE',
  },
  { desc: 'a signature over another text', note: `${text}\n${plainLine(alice, 'other\n')}`, error: 'BAD_SIGNATURE' },
  {
    desc: 'a signature over the text without its newline',
    note: `${text}\n${plainLine(alice, text.slice(0, -1))}`,
    error: 'BAD_SIGNATURE',
  },
  { desc: 'a signature one byte short', note: `${text}\n${raw(63)}`, error: 'BAD_SIGNATURE' },
  { desc: 'a signature one byte long', note: `${text}\n${raw(65)}`, error: 'BAD_SIGNATURE' },
  { desc: 'the same line twice', note: `${signed}${good}`, error: 'DUPLICATE_SIGNATURE' },
  { desc: '65 signature lines', note: `${signed}${raw(1, stranger).repeat(64)}`, error: 'TOO_MANY_SIGNATURES' },
  { desc: 'empty', note: '', error: 'FORMAT_INVALID' },
  { desc: 'no signatures', note: text, error: 'FORMAT_INVALID' },
  { desc: 'no signatures after the blank line', note: `${text}\n`, error: 'FORMAT_INVALID' },
  { desc: 'no blank line', note: `first line\n${good}`, error: 'FORMAT_INVALID' },
  { desc: 'no text', note: `\n${good}`, error: 'FORMAT_INVALID' },
  { desc: 'the last newline is missing', note: signed.slice(0, -1), error: 'FORMAT_INVALID' },
  { desc: 'a blank line after the signatures', note: `${signed}\n`, error: 'FORMAT_INVALID' },
  { desc: 'text after the signatures', note: `${signed}trailing\n`, error: 'FORMAT_INVALID' },
  {
    desc: 'a second blank line before the signatures moves the text',
    note: `${text}\n\n${good}`,
    error: 'BAD_SIGNATURE',
  },
  { desc: 'CRLF', note: signed.replaceAll('\n', '\r\n'), error: 'FORMAT_INVALID' },
  { desc: 'CR at the end of the signature line', note: signed.replace(/\n$/, '\r\n'), error: 'FORMAT_INVALID' },
  { desc: 'a tab in the text', note: signed.replace('third line', 'third\tline'), error: 'FORMAT_INVALID' },
  { desc: 'NUL in the text', note: signed.replace('third line', 'third\0line'), error: 'FORMAT_INVALID' },
  { desc: 'escape in the text', note: signed.replace('third line', 'third\u001bline'), error: 'FORMAT_INVALID' },
  { desc: 'a lone surrogate', note: signed.replace('third line', 'third \ud800 line'), error: 'FORMAT_INVALID' },
  { desc: 'hyphen instead of em dash', note: signed.replace('— ', '- '), error: 'FORMAT_INVALID' },
  { desc: 'en dash instead of em dash', note: signed.replace('— ', '– '), error: 'FORMAT_INVALID' },
  { desc: 'no space after the em dash', note: signed.replace('— ', '—'), error: 'FORMAT_INVALID' },
  { desc: 'two spaces after the em dash', note: signed.replace('— ', '—  '), error: 'FORMAT_INVALID' },
  {
    desc: 'two spaces after the name',
    note: signed.replace('alice.example ', 'alice.example  '),
    error: 'FORMAT_INVALID',
  },
  { desc: 'a space before the em dash', note: signed.replace('— ', ' — '), error: 'FORMAT_INVALID' },
  { desc: 'a space at the end of the line', note: signed.replace(/\n$/, ' \n'), error: 'FORMAT_INVALID' },
  { desc: 'a line without a signature', note: `${signed}— bob.example\n`, error: 'FORMAT_INVALID' },
  { desc: 'an empty signature', note: `${signed}— bob.example \n`, error: 'FORMAT_INVALID' },
  { desc: 'an empty name', note: `${signed}—  ${base64(Buffer.alloc(68))}\n`, error: 'FORMAT_INVALID' },
  { desc: 'a plus sign in a name', note: `${signed}— bob+1 ${base64(Buffer.alloc(68))}\n`, error: 'FORMAT_INVALID' },
  {
    desc: 'a no-break space in a name',
    note: `${signed}— bob\u00a01 ${base64(Buffer.alloc(68))}\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'a next-line character in a name',
    note: `${signed}— bob\u00851 ${base64(Buffer.alloc(68))}\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'a line separator in a name',
    note: `${signed}— bob\u20281 ${base64(Buffer.alloc(68))}\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'an ideographic space in a name',
    note: `${signed}— bob\u30001 ${base64(Buffer.alloc(68))}\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'a signature of 4 bytes, all key ID',
    note: `${signed}— bob.example ${base64(Buffer.alloc(4))}\n`,
    error: 'FORMAT_INVALID',
  },
  { desc: 'base64 without padding', note: `${signed}— bob.example AAAAAAA\n`, error: 'FORMAT_INVALID' },
  { desc: 'base64 with unused bits set', note: `${signed}— bob.example AAAAAAB=\n`, error: 'FORMAT_INVALID' },
  { desc: 'base64 of the URL alphabet', note: `${signed}— bob.example AAAAAA-_\n`, error: 'FORMAT_INVALID' },
  { desc: 'base64 with an inner space', note: `${signed}— bob.example AAAA AAAA\n`, error: 'FORMAT_INVALID' },
]

const ed = alice.key.publicKey
const ml = mlDsa44('alice').publicKey
const bytes = (type: number, key: Uint8Array) => base64(Buffer.concat([Buffer.of(type), key]))
const idOf = (type: number, publicKey: Uint8Array, name = 'alice.example') =>
  keyId({ name, type, key: { ...alice.key, publicKey } }).toString('hex')
const of = (type: number, key: Uint8Array, name = 'alice.example', id = idOf(type, key, name)) =>
  `${name}+${id}+${bytes(type, key)}`
const long = 'a'.repeat(255)

const vkeys = [
  { desc: 'Ed25519, 0x01', vkey: of(1, ed), name: 'alice.example', type: 1, keyId: idOf(1, ed) },
  { desc: 'Ed25519 cosignatures, 0x04', vkey: of(4, ed), name: 'alice.example', type: 4, keyId: idOf(4, ed) },
  { desc: 'ML-DSA-44 cosignatures, 0x06', vkey: of(6, ml), name: 'alice.example', type: 6, keyId: idOf(6, ml) },
  { desc: 'a name of 255 bytes', vkey: of(1, ed, long), name: long, type: 1, keyId: idOf(1, ed, long) },
  {
    desc: 'another type is kept, whatever its key ID',
    vkey: of(2, ed, 'alice.example', '01020304'),
    name: 'alice.example',
    type: 2,
    keyId: '01020304',
  },
  {
    desc: 'another type with a key of one byte',
    vkey: of(2, Buffer.of(9), 'alice.example', 'ffffffff'),
    name: 'alice.example',
    type: 2,
    keyId: 'ffffffff',
  },
  {
    desc: 'a name with a slash and a colon',
    vkey: of(1, ed, 'a/b:c'),
    name: 'a/b:c',
    type: 1,
    keyId: idOf(1, ed, 'a/b:c'),
  },

  { desc: 'empty', vkey: '', error: 'FORMAT_INVALID' },
  { desc: 'a name alone', vkey: 'alice.example', error: 'FORMAT_INVALID' },
  { desc: 'a name and an ID', vkey: 'alice.example+01020304', error: 'FORMAT_INVALID' },
  { desc: 'a name and an ID that are base64 together', vkey: '//+01020304A', error: 'FORMAT_INVALID' },
  { desc: 'no key', vkey: 'alice.example+01020304+', error: 'FORMAT_INVALID' },
  { desc: 'a type without a key', vkey: of(1, Buffer.alloc(0)), error: 'FORMAT_INVALID' },
  { desc: 'another type without a key', vkey: of(2, Buffer.alloc(0)), error: 'FORMAT_INVALID' },
  { desc: 'an empty name', vkey: of(1, ed, ''), error: 'FORMAT_INVALID' },
  { desc: 'a space in the name', vkey: of(1, ed, 'alice example'), error: 'FORMAT_INVALID' },
  { desc: 'a newline in the name', vkey: of(1, ed, 'alice\nexample'), error: 'FORMAT_INVALID' },
  { desc: 'a control character in the name', vkey: of(1, ed, 'alice\u0001'), error: 'FORMAT_INVALID' },
  { desc: 'a name of 256 bytes', vkey: of(1, ed, `${long}a`), error: 'FORMAT_INVALID' },
  { desc: 'a name of 128 two-byte characters', vkey: of(1, ed, 'é'.repeat(128)), error: 'FORMAT_INVALID' },
  {
    desc: 'an upper-case ID',
    vkey: of(1, ed).replace(/\+[0-9a-f]{8}\+/, (id) => id.toUpperCase()),
    error: 'FORMAT_INVALID',
  },
  { desc: 'an ID of 7 digits', vkey: of(1, ed, 'alice.example', '1020304'), error: 'FORMAT_INVALID' },
  { desc: 'an ID of 9 digits', vkey: of(1, ed, 'alice.example', '001020304'), error: 'FORMAT_INVALID' },
  { desc: 'another type, an ID of 9 digits', vkey: of(2, ed, 'alice.example', '001020304'), error: 'FORMAT_INVALID' },
  {
    desc: 'another type, a digit before the ID',
    vkey: of(2, ed, 'alice.example', 'g01020304'),
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'another type, a digit after the ID',
    vkey: of(2, ed, 'alice.example', '01020304g'),
    error: 'FORMAT_INVALID',
  },
  { desc: 'another type, an upper-case ID', vkey: of(2, ed, 'alice.example', 'ABCDEF01'), error: 'FORMAT_INVALID' },
  {
    desc: 'another type, a newline after the ID',
    vkey: of(2, ed, 'alice.example', '01020304\n'),
    error: 'FORMAT_INVALID',
  },
  { desc: 'another type, an empty name', vkey: of(2, ed, '', '01020304'), error: 'FORMAT_INVALID' },
  { desc: 'an ID of another key', vkey: of(1, ed, 'alice.example', '01020304'), error: 'FORMAT_INVALID' },
  {
    desc: 'the ID of the same key under another type',
    vkey: of(4, ed, 'alice.example', idOf(1, ed)),
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'the ID of the same key under another name',
    vkey: of(1, ed, 'alice.example', idOf(1, ed, 'bob.example')),
    error: 'FORMAT_INVALID',
  },
  { desc: 'Ed25519, a byte short', vkey: of(1, ed.subarray(1)), error: 'FORMAT_INVALID' },
  { desc: 'Ed25519, a byte long', vkey: of(1, Buffer.concat([ed, Buffer.of(0)])), error: 'FORMAT_INVALID' },
  { desc: 'ML-DSA-44 with an Ed25519 key', vkey: of(6, ed), error: 'FORMAT_INVALID' },
  { desc: 'Ed25519 with an ML-DSA-44 key', vkey: of(4, ml), error: 'FORMAT_INVALID' },
  { desc: 'ML-DSA-44, a byte short', vkey: of(6, ml.subarray(1)), error: 'FORMAT_INVALID' },
  {
    desc: 'base64 without padding',
    vkey: of(2, Buffer.alloc(3), 'alice.example', '01020304').replace(/=+$/, ''),
    error: 'FORMAT_INVALID',
  },
  { desc: 'a space at the end', vkey: `${of(1, ed)} `, error: 'FORMAT_INVALID' },
  { desc: 'a newline at the end', vkey: `${of(1, ed)}\n`, error: 'FORMAT_INVALID' },
]

/** Signed notes and vkeys (C2SP signed-note). */
export function noteVectors(): unknown {
  return {
    description:
      'C2SP signed-note. notes: verified under all of keys; verified lists the names whose lines count, or error the code. vkeys: name, type and keyId (hex), or error.',
    keys,
    notes,
    vkeys,
  }
}
