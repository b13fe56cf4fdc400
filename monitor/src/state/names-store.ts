/** The table of names: origins and products stand in millions of rows, each as one number. */
import type Database from 'better-sqlite3'

/** Names whose numbers are at hand; past it all are asked for again. */
const maxKnown = 8192

export class Names {
  readonly #numbers = new Map<string, number>()
  readonly #texts = new Map<number, string>()
  readonly #numberOf: Database.Statement<[string], number>
  readonly #textOf: Database.Statement<[number], string>
  readonly #add: Database.Statement<[string]>

  constructor(database: Database.Database) {
    this.#numberOf = database.prepare<[string], number>('SELECT number FROM name WHERE text = ?').pluck()
    this.#textOf = database.prepare<[number], string>('SELECT text FROM name WHERE number = ?').pluck()
    this.#add = database.prepare<[string]>('INSERT INTO name (text) VALUES (?)')
  }

  /** Null where nothing of that name was ever written. */
  find(text: string): number | null {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const number = this.#numberOf.get(text)
    return number === undefined ? null : this.#remember(number, text)
  }

  /** Inside a transaction. */
  add(text: string): number {
    return this.find(text) ?? this.#remember(Number(this.#add.run(text).lastInsertRowid), text)
  }

  /** @throws RangeError for a number that no row can hold */
  text(number: number): string {
    const known = this.#texts.get(number)
    if (known !== undefined) return known
    const text = this.#textOf.get(number)
    if (text === undefined) throw new RangeError(`no name has the number ${number}`)
    this.#remember(number, text)
    return text
  }

  /** A transaction was rolled back: numbers that it gave may be given again. */
  forget(): void {
    this.#numbers.clear()
    this.#texts.clear()
  }

  #remember(number: number, text: string): number {
    if (this.#numbers.size >= maxKnown) this.forget()
    this.#numbers.set(text, number)
    this.#texts.set(number, text)
    return number
  }
}
