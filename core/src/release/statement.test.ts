import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { formatStatement, parseStatement, StatementError, statementId } from './statement.ts'

interface Case {
  readonly desc: string
  readonly payload: string
  readonly kind?: string
  readonly id?: string
  readonly error?: string
}
const { cases } = JSON.parse(
  readFileSync(new URL('../../../test/vectors/statement.json', import.meta.url), 'utf8'),
) as { cases: readonly Case[] }

const faultOf = (payload: string): string => {
  try {
    parseStatement(utf8(payload))
    return 'accepted'
  } catch (error) {
    if (error instanceof StatementError) return error.fault
    throw error
  }
}

describe('a statement is read', () => {
  it.each(cases.filter(({ error }) => error === undefined))('$desc', ({ payload, kind, id }) => {
    const statement = parseStatement(utf8(payload))
    expect(statement.kind).toBe(kind)
    expect(statementId(nodeCrypto, utf8(payload))).toBe(id)
    expect(fromUtf8(formatStatement(statement))).toBe(payload)
  })
})

describe('a payload is refused', () => {
  it.each(cases.filter(({ error }) => error !== undefined))('$desc', ({ payload, error }) => {
    expect(faultOf(payload)).toBe(error)
  })
})
