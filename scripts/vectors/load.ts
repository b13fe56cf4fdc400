import { readFileSync } from 'node:fs'

/** The vectors of test/vectors/<name>.json. Their shape is the generator's beside this file. */
export function loadVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../test/vectors/${name}.json`, import.meta.url), 'utf8')) as T
}

/** What a call gives, or the code of the error that it throws; errors without a code are passed on. */
export function outcome<T>(call: () => T): T | { readonly error: string } {
  try {
    return call()
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return { error: error.code }
    throw error
  }
}
