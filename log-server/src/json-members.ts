/** Strict reading of the JSON that the log writes for itself: objects with exactly their members, each of its type. */
import { FormatError, type JsonObject, type JsonValue } from '@samebits/core'

/** Readers whose every fault is a FormatError of one format. */
export interface JsonMembers {
  fault(detail: string): FormatError
  /** @param members all of them; null: whatever it has */
  object(value: JsonValue | undefined, members: readonly string[] | null): JsonObject
  string(value: JsonObject, name: string): string
  /** From 0 on. */
  integer(value: JsonObject, name: string): number
}

export function jsonMembers(format: string): JsonMembers {
  const fault = (detail: string) => new FormatError(format, detail)
  return {
    fault,
    object(value, members) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault('an object is missing')
      const found = value as JsonObject
      if (members === null) return found
      const isWhole =
        Object.keys(found).length === members.length && members.every((name) => Object.hasOwn(found, name))
      if (!isWhole) throw fault(`the members are not ${members.join(', ')}`)
      return found
    },
    string(value, name) {
      const text = value[name]
      if (typeof text !== 'string') throw fault(`"${name}" is no text`)
      return text
    },
    integer(value, name) {
      const number = value[name]
      if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0)
        throw fault(`"${name}" is no number`)
      return number
    },
  }
}
