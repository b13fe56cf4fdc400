/**
 * A witness as `samebits-monitor witness` runs it, with the keys that the benchmark asks for.
 *
 *     node --conditions=samebits-source bench/witness-server.ts FOLDER ed25519[,ml-dsa-44]
 *
 * FOLDER/logs is the log list. The first line on standard output is `{"url": "http://127.0.0.1:…/witness"}`.
 */
import { join } from 'node:path'
import type { KeyAlgorithm } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import { defaultLimits, poolCosigner, startWitness } from '@samebits/monitor'

const [folder = '', algorithms = ''] = process.argv.slice(2)
const signers = algorithms
  .split(',')
  .map((algorithm) => poolCosigner(nodeCrypto, 'witness.example/bench', generateSigningKey(algorithm as KeyAlgorithm)))
const say = (fields: object, message: string) => console.error(message, fields)
const running = await startWitness(
  {
    ...{ dataDir: join(folder, 'data'), logList: join(folder, 'logs'), host: '127.0.0.1', port: 0, prefix: '/witness' },
    ...{ monitoringUrl: '', globalPerSecond: 1_000_000, maxPending: 10_000, refreshMs: 2000, limits: defaultLimits },
  },
  {
    signers,
    timing: {
      now: () => Math.floor(Date.now() / 1000),
      clock: () => performance.now() / 1000,
      defer: setImmediate,
      every(milliseconds, work) {
        const timer = setInterval(work, milliseconds)
        return () => clearInterval(timer)
      },
    },
    fetch,
    claimKeys: async () => undefined,
    operator: { info: () => undefined, warn: say, error: say },
  },
)
console.log(JSON.stringify({ url: `http://127.0.0.1:${running.port}/witness` }))
process.once('SIGTERM', () => void running.stop())
