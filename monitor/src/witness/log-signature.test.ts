/** The pool's answer is the one that `core` gives on the spot. */
import { loggedLines, parseSignedCheckpoint, parseVkey, type SignedCheckpoint } from '@samebits/core'
import { nodeCrypto, verifyInPool } from '@samebits/core/node'
import { expect, it } from 'vitest'
import { TestLog } from '../testing.ts'
import { verifyLogged } from './log-signature.ts'

const log = new TestLog('two-keys.example', ['ed25519', 'ml-dsa-44'])
const stranger = new TestLog('stranger.example')
const keys = log.vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
const signed = log.sign(5)
const [first = '', second = ''] = signed.text.split('\n\n')[1]?.split(/(?<=\n)/) ?? []
const withLines = (...lines: string[]) => parseSignedCheckpoint(`${signed.note.text}\n${lines.join('')}`)
const foreign = stranger.sign(5).text.split('\n\n')[1] ?? ''
const spoilt = (line: string) => line.replace(/(.)(.=*\n)$/, (_, one, rest) => `${one === 'A' ? 'B' : 'A'}${rest}`)

const cases: [string, SignedCheckpoint, number | null][] = [
  ['both lines', signed, 2],
  ['one line', withLines(second), 1],
  ['a line twice', withLines(first, first), 1],
  ['a stranger beside it', withLines(foreign, first), 1],
  ['a stranger alone', withLines(foreign), null],
  ['a bad line', withLines(spoilt(first)), null],
  ['a good line, then a bad one', withLines(first, spoilt(second)), null],
  ['a bad line, then a good one', withLines(spoilt(first), second), null],
]

it.each(cases)('%s', async (_, note, wanted) => {
  const lines = await verifyLogged(verifyInPool, note, keys)
  expect(lines?.length ?? null).toBe(wanted)
  expect(lines).toEqual(loggedLines(nodeCrypto, note, keys))
})

it('asks no further after the first false answer: a note of many bad lines costs one', async () => {
  let asked = 0
  const note = withLines(...new Array(60).fill(spoilt(first)))
  const verify: typeof verifyInPool = (...question) => {
    asked++
    return verifyInPool(...question)
  }
  expect(await verifyLogged(verify, note, keys)).toBe(null)
  expect(asked).toBe(1)
})
