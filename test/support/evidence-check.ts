/** `samebits-monitor evidence check` as a process of its own. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface Checked {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export function checksEvidence(file: string, ...believing: readonly string[]): Promise<Checked> {
  const main = join(root, 'monitor/src/main.ts')
  const words = ['--conditions=samebits-source', main, 'evidence', 'check', file, ...believing]
  return new Promise((resolve) => {
    execFile(process.execPath, words, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ status, stdout, stderr })
    })
  })
}
