/** What the documents say of this suite is true of its rows. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { groups } from './cases/all.ts'

/** `<listed under> <answered with>` of each line. */
async function readTable(): Promise<ReadonlySet<string>> {
  const text = await readFile(new URL('../../docs/attacks.md', import.meta.url), 'utf8')
  const [, rows = ''] = text.split('| case | listed under | answered with |\n')
  const pairs = rows.matchAll(/^\|[^|]+\| ([A-Z_, ]+) \| ([^|]*)\|$/gm)
  return new Set(
    [...pairs].flatMap(([, listed = '', answered = '']) =>
      listed
        .split(', ')
        .flatMap((code) => (answered.match(/[A-Z]{2}[A-Z_]+/g) ?? []).map((result) => `${code} ${result}`)),
    ),
  )
}

test('every case that another code answers is in the table', async () => {
  const table = await readTable()
  const answered = groups.flatMap(({ code, rows }) =>
    rows.filter(({ result }) => result !== code).map(({ result }) => `${code} ${result}`),
  )
  const neighbours = new Set(answered.filter((pair) => /^[A-Z_]+ [A-Z_]+$/.test(pair)))
  expect(neighbours.size).toBeGreaterThan(5)
  expect([...neighbours].filter((pair) => !table.has(pair))).toEqual([])
})

test.runIf(process.getuid?.() === 0)('the README counts the cases that there are', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, counted] = readme.match(/^([0-9]+) of those cases/m) ?? []
  expect(Number(counted)).toBe(groups.flatMap(({ rows }) => rows).length)
})
