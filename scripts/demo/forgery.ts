/** What an attacker with the publisher's key, but without the log, can make at best: a good signature and a borrowed proof. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { formatStatement, formatUpdateBundle, parseEntry, parseUpdateBundle, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { readStatementKey } from '../../build-repro/src/keygen.ts'
import { signStatement } from '../../build-repro/src/signing.ts'

/** The bundle with the release's entry replaced by one that names `artifact`, properly signed. */
export async function forgeUnlogged(given: { bundle: string; keyFile: string; artifact: string }): Promise<Uint8Array> {
  const bundle = parseUpdateBundle(await readFile(given.bundle))
  const key = await readStatementKey(given.keyFile)
  const views = await Promise.all(
    bundle.views.map(async (view) => ({
      ...view,
      entries: await Promise.all(
        view.entries.map(async (entry) => {
          const { statement } = parseEntry(nodeCrypto, entry.leaf)
          if (statement.kind !== 'release') return entry
          const sha256 = createHash('sha256').update(given.artifact).digest('hex')
          const [artifact] = statement.artifacts
          if (artifact === undefined) return entry
          const lie = { ...statement, artifacts: [{ ...artifact, sha256, size: utf8(given.artifact).length }] }
          return { ...entry, leaf: await signStatement(formatStatement(lie), key) }
        }),
      ),
    })),
  )
  return formatUpdateBundle({ ...bundle, views })
}
