import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decisionVectors, summary } from '../../../scripts/vectors/decision.ts'
import { MemoryLog } from '../../../test/support/world.ts'
import { runClient } from '../../../test/support/world-client.ts'
import { fromBase64, utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { parseState } from './state-format.ts'
import type { Installed, Want } from './want.ts'

interface Case {
  readonly desc: string
  readonly now: number
  readonly want: Want
  readonly installed: Installed | null
  readonly trust: string | null
  readonly anchor: string | null
  readonly state: string | null
  readonly offers: readonly string[] | null
  readonly network: {
    readonly logs: readonly { readonly origin: string; readonly leaves: readonly string[] }[]
    readonly heads: Readonly<Record<string, readonly string[]>>
    readonly bodies: readonly string[]
  }
  readonly result: { readonly code: string; readonly step?: string; readonly sequence?: number; readonly flaw?: string }
  readonly next: object
}

const text = readFileSync(new URL('../../../test/vectors/decision.json', import.meta.url), 'utf8')
const { cases } = JSON.parse(text) as { cases: readonly Case[] }

function logOf({ origin, leaves }: Case['network']['logs'][number]): MemoryLog {
  const log = new MemoryLog(origin)
  log.add(...leaves.map(fromBase64))
  return log
}

const bytesOf = (file: string | null): Uint8Array | null => (file === null ? null : utf8(file))

describe('test/vectors/decision.json', () => {
  it('is what scripts/decision-vectors.ts writes', () => {
    expect(
      `${JSON.stringify(decisionVectors(), null, 1)}\n` === text,
      'run: node --conditions=samebits-source scripts/decision-vectors.ts',
    ).toBe(true)
  })

  it('every case has a description of its own, and most are refused', () => {
    expect(new Set(cases.map(({ desc }) => desc)).size).toBe(cases.length)
    expect(cases.filter(({ result }) => result.step !== undefined).length).toBeGreaterThan(cases.length / 2)
  })

  it.each(cases)('$desc: $result.code', ({ now, want, installed, network, result, next, ...files }) => {
    const run = runClient({
      now,
      want,
      installed,
      trust: bytesOf(files.trust),
      anchor: bytesOf(files.anchor),
      state: files.state === null ? null : parseState(nodeCrypto, utf8(files.state)),
      offers: files.offers?.map(utf8) ?? null,
      network: { logs: network.logs.map(logOf), heads: network.heads, bodies: network.bodies.map(utf8) },
    })
    expect(run.code, run.refusal?.detail).toBe(result.code)
    expect(run.refusal?.step).toBe(result.step)
    if (run.run === null) return expect.fail('stopped at the inputs')
    expect(summary(run.state)).toEqual(next)
    if (result.flaw !== undefined) expect(run.verdict?.flaw).toBe(result.flaw)
    if (result.sequence !== undefined) expect(run.verdict).toMatchObject({ sequence: result.sequence })
  })
})
