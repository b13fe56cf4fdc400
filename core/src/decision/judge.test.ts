import { describe, expect, it } from 'vitest'
import { twoReleases } from '../../../test/support/world-scene.ts'

describe('an honest update', () => {
  it('is accepted', () => {
    const result = twoReleases().run()
    expect(result.refusal).toBeNull()
    expect(result.code).toBe('accepted')
    console.log(
      JSON.stringify(
        result,
        (k, v) => (k === 'trust' || k === 'body' || k === 'run' || v instanceof Uint8Array ? undefined : v),
        1,
      ).slice(0, 6000),
    )
  })
})
