/** An installation in a process of its own that is killed when it reaches a step. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { HealthCheck } from '../src/health-check.ts'
import type { InstallJob } from '../src/install-job.ts'

type Job = Pick<InstallJob, 'next' | 'installed'> & {
  readonly unpack?: InstallJob['unpack']
  readonly healthCheck?: HealthCheck | undefined
}

export async function dieWhileInstalling(folder: string, step: string, job: Job) {
  const script = join(import.meta.dirname, 'install-and-die.ts')
  const child = spawn(process.execPath, ['--conditions=samebits-source', script, folder, step, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let steps = ''
  child.stdout.on('data', (text) => {
    steps += text
  })
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...end) => resolve(end)),
  )
  return { status, signal, steps: steps.trim().split('\n') }
}
