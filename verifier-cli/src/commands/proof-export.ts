/** `samebits proof export BUNDLE`: each entry as a C2SP tlog-proof, beside the leaf it speaks for. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleCaps, formatTlogProof, parseDecimal, parseSignedCheckpoint, parseUpdateBundle } from '@samebits/core'
import { ProgramError, writeFileDurably } from '@samebits/host'
import type { Run } from '../command.ts'
import { readInput } from '../input-file.ts'
import { writeJson } from '../report.ts'

interface Exported {
  readonly index: number
  readonly proof: string
  readonly entry: string
}

export const run: Run = async (given, world) => {
  const only = indexOption(given.text('index'))
  const folder = given.text('out') ?? '.'
  const { views } = parseUpdateBundle(readInput('bundle', given.positionals[0] ?? '', bundleCaps.bytes))
  await mkdir(folder, { recursive: true })
  const written: Exported[] = []
  for (const { checkpoint: text, entries } of views) {
    const checkpoint = parseSignedCheckpoint(text)
    for (const { index, inclusion, leaf } of entries) {
      if (only !== null && index !== only) continue
      const [proof, entry] = [join(folder, `${index}.tlog-proof`), join(folder, `${index}.entry`)]
      await writeFileDurably(proof, formatTlogProof({ index, hashes: inclusion, checkpoint }))
      await writeFileDurably(entry, leaf)
      written.push({ index, proof, entry })
    }
  }
  if (written.length === 0)
    throw new ProgramError({
      code: 'PROOF_MISSING',
      detail: 'the bundle holds no such entry',
      remedy: 'Run: samebits inspect on the bundle.',
      exitCode: 10,
    })
  if (world.json) writeJson(world, { exported: written })
  else for (const { proof, entry } of written) world.stdout.write(`${proof}  proves that ${entry} is in the log\n`)
  return 0
}

function indexOption(text: string | undefined): number | null {
  if (text === undefined) return null
  try {
    return parseDecimal(text)
  } catch {
    throw new ProgramError({ code: 'USAGE', detail: `--index ${text} is no index`, remedy: 'Give a whole number.' })
  }
}
