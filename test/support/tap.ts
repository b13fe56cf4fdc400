/** What the tap of `server-main.ts` holds: every signature that any server of a log ever made. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { parseCheckpoint, toBase64 } from '@samebits/core'
import type { History } from '../crash/history.ts'

const label = 'subtree/v1\n\0'

interface Signed {
  readonly size: number
  /** Base64. */
  readonly root: string
  /** Unix seconds, where the message states one. */
  readonly time: number | null
}

/** C2SP signed-note for Ed25519, tlog-cosignature ("ML-DSA-44 signed message") for the other key. */
function parseMessage(message: Buffer): Signed {
  if (!message.subarray(0, label.length).equals(Buffer.from(label))) {
    const { size, root } = parseCheckpoint(message.toString())
    return { size, root: toBase64(root), time: null }
  }
  const name = message.readUInt8(label.length)
  return {
    time: Number(message.readBigUInt64BE(label.length + 1 + name)),
    size: Number(message.readBigUInt64BE(message.length - 40)),
    root: message.subarray(-32).toString('base64'),
  }
}

/**
 * Tells a history of every signature in the file. Their times must not go back: no larger tree may state an earlier time than a
 * smaller one. Returns how many signatures there were.
 */
export function tellSignatures(history: History, tap: string): number {
  const lines = existsSync(tap) ? readFileSync(tap, 'utf8').trim().split('\n') : []
  const signed = lines.map((line) => parseMessage(Buffer.from(line, 'base64')))
  for (const { size, root } of signed) history.sawSigned(size, root)
  const timed = signed.filter((one) => one.time !== null).sort((a, b) => a.size - b.size)
  let latest = { size: 0, time: 0 }
  for (const { size, time } of timed) {
    if (size > latest.size)
      assert.ok((time ?? 0) >= latest.time, `size ${size} states ${time}, size ${latest.size} ${latest.time}`)
    latest = { size, time: Math.max(latest.time, time ?? 0) }
  }
  return signed.length
}
