/** Parts of a machine that unit tests hand in: time that passes only by sleeping. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Fetch, Machine } from './machine.ts'

export interface TestMachine {
  readonly machine: Machine
  /** Every wait, in milliseconds. */
  readonly slept: readonly number[]
  readonly said: readonly string[]
  elapsed(): number
}

export function testMachine(parts: { random?: () => number; fetch?: Fetch; now?: number } = {}): TestMachine {
  const slept: number[] = []
  const said: string[] = []
  let ms = 0
  const machine: Machine = {
    fetch: parts.fetch ?? (() => Promise.reject(new Error('no network here'))),
    now: () => (parts.now ?? 1_795_000_000) + Math.floor(ms / 1000),
    elapsedMs: () => ms,
    random: parts.random ?? (() => 0.5),
    async sleep(wait, signal) {
      signal.throwIfAborted()
      slept.push(wait)
      ms += Math.max(wait, 1)
    },
    say: (line) => void said.push(line),
  }
  return { machine, slept, said, elapsed: () => ms }
}

/** Runs `work` in an empty folder and removes it afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-build-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
