/**
 * `POST /add` with full admission: signed releases of many products, each continuing its product's chain, checked for form,
 * canonical bytes, signature, key, sequence and previous, by submitters that wait for the published answer.
 *
 *     node --conditions=samebits-source bench/admission.ts [--submitters 512] [--releases 60]
 *
 * The releases are signed before the clock starts.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createLogFolder, type LogFolder, startLog } from '../test/support/log-process.ts'
import { runLoad } from './load.ts'
import { chain, trustFile } from './product.ts'
import { number, report } from './report.ts'

const { values } = parseArgs({
  options: { submitters: { type: 'string', default: '512' }, releases: { type: 'string', default: '60' } },
})
const submitters = Number(values.submitters)
const releases = Number(values.releases)

const folder = await createLogFolder()
try {
  await writeProducts(folder)
  const chains = Array.from({ length: submitters }, (_, at) => chain(productName(at), releases).map(({ leaf }) => leaf))
  const bytes = chains[0]?.[0]?.length ?? 0
  const flags = ['--mode', 'product', '--admission-file', join(folder.path, 'admission.json'), '--log-level', 'warn']
  const log = await startLog(folder, flags)
  try {
    const { perSecond, p50Ms, p99Ms, refused } = await runLoad({
      ...{ host: '127.0.0.1', port: log.port, submitters, entryBytes: bytes, warmupMs: 1000, measureMs: 5000 },
      entry: (submitter, n) => chains[submitter]?.[n] ?? null,
    })
    report({
      what: `signed releases/s with full admission, ${submitters} submitters, ${bytes} bytes`,
      ours: `${number(perSecond)}, p50 / p99 ${number(p50Ms)} / ${number(p99Ms)} ms, refused ${refused}`,
      peer: null,
    })
  } finally {
    await log.kill('SIGTERM')
  }
} finally {
  await folder.remove()
}

function productName(at: number): string {
  return `bench.example/p${at}`
}

async function writeProducts({ path, vkeys }: LogFolder): Promise<void> {
  const products: Record<string, string> = {}
  for (let at = 0; at < submitters; at++) {
    const file = join(path, `trust-${at}.json`)
    await writeFile(file, trustFile(productName(at), vkeys.at(-1) ?? '', 'http://127.0.0.1:2025'))
    products[productName(at)] = file
  }
  await writeFile(join(path, 'admission.json'), JSON.stringify({ format: 1, mode: 'product', products }))
}
