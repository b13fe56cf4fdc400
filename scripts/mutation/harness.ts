/**
 * The part of vitest that core's tests use (`describe`, `it`, hooks, tables), as a list of cases that can be run one by one. The
 * assertions are vitest's own. Anything else that a test asks of vitest is missing here, and fails when the file is loaded.
 */
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'

export interface Case {
  /** The path of names, and a number where two are called the same. */
  readonly name: string
  /** @throws what the test throws */
  run(): Promise<void>
}

type Hook = () => unknown
type Body = (...values: readonly unknown[]) => unknown

interface Suite {
  readonly name: string
  readonly before: Hook[]
  readonly after: Hook[]
  readonly end: Hook[]
  readonly parent: Suite | null
}

/** What a test file imports as `vitest`, and the cases that it has named once it ran. */
export class Harness {
  readonly cases: Case[] = []
  #suite: Suite = { name: '', before: [], after: [], end: [], parent: null }
  readonly #begun: Suite[] = []
  readonly #taken = new Map<string, number>()

  get vitest(): object {
    const it = tabled((name, body, values) => this.#add(name, body, values))
    return {
      describe: tabled((name, body, values) => this.#within(name, body, values)),
      it,
      test: it,
      expect: new Proxy(expect, { get: (target, key) => (key === 'poll' ? poll : Reflect.get(target, key)) }),
      beforeAll: (hook: Hook) => this.#suite.before.push(hook),
      afterAll: (hook: Hook) => this.#suite.end.push(hook),
      afterEach: (hook: Hook) => this.#suite.after.push(hook),
      vi: { setConfig: () => {} },
    }
  }

  /** Runs what is to run after all, of the suites of which a case was run. */
  async end(): Promise<void> {
    for (const suite of this.#begun.reverse()) for (const hook of suite.end) await hook()
  }

  #add(name: string, body: Body, values: readonly unknown[]): void {
    const suite = this.#suite
    const path = [...namesOf(suite), name].join(' > ')
    const count = (this.#taken.get(path) ?? 0) + 1
    this.#taken.set(path, count)
    const run = async () => {
      await this.#begin(suite)
      try {
        await body(...values)
      } finally {
        for (const { after } of lineOf(suite)) for (const hook of after) await hook()
      }
    }
    this.cases.push({ name: count === 1 ? path : `${path} (${count})`, run })
  }

  #within(name: string, body: Body, values: readonly unknown[]): void {
    const parent = this.#suite
    this.#suite = { name, before: [], after: [], end: [], parent }
    body(...values)
    this.#suite = parent
  }

  async #begin(suite: Suite): Promise<void> {
    for (const one of lineOf(suite).toReversed()) {
      if (this.#begun.includes(one)) continue
      this.#begun.push(one)
      for (const hook of one.before) await hook()
    }
  }
}

/** `f(name, options?, body)`, and `f.each(table)(name, options?, body)`. */
function tabled(act: (name: string, body: Body, values: readonly unknown[]) => void) {
  const once = (name: string, ...rest: readonly unknown[]) => act(name, bodyOf(rest), [])
  const each =
    (table: readonly unknown[]) =>
    (name: string, ...rest: readonly unknown[]) => {
      for (const row of table) act(name, bodyOf(rest), Array.isArray(row) ? row : [row])
    }
  return Object.assign(once, { each })
}

function bodyOf(rest: readonly unknown[]): Body {
  const body = rest.find((part) => typeof part === 'function')
  if (body === undefined) throw new TypeError('a test without a body')
  return body as Body
}

/** vitest's own wants to know which of its tests asks. */
function poll(read: () => unknown) {
  return {
    async toBe(value: unknown): Promise<void> {
      for (let tries = 0; tries < 200 && read() !== value; tries++) await setTimeout(25)
      expect(read()).toBe(value)
    },
  }
}

/** From the innermost outwards. */
function lineOf(suite: Suite): readonly Suite[] {
  return suite.parent === null ? [suite] : [suite, ...lineOf(suite.parent)]
}

function namesOf(suite: Suite): readonly string[] {
  return lineOf(suite)
    .map(({ name }) => name)
    .filter((name) => name !== '')
    .toReversed()
}
