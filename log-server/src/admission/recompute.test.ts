import { test } from 'vitest'
import { indexIsWhatTheLogSays } from './testing-recompute.ts'

test(
  'the index is what the log says, whatever was submitted and however it was batched',
  () => indexIsWhatTheLogSays(40),
  120_000,
)
