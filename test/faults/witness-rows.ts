/** A witness that says it knows more than there is. */

import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { formatVkey, makeVkey, TYPE_COSIGNATURE_ED25519 } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { newWitness } from '../support/witness-process.ts'
import type { Row } from './row.ts'
import { TappedLog } from './tapped-log.ts'

export const witnessRows: readonly Row[] = [
  {
    name: 'a lying 409: one of two witnesses claims a larger tree with every answer',
    // It is asked ever less often the more it fails.
    strikes: 6,
    run: lyingConflict,
  },
]

async function lyingConflict(strikes: number) {
  let lies = 0
  const liar = createServer((req, res) => {
    if (req.method !== 'POST') return void res.writeHead(404).end()
    lies++
    res.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${1_000_000 + lies}\n`)
  })
  await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve))
  const address = liar.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  const policy = { path: '' }
  const options = { witnessMinIntervalMs: 10, witnessTimeoutMs: 3000 }
  const log = await TappedLog.create(undefined, {
    ...options,
    get policy() {
      return policy.path
    },
  })
  const honest = await newWitness('witness.example/honest', log.vkeys)
  try {
    const stranger = makeVkey(nodeCrypto, 'liar', TYPE_COSIGNATURE_ED25519, generateSigningKey('ed25519').publicKey)
    policy.path = join(log.folder, 'policy')
    await writeFile(
      policy.path,
      `log ${log.vkeys[1]}\nwitness honest ${honest.vkeys[0]} ${honest.url}\n` +
        `witness liar ${formatVkey(stranger)} http://127.0.0.1:${port}/\ngroup one any honest liar\nquorum one\n`,
    )
    await log.start()
    log.storm()
    while (lies < strikes) await log.progress(2)
    await log.calm()
    return await log.judge(lies)
  } finally {
    await log.remove()
    await honest.remove()
    liar.close()
  }
}
