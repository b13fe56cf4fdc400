/**
 * Runs `core` against data that others made, with both implementations of its cryptography. The folder holds
 *
 *     rfc6962-inclusion.json     { "cases": [ { leafIdx, treeSize, root, leafHash, proof, wantErr, desc } ] }, base64
 *     rfc6962-consistency.json   { "cases": [ { size1, size2, root1, root2, proof, wantErr, desc } ] }
 *     *-checkpoint.txt           signed checkpoints, each with *-checkpoint.vkey (the log's key) or
 *                                *-witnesses.vkey (keys of witnesses, in their plain Ed25519 form) beside it
 *
 * as in transparency-dev/merkle's `testdata` and transparency-dev/formats.
 *
 *     node --conditions=samebits-source scripts/check-vectors.ts FOLDER
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Crypto,
  checkConsistency,
  checkInclusion,
  makeVkey,
  openCheckpoint,
  parseSignedCheckpoint,
  parseVkey,
  TYPE_COSIGNATURE_ED25519,
  verifyCheckpoint,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { portableCrypto } from '@samebits/core/portable'

interface Case {
  readonly desc: string
  readonly wantErr: boolean
  readonly proof: readonly string[] | null
}
interface InclusionCase extends Case {
  readonly leafIdx: number
  readonly treeSize: number
  readonly root: string
  readonly leafHash: string
}
interface ConsistencyCase extends Case {
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
}

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('USAGE: no folder was named. Run: node --conditions=samebits-source scripts/check-vectors.ts FOLDER')
  process.exit(64)
}

const bytes = (base64: string | null) => Uint8Array.from(Buffer.from(base64 ?? '', 'base64'))
let [passed, failed] = [0, 0]

for (const [name, crypto] of Object.entries({ node: nodeCrypto, portable: portableCrypto })) {
  for (const check of await inclusionChecks(crypto)) report(name, check)
  for (const check of await consistencyChecks(crypto)) report(name, check)
  for (const check of await checkpointChecks(crypto)) report(name, check)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

interface Check {
  readonly desc: string
  readonly wantErr: boolean
  readonly run: () => void
}

function report(crypto: string, { desc, wantErr, run }: Check): void {
  let thrown: unknown = null
  try {
    run()
  } catch (error) {
    thrown = error
  }
  if ((thrown !== null) === wantErr) passed++
  else {
    failed++
    console.log(`${crypto}: ${desc}: ${wantErr ? 'was accepted' : String(thrown)}`)
  }
}

async function cases<T>(file: string): Promise<readonly T[]> {
  return (JSON.parse(await readFile(join(folder ?? '', file), 'utf8')) as { cases: T[] }).cases
}

async function inclusionChecks(crypto: Crypto): Promise<Check[]> {
  return (await cases<InclusionCase>('rfc6962-inclusion.json')).map(({ desc, wantErr, ...given }) => ({
    desc: `inclusion: ${desc}`,
    wantErr,
    run: () =>
      checkInclusion(crypto, {
        index: given.leafIdx,
        size: given.treeSize,
        leafHash: bytes(given.leafHash),
        root: bytes(given.root),
        proof: (given.proof ?? []).map(bytes),
      }),
  }))
}

async function consistencyChecks(crypto: Crypto): Promise<Check[]> {
  return (await cases<ConsistencyCase>('rfc6962-consistency.json')).map(({ desc, wantErr, ...given }) => ({
    desc: `consistency: ${desc}`,
    wantErr,
    run: () =>
      checkConsistency(crypto, {
        from: given.size1,
        to: given.size2,
        fromRoot: bytes(given.root1),
        toRoot: bytes(given.root2),
        proof: (given.proof ?? []).map(bytes),
      }),
  }))
}

async function checkpointChecks(crypto: Crypto): Promise<Check[]> {
  const files = await readdir(folder ?? '')
  const checks: Check[] = []
  for (const file of files.filter((name) => name.endsWith('-checkpoint.txt'))) {
    const base = file.slice(0, -'-checkpoint.txt'.length)
    const text = await readFile(join(folder ?? '', file), 'utf8')
    const keysIn = async (name: string) => (await readFile(join(folder ?? '', name), 'utf8')).trim().split('\n')
    if (files.includes(`${base}-checkpoint.vkey`)) {
      const keys = (await keysIn(`${base}-checkpoint.vkey`)).map((line) => parseVkey(crypto, line))
      checks.push({ desc: file, wantErr: false, run: () => void openCheckpoint(crypto, text, keys) })
      const other = text.replace(/\n([0-9]+)\n/, '\n1$1\n')
      checks.push({
        desc: `${file}, its size changed`,
        wantErr: true,
        run: () => void openCheckpoint(crypto, other, keys),
      })
    }
    if (files.includes(`${base}-witnesses.vkey`)) {
      const plain = (await keysIn(`${base}-witnesses.vkey`)).map((line) => parseVkey(crypto, line))
      const keys = plain.map((key) => makeVkey(crypto, key.name, TYPE_COSIGNATURE_ED25519, key.publicKey))
      const run = () => {
        const verified = verifyCheckpoint(crypto, parseSignedCheckpoint(text), keys)
        if (verified.length !== keys.length) throw new Error(`${verified.length} of ${keys.length} witnesses verified`)
      }
      checks.push({ desc: `${file}, its witnesses`, wantErr: false, run })
    }
  }
  return checks
}
