import { alder, birch, cedar, log01, log06, ORIGIN, stranger, TIME } from './cast.ts'
import {
  broken,
  checkpointText,
  cosignature,
  ed25519,
  entries,
  type NamedKey,
  plainLine,
  treeHash,
  vkey,
} from './tools.ts'

const dogwood: NamedKey = { name: 'dogwood.example/witness', type: 4, key: ed25519('dogwood') }
const elder: NamedKey = { name: 'elder.example/witness', type: 4, key: ed25519('elder') }
/** A second key of alder's operator. */
const alder2: NamedKey = { name: alder.name, type: 4, key: ed25519('alder 2') }
const alder3: NamedKey = { name: alder.name, type: 4, key: ed25519('alder 3') }

const log = `log ${vkey(log01)}\n`
const wa = `witness a ${vkey(alder)}\n`
const wb = `witness b ${vkey(birch)}\n`
const wc = `witness c ${vkey(cedar)}\n`
const wd = `witness d ${vkey(dogwood)}\n`
const we = `witness e ${vkey(elder)}\n`
const wa2 = `witness a2 ${vkey(alder2)}\n`
const wa3 = `witness a3 ${vkey(alder3)}\n`
const ab = `${log}${wa}${wb}`
const abd = `${ab}${wd}`

/** Policies that the specification accepts; groups as name, threshold, members. */
const accepted = [
  { desc: 'no logs, no witnesses', policy: 'quorum none\n', logs: 0, witnesses: 0, groups: [], quorum: 'none' },
  { desc: 'one log', policy: `${log}quorum none\n`, logs: 1, witnesses: 0, groups: [], quorum: 'none' },
  { desc: 'a single witness', policy: `${log}${wa}quorum a\n`, logs: 1, witnesses: 1, groups: [], quorum: 'a' },
  {
    desc: 'all',
    policy: `${ab}group g all a b\nquorum g\n`,
    logs: 1,
    witnesses: 2,
    groups: [['g', 2, 'a', 'b']],
    quorum: 'g',
  },
  {
    desc: 'any',
    policy: `${ab}group g any a b\nquorum g\n`,
    logs: 1,
    witnesses: 2,
    groups: [['g', 1, 'a', 'b']],
    quorum: 'g',
  },
  {
    desc: 'k of n',
    policy: `${abd}group g 2 a b d\nquorum g\n`,
    logs: 1,
    witnesses: 3,
    groups: [['g', 2, 'a', 'b', 'd']],
    quorum: 'g',
  },
  {
    desc: 'a group of one',
    policy: `${log}${wa}group g 1 a\nquorum g\n`,
    logs: 1,
    witnesses: 1,
    groups: [['g', 1, 'a']],
    quorum: 'g',
  },
  {
    desc: 'nested groups',
    policy: `${abd}group g any a b\ngroup h all g d\nquorum h\n`,
    logs: 1,
    witnesses: 3,
    groups: [
      ['g', 1, 'a', 'b'],
      ['h', 2, 'g', 'd'],
    ],
    quorum: 'h',
  },
  {
    desc: 'tabs, leading and trailing white space, comments, empty lines',
    policy: `# a comment\n\n \t\n\t${log}  #indented\n${wa.replaceAll(' ', ' \t ').replace('\n', '\t\n')}quorum  a \n`,
    logs: 1,
    witnesses: 1,
    groups: [],
    quorum: 'a',
  },
  {
    desc: 'URLs',
    policy: `${log.trimEnd()} https://log.example.com/\n${wa.trimEnd()} https://alder.example/\nquorum a\n`,
    logs: 1,
    witnesses: 1,
    groups: [],
    quorum: 'a',
    urls: ['https://log.example.com/', 'https://alder.example/'],
  },
  {
    desc: 'witnesses after the quorum, unused',
    policy: `${wa}quorum a\n${wb}${log}`,
    logs: 1,
    witnesses: 2,
    groups: [],
    quorum: 'a',
  },
  {
    desc: 'two logs',
    policy: `${log}log ${vkey(log06)}\nquorum none\n`,
    logs: 2,
    witnesses: 0,
    groups: [],
    quorum: 'none',
  },
  {
    desc: 'a log key of a type that cannot be verified here',
    policy: `log example.com/ct+01020304+BQEC\nquorum none\n`,
    logs: 1,
    witnesses: 0,
    groups: [],
    quorum: 'none',
  },
  {
    desc: 'K and the Kelvin sign are two names',
    policy:
      `${ab}`.replace('witness a', 'witness K').replace('witness b', 'witness \u212a') +
      'group g all K \u212a\nquorum g\n',
    logs: 1,
    witnesses: 2,
    groups: [['g', 2, 'K', '\u212a']],
    quorum: 'g',
  },
  {
    desc: 'names that look like keywords, numbers and object members',
    policy:
      ab.replace('witness a', 'witness all').replace('witness b', 'witness 2') +
      'group __proto__ any all 2\nquorum __proto__\n',
    logs: 1,
    witnesses: 2,
    groups: [['__proto__', 1, 'all', '2']],
    quorum: '__proto__',
  },
  {
    desc: 'a no-break space is no white space',
    policy: `${ab.replace('witness a', 'witness a\u00a0a')}quorum a\u00a0a\n`,
    logs: 1,
    witnesses: 2,
    groups: [],
    quorum: 'a\u00a0a',
  },
  {
    desc: 'an unused group',
    policy: `${ab}group g any a\nquorum b\n`,
    logs: 1,
    witnesses: 2,
    groups: [['g', 1, 'a']],
    quorum: 'b',
  },
]

const refused = [
  { desc: 'empty', policy: '' },
  { desc: 'no quorum', policy: `${log}${wa}` },
  { desc: 'two quorum lines', policy: `${log}${wa}quorum a\nquorum a\n` },
  { desc: 'two quorum lines, one none', policy: `${log}${wa}quorum a\nquorum none\n` },
  { desc: 'the last newline is missing', policy: `${log}quorum none` },
  { desc: 'the last newline is missing after a name that begins another', policy: `${log}${wa}quorum ab` },
  { desc: 'CRLF', policy: `${log}quorum none\n`.replaceAll('\n', '\r\n') },
  { desc: 'a form feed', policy: `${log}\f\nquorum none\n` },
  { desc: 'a vertical tab between items', policy: `${log}quorum\u000bnone\n` },
  { desc: 'NUL in a comment', policy: '# \0\nquorum none\n' },
  { desc: 'DEL in a comment', policy: '# \u007f\nquorum none\n' },
  { desc: 'a lone surrogate in a comment', policy: '# \udc00\nquorum none\n' },
  { desc: 'a byte order mark', policy: `\ufeff${log}quorum none\n` },
  { desc: 'a no-break space before a keyword', policy: `\u00a0quorum none\n` },
  { desc: 'an unknown keyword', policy: `${log}mirror a\nquorum none\n` },
  { desc: 'a keyword in capitals', policy: `${log}Quorum none\n` },
  { desc: 'a comment after the items', policy: `${log}${wa}quorum a # why\n` },
  { desc: 'log without a key', policy: `log\nquorum none\n` },
  { desc: 'log with two URLs', policy: `${log.trimEnd()} https://a/ https://b/\nquorum none\n` },
  { desc: 'log with a name', policy: `log l ${vkey(log01)}\nquorum none\n` },
  { desc: 'the same log twice', policy: `${log}${log}quorum none\n` },
  {
    desc: 'the same log key under two names',
    policy: `${log}log ${vkey({ ...log01, name: 'other.example' })}\nquorum none\n`,
  },
  { desc: 'a vkey that does not parse', policy: `log ${vkey(log01).slice(0, -4)}\nquorum none\n` },
  {
    desc: 'a vkey with a wrong key ID',
    policy: `log ${vkey(log01).replace(/\+[0-9a-f]{8}\+/, '+00000000+')}\nquorum none\n`,
  },
  { desc: 'witness without a key', policy: `${log}witness a\nquorum a\n` },
  { desc: 'witness without a name', policy: `${log}witness ${vkey(alder)}\nquorum none\n` },
  { desc: 'witness with two URLs', policy: `${log}${wa.trimEnd()} https://a/ https://b/\nquorum a\n` },
  { desc: 'a witness called none', policy: `${log}witness none ${vkey(alder)}\nquorum none\n` },
  { desc: 'one witness name twice', policy: `${log}${wa}witness a ${vkey(birch)}\nquorum a\n` },
  { desc: 'one witness key under two names', policy: `${log}${wa}witness b ${vkey(alder)}\nquorum a\n` },
  {
    desc: 'one witness key under two key names',
    policy: `${log}${wa}witness b ${vkey({ ...alder, name: 'birch.example/witness' })}\nquorum a\n`,
  },
  { desc: 'a witness key of type 0x01', policy: `${log}witness a ${vkey({ ...alder, type: 1 })}\nquorum a\n` },
  { desc: 'a witness key of an unknown type', policy: `${log}witness a alder.example+01020304+BQEC\nquorum a\n` },
  { desc: 'group without members', policy: `${ab}group g 1\nquorum none\n` },
  { desc: 'group without threshold', policy: `${ab}group g\nquorum none\n` },
  { desc: 'group called none', policy: `${ab}group none any a b\nquorum none\n` },
  { desc: 'group with the name of a witness', policy: `${ab}group a any b\nquorum none\n` },
  { desc: 'one group name twice', policy: `${ab}group g any a\ngroup g any b\nquorum g\n` },
  { desc: 'threshold 0', policy: `${ab}group g 0 a b\nquorum g\n` },
  { desc: 'threshold above the members', policy: `${ab}group g 3 a b\nquorum g\n` },
  { desc: 'threshold -1', policy: `${ab}group g -1 a b\nquorum g\n` },
  { desc: 'threshold +1', policy: `${ab}group g +1 a b\nquorum g\n` },
  { desc: 'threshold 01', policy: `${ab}group g 01 a b\nquorum g\n` },
  { desc: 'threshold 1.0', policy: `${ab}group g 1.0 a b\nquorum g\n` },
  { desc: 'threshold 0x1', policy: `${ab}group g 0x1 a b\nquorum g\n` },
  { desc: 'threshold 2^53', policy: `${ab}group g 9007199254740992 a b\nquorum g\n` },
  { desc: 'threshold ALL', policy: `${ab}group g ALL a b\nquorum g\n` },
  { desc: 'a member that is not defined', policy: `${ab}group g any a x\nquorum g\n` },
  { desc: 'a member that is defined later', policy: `${log}${wa}group g any a b\n${wb}quorum g\n` },
  { desc: 'a group in itself', policy: `${ab}group g any a g\nquorum g\n` },
  { desc: 'none as a member', policy: `${ab}group g any a none\nquorum g\n` },
  { desc: 'one member twice in a group', policy: `${ab}group g 2 a a\nquorum g\n` },
  { desc: 'one member in two groups', policy: `${abd}group g any a b\ngroup h any a d\nquorum g\n` },
  { desc: 'one group in two groups', policy: `${abd}group g any a\ngroup h any g b\ngroup i any g d\nquorum h\n` },
  { desc: 'quorum without a name', policy: `${ab}quorum\n` },
  { desc: 'quorum with two names', policy: `${ab}quorum a b\n` },
  { desc: 'quorum not defined', policy: `${ab}quorum x\n` },
  { desc: 'quorum defined later', policy: `${log}quorum a\n${wa}` },
  { desc: 'the quorum is a member besides', policy: `${ab}group g any a b\nquorum a\n` },
]

/** What a trust file demands besides (docs/formats.md §2). */
const trust = [
  { desc: 'a single witness', policy: `${log}${wa}quorum a\n`, forkCost: 1 },
  { desc: 'the ML-DSA-44 key of the log', policy: `log ${vkey(log06)}\n${wc}quorum c\n`, forkCost: 1 },
  { desc: '2 of 2', policy: `${ab}group g all a b\nquorum g\n`, forkCost: 2 },
  { desc: '2 of 3', policy: `${abd}group g 2 a b d\nquorum g\n`, forkCost: 1 },
  { desc: '3 of 4', policy: `${abd}${we}group g 3 a b d e\nquorum g\n`, forkCost: 2 },
  {
    desc: 'all of two pairs, one of each enough: halves are disjoint',
    policy: `${abd}${we}group g any a b\ngroup h any d e\ngroup q all g h\nquorum q\n`,
    options: { forkable: true },
    forkCost: 0,
  },
  {
    desc: 'all of a single witness and any of two',
    policy: `${abd}group g any b d\ngroup q all a g\nquorum q\n`,
    forkCost: 1,
  },
  {
    desc: "one operator's two keys in a group of their own are one witness",
    policy: `${ab}${wa2}group o any a a2\ngroup q all o b\nquorum q\n`,
    forkCost: 2,
  },
  {
    desc: "one operator's two keys, both asked for, are one witness",
    policy: `${log}${wa}${wa2}group o all a a2\nquorum o\n`,
    forkCost: 1,
  },
  {
    desc: 'any of two with forkable',
    policy: `${ab}group g any a b\nquorum g\n`,
    options: { forkable: true },
    forkCost: 0,
  },
  { desc: 'quorum none with unwitnessed', policy: `${log}quorum none\n`, options: { unwitnessed: true }, forkCost: 0 },

  { desc: 'no log', policy: `${wa}quorum a\n`, error: 'FORMAT_INVALID' },
  { desc: 'two logs', policy: `${log}log ${vkey(log06)}\n${wa}quorum a\n`, error: 'FORMAT_INVALID' },
  {
    desc: 'a log key of type 0x04',
    policy: `log ${vkey({ ...log01, type: 4 })}\n${wa}quorum a\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'a log key of an unknown type',
    policy: `log example.com/ct+01020304+BQEC\n${wa}quorum a\n`,
    error: 'FORMAT_INVALID',
  },
  { desc: 'any of two', policy: `${ab}group g any a b\nquorum g\n`, error: 'FORMAT_INVALID' },
  { desc: '2 of 4', policy: `${abd}${we}group g 2 a b d e\nquorum g\n`, error: 'FORMAT_INVALID' },
  { desc: 'any of two, deeper', policy: `${abd}group g any a b\ngroup q any g d\nquorum q\n`, error: 'FORMAT_INVALID' },
  {
    desc: 'forkCost 0 with unwitnessed, not forkable',
    policy: `${ab}group g any a b\nquorum g\n`,
    options: { unwitnessed: true },
    error: 'FORMAT_INVALID',
  },
  { desc: 'quorum none', policy: `${log}${wa}quorum none\n`, error: 'FORMAT_INVALID' },
  {
    desc: 'quorum none with forkable, not unwitnessed',
    policy: `${log}quorum none\n`,
    options: { forkable: true },
    error: 'FORMAT_INVALID',
  },
  {
    desc: "one operator's two keys as two witnesses",
    policy: `${ab}${wa2}group g 2 a a2 b\nquorum g\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: "one operator's two keys and another's, all asked for",
    policy: `${ab}${wa2}group g all a a2 b\nquorum g\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: "one operator's two keys in two groups",
    policy: `${abd}${wa2}group g all a b\ngroup h all a2 d\ngroup q all g h\nquorum q\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: "one operator's third key outside the group of its own",
    policy: `${ab}${wa2}${wa3}group o any a a2\ngroup q all o a3 b\nquorum q\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: "one operator's two groups of its own",
    policy: `${ab}${wa2}group o any a\ngroup p any a2\ngroup q all o p b\nquorum q\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: "one operator's second key, unused",
    policy: `${ab}${wa2}group q all a b\nquorum q\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'the log as its own witness, same key',
    policy: `log ${vkey(log06)}\nwitness l ${vkey(log06)}\nquorum l\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'the log as its own witness, same key under another name',
    policy: `log ${vkey(log01)}\nwitness l ${vkey({ name: 'other.example', type: 4, key: log01.key })}\nquorum l\n`,
    error: 'FORMAT_INVALID',
  },
  {
    desc: 'the log as its own witness, same name with another key',
    policy: `log ${vkey(log01)}\nwitness l ${vkey(log06)}\nquorum l\n`,
    error: 'FORMAT_INVALID',
  },
]

const text = checkpointText(ORIGIN, 7, treeHash(entries(7)))
const forked = checkpointText(ORIGIN, 7, treeHash(entries(8)))
const elsewhere = checkpointText(`${ORIGIN}2`, 7, treeHash(entries(7)))
const extended = checkpointText(ORIGIN, 7, treeHash(entries(7)), 'extension')
const signed = `${text}\n${plainLine(log01, text)}`
const T = TIME
const a = (time: number | bigint = T) => cosignature(alder, text, time)
const b = (time: number | bigint = T) => cosignature(birch, text, time)
const d = (time: number | bigint = T) => cosignature(dogwood, text, time)
const two = `${abd}group g 2 a b d\nquorum g\n`
const nested = `${abd}${we}group g any a b\ngroup q all g d e\nquorum q\n`
const FAR = 4_000_000_000

const quorum = [
  {
    desc: 'two of three',
    policy: two,
    checkpoint: `${signed}${a(T - 5)}${b(T)}`,
    satisfied: true,
    q: T - 5,
    cosigners: { a: T - 5, b: T },
  },
  {
    desc: 'three of three: q is the second largest',
    policy: two,
    checkpoint: `${signed}${a(T - 9)}${b(T)}${d(T - 5)}`,
    satisfied: true,
    q: T - 5,
    cosigners: { a: T - 9, b: T, d: T - 5 },
  },
  {
    desc: 'quorum none',
    policy: `${log}${wa}quorum none\n`,
    checkpoint: `${signed}${a()}`,
    satisfied: true,
    q: null,
    cosigners: { a: T },
  },
  {
    desc: 'one future timestamp cosigns; q takes the next',
    policy: two,
    checkpoint: `${signed}${a(FAR)}${b(T)}${d(T - 5)}`,
    satisfied: true,
    q: T,
    cosigners: { a: FAR, b: T, d: T - 5 },
  },
  {
    desc: 'one zero timestamp cosigns; q takes the others',
    policy: two,
    checkpoint: `${signed}${a(0)}${b(T)}${d(T - 5)}`,
    satisfied: true,
    q: T - 5,
    cosigners: { a: 0, b: T, d: T - 5 },
  },
  {
    desc: 'a zero timestamp that is needed: satisfied without a time',
    policy: two,
    checkpoint: `${signed}${a(0)}${b(T)}`,
    satisfied: true,
    q: 0,
    cosigners: { a: 0, b: T },
  },
  {
    desc: 'only zero timestamps',
    policy: two,
    checkpoint: `${signed}${a(0)}${b(0)}`,
    satisfied: true,
    q: 0,
    cosigners: { a: 0, b: 0 },
  },
  { desc: 'one short', policy: two, checkpoint: `${signed}${a()}`, satisfied: false, q: 0, cosigners: { a: T } },
  { desc: 'no cosignatures', policy: two, checkpoint: signed, satisfied: false, q: 0, cosigners: {} },
  {
    desc: 'the same witness twice',
    policy: two,
    checkpoint: `${signed}${a()}${a()}`,
    satisfied: false,
    q: 0,
    cosigners: { a: T },
  },
  {
    desc: 'the same witness at two times counts once, with the later',
    policy: two,
    checkpoint: `${signed}${a(T)}${a(T - 60)}`,
    satisfied: false,
    q: 0,
    cosigners: { a: T },
  },
  {
    desc: 'the same witness at two times, another once',
    policy: two,
    checkpoint: `${signed}${a(T - 60)}${b(T - 30)}${a(T)}`,
    satisfied: true,
    q: T - 30,
    cosigners: { a: T, b: T - 30 },
  },
  {
    desc: 'an unlisted witness',
    policy: two,
    checkpoint: `${signed}${a()}${cosignature(stranger, text, T)}`,
    satisfied: false,
    q: 0,
    cosigners: { a: T },
  },
  {
    desc: 'one key under another key name',
    policy: two,
    checkpoint: `${signed}${a()}${cosignature({ ...birch, key: alder.key }, text, T)}`,
    satisfied: false,
    q: 0,
    cosigners: { a: T },
  },
  {
    desc: 'a timestamp past 2^53-1 does not count',
    policy: two,
    checkpoint: `${signed}${a()}${b(2n ** 53n)}`,
    satisfied: false,
    q: 0,
    cosigners: { a: T },
  },
  {
    desc: 'a timestamp past 2^53-1 spoils nothing',
    policy: two,
    checkpoint: `${signed}${a()}${b(2n ** 60n)}${d()}`,
    satisfied: true,
    q: T,
    cosigners: { a: T, d: T },
  },
  {
    desc: 'nested: the oldest of those needed',
    policy: nested,
    checkpoint: `${signed}${a(T - 9)}${b(T - 1)}${d(T - 3)}${cosignature(elder, text, T - 2)}`,
    satisfied: true,
    q: T - 3,
    cosigners: { a: T - 9, b: T - 1, d: T - 3, e: T - 2 },
  },
  {
    desc: 'nested, one short',
    policy: nested,
    checkpoint: `${signed}${a()}${b()}${d()}`,
    satisfied: false,
    q: 0,
    cosigners: { a: T, b: T, d: T },
  },
  {
    desc: 'both types of witness',
    policy: `${ab}${wc}group q all a c\nquorum q\n`,
    checkpoint: `${signed}${a(T - 1)}${cosignature(cedar, text, T)}`,
    satisfied: true,
    q: T - 1,
    cosigners: { a: T - 1, c: T },
  },
  {
    desc: 'two lines of one operator in a group of its own',
    policy: `${ab}${wa2}group o any a a2\ngroup q all o b\nquorum q\n`,
    checkpoint: `${signed}${cosignature(alder2, text, T)}${b(T - 1)}`,
    satisfied: true,
    q: T - 1,
    cosigners: { b: T - 1, a2: T },
  },
  {
    desc: 'an extension line: the ML-DSA-44 witness does not count',
    policy: `${ab}${wc}group q all a c\nquorum q\n`,
    checkpoint: `${extended}\n${plainLine(log01, extended)}${cosignature(alder, extended, T)}${cosignature(cedar, extended, T)}`,
    satisfied: false,
    q: 0,
    cosigners: { a: T },
  },
  {
    desc: 'either log of two',
    policy: `${log}log ${vkey({ name: 'second.example', type: 1, key: ed25519('second') })}\n${wa}quorum a\n`,
    checkpoint: `${signed}${a()}`,
    satisfied: true,
    q: T,
    cosigners: { a: T },
  },

  {
    desc: 'another origin',
    policy: two,
    checkpoint: `${elsewhere}\n${plainLine(log01, elsewhere)}`,
    problem: 'WRONG_ORIGIN',
  },
  {
    desc: "another origin, signed by that origin's own log",
    policy: two,
    checkpoint: `${elsewhere}\n${plainLine({ ...log01, name: `${ORIGIN}2` }, elsewhere)}`,
    problem: 'WRONG_ORIGIN',
  },
  { desc: 'witnesses but no log', policy: two, checkpoint: `${text}\n${a()}${b()}`, problem: 'UNSIGNED' },
  {
    desc: "only the log's key that the policy does not list",
    policy: two,
    checkpoint: `${text}\n${cosignature(log06, text, T)}${a()}${b()}`,
    problem: 'UNSIGNED',
  },
  {
    desc: 'a log key of a type that cannot be verified here',
    policy: `log ${ORIGIN}+01020304+BQEC\nquorum none\n`,
    checkpoint: `${text}\n— ${ORIGIN} AQIDBAU=\n`,
    problem: 'UNSIGNED',
  },
  {
    desc: 'the log signature broken',
    policy: two,
    checkpoint: `${text}\n${broken(plainLine(log01, text))}${a()}${b()}`,
    problem: 'BAD_SIGNATURE',
  },
  {
    desc: 'the log signs twice',
    policy: two,
    checkpoint: `${signed}${plainLine(log01, text)}${a()}${b()}`,
    problem: 'DUPLICATE_SIGNATURE',
  },
  {
    desc: 'a known witness fails, the quorum otherwise met',
    policy: two,
    checkpoint: `${signed}${a()}${b()}${broken(d())}`,
    problem: 'BAD_SIGNATURE',
  },
  {
    desc: 'a known witness fails beside its own good line',
    policy: two,
    checkpoint: `${signed}${a()}${b()}${broken(a())}`,
    problem: 'BAD_SIGNATURE',
  },
  {
    desc: 'a listed witness that the quorum does not need fails',
    policy: `${ab}quorum a\n`,
    checkpoint: `${signed}${a()}${broken(b())}`,
    problem: 'BAD_SIGNATURE',
  },
  {
    desc: 'a known witness fails under quorum none',
    policy: `${ab}quorum none\n`,
    checkpoint: `${signed}${broken(b())}`,
    problem: 'BAD_SIGNATURE',
  },
  {
    desc: 'a cosignature over another root',
    policy: two,
    checkpoint: `${signed}${a()}${cosignature(birch, forked, T)}`,
    problem: 'BAD_SIGNATURE',
  },
  {
    desc: 'a cosignature over another origin',
    policy: two,
    checkpoint: `${signed}${a()}${cosignature(birch, elsewhere, T)}`,
    problem: 'BAD_SIGNATURE',
  },
  {
    desc: 'an extension line under an ML-DSA-44 log key',
    policy: `log ${vkey(log06)}\n${wa}quorum a\n`,
    checkpoint: `${extended}\n${cosignature(log06, text, T)}${cosignature(alder, extended, T)}`,
    problem: 'UNSIGNED',
  },
]

/** Policies, what trust files demand of them, and what they say about checkpoints (C2SP tlog-policy). */
export function policyVectors(): unknown {
  return {
    description:
      'C2SP tlog-policy. parse: counts, groups as [name, threshold, ...members] and quorum, or error. trust: the rules of a trust file (docs/formats.md §2), options as in it: forkCost, or error. quorum: what a policy says about a signed checkpoint: problem, or satisfied, q (0: no time; null: quorum none) and each cosigner with its timestamp.',
    parse: [...accepted, ...refused.map((entry) => ({ ...entry, error: 'FORMAT_INVALID' }))],
    trust,
    quorum,
  }
}
