import { canonicalJson, type JsonValue } from '@samebits/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { configOf, member, release, sign, TestLog, trustFile } from './testing.ts'

const [root, alice] = [member('root'), member('alice')]
const valid = sign(release(1, null), alice.key)
const value = JSON.parse(Buffer.from(valid).toString()) as JsonValue

/** Bytes of the leaf with some of them changed, added or taken away. */
const spoilt = fc
  .array(fc.record({ at: fc.nat(valid.length), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((edits) =>
    edits.reduce<Uint8Array>(
      (bytes, { at, cut, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]),
      valid,
    ),
  )

/** The leaf in canonical form with one of its values replaced, or a member added. */
const replaced = fc.tuple(fc.nat(40), fc.jsonValue({ maxDepth: 2 })).map(([at, put]) => {
  let left = at
  const walk = (node: JsonValue): JsonValue => {
    if (left-- === 0) return put as JsonValue
    if (Array.isArray(node)) return node.map(walk)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, walk(child)]))
  }
  const changed = walk(value)
  const extended = left > 0 && typeof changed === 'object' && !Array.isArray(changed) ? { ...changed, put } : changed
  return canonicalJson(extended)
})

test('nothing but the leaf itself is admitted, and every refusal is the submitter’s fault', async () => {
  const log = await TestLog.open(configOf(trustFile({ authority: [root], publishers: [alice] })))
  try {
    const anything = fc.oneof(spoilt, replaced, fc.uint8Array(), fc.json().map(Buffer.from))
    await fc.assert(
      fc.asyncProperty(anything, async (leaf) => {
        fc.pre(Buffer.compare(leaf, valid) !== 0)
        const outcome = await log.add(leaf)
        expect(outcome).toMatchObject({ kind: 'refuse', code: expect.stringMatching(/^[a-z]+(?:-[a-z]+)*$/) })
        if (outcome.kind === 'refuse') expect([400, 403, 413]).toContain(outcome.status)
      }),
      { numRuns: 1_500 },
    )
    expect((await log.store.head())?.size).toBe(0)
    expect(await log.tell(valid)).toBe(0)
  } finally {
    await log.close()
  }
}, 60_000)
