/**
 * The part of vitest that core's tests use (`describe`, `it`, hooks, tables), as a list of cases that can be run again and one by
 * one. The assertions are vitest's own. Anything else that a test asks of vitest is missing here and fails when the file is loaded.
 */
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'

export interface Case {
  /** The path of names, and a number where two are called the same. */
  readonly name: string
  /** @throws what the test throws, a time-out among it */
  run(): Promise<void>
}

type Hook = () => unknown
type Body = (...values: readonly unknown[]) => unknown

export interface Loaded {
  readonly cases: readonly Case[]
  /** Runs what is to run after all, of the suites of which a case was run. */
  end(): Promise<void>
}

interface Suite {
  readonly name: string
  readonly before: Hook[]
  readonly after: Hook[]
  readonly end: Hook[]
  readonly parent: Suite | null
}

/** What a test file imports as `vitest`, and the cases that it has named after it ran. */
export function harness(): Loaded & { readonly vitest: object } {
  let suite: Suite = { name: '', before: [], after: [], end: [], parent: null }
  const cases: Case[] = []
  const begun: Suite[] = []
  const taken = new Map<string, number>()

  const add = (name: string, body: Body, values: readonly unknown[]) => {
    const own = suite
    const path = [...namesOf(own), name].join(' > ')
    const count = (taken.get(path) ?? 0) + 1
    taken.set(path, count)
    cases.push({
      name: count === 1 ? path : `${path} (${count})`,
      async run() {
        await begin(own, begun)
        try {
          await body(...values)
        } finally {
          for (const { after } of lineOf(own)) for (const hook of after) await hook()
        }
      },
    })
  }
  const it = (name: string, ...rest: readonly unknown[]) => add(name, bodyOf(rest), [])
  it.each =
    (table: readonly unknown[]) =>
    (name: string, ...rest: readonly unknown[]) => {
      for (const row of table) add(name, bodyOf(rest), Array.isArray(row) ? row : [row])
    }
  const within = (name: string, body: Body, values: readonly unknown[]) => {
    const outer = suite
    suite = { name, before: [], after: [], end: [], parent: outer }
    body(...values)
    suite = outer
  }
  const describe = (name: string, ...rest: readonly unknown[]) => within(name, bodyOf(rest), [])
  describe.each =
    (table: readonly unknown[]) =>
    (name: string, ...rest: readonly unknown[]) => {
      for (const row of table) within(name, bodyOf(rest), Array.isArray(row) ? row : [row])
    }
  const vitest = {
    describe,
    it,
    test: it,
    expect: new Proxy(expect, { get: (target, key) => (key === 'poll' ? poll : Reflect.get(target, key)) }),
    beforeAll: (hook: Hook) => suite.before.push(hook),
    afterAll: (hook: Hook) => suite.end.push(hook),
    afterEach: (hook: Hook) => suite.after.push(hook),
    vi: { setConfig: () => {} },
  }
  const end = async () => {
    for (const { end } of begun.reverse()) for (const hook of end) await hook()
  }
  return { vitest, cases, end }
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

function bodyOf(rest: readonly unknown[]): Body {
  const body = rest.find((part) => typeof part === 'function')
  if (body === undefined) throw new TypeError('a test without a body')
  return body as Body
}

/** From the innermost outwards. */
function lineOf(suite: Suite): readonly Suite[] {
  return suite.parent === null ? [suite] : [suite, ...lineOf(suite.parent)]
}

function namesOf(suite: Suite): readonly string[] {
  return lineOf(suite)
    .map(({ name }) => name)
    .filter((name) => name !== '')
    .reverse()
}

async function begin(suite: Suite, begun: Suite[]): Promise<void> {
  for (const one of [...lineOf(suite)].reverse()) {
    if (begun.includes(one)) continue
    begun.push(one)
    for (const hook of one.before) await hook()
  }
}
