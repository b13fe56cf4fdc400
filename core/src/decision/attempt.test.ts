import { describe, expect, test } from 'vitest'
import { FormatError, NoteError, ProofError } from '../errors.ts'
import { attempt, noteFaults } from './attempt.ts'

describe('attempt', () => {
  const refuse = (error: Error) => () => {
    throw error
  }
  test('is what the work returns', () => {
    expect(attempt(noteFaults, () => 7, String)).toBe(7)
  })
  test.each([new FormatError('note', 'no'), new NoteError('UNSIGNED', 'no')])('%s is an answer', (error) => {
    expect(attempt(noteFaults, refuse(error), ({ detail }) => detail)).toBe('no')
  })
  test.each([new ProofError('no'), new TypeError('no')])('%s is a defect', (error) => {
    expect(() => attempt(noteFaults, refuse(error), () => null)).toThrow(error)
  })
})
