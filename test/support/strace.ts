/** strace, which kills a process or fails its calls at a chosen one (strace(1), `inject`). */
import { execFileSync } from 'node:child_process'

export const strace = '/usr/bin/strace'

/** Whether it is there and this user may trace; tests that need it are skipped otherwise. */
export function mayTrace(): boolean {
  try {
    execFileSync(strace, ['-o', '/dev/null', 'true'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}
