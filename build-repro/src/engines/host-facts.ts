/** What of this host makes a difference to container engines, read from /proc and /sys. */
import { readFile, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'

export interface HostFacts {
  readonly uid: number
  readonly gid: number
  readonly processors: number
  /** cgroup v1 with v2 mounted beside it: crun refuses to start there, runc does not. */
  readonly hybridCgroups: boolean
  /** CAP_SYS_RESOURCE: without it a limit above our own hard limit cannot be given to a container. */
  readonly mayRaiseLimits: boolean
  /** Our own hard limits; Infinity for "unlimited". */
  readonly hardLimits: { readonly files: number; readonly processes: number }
}

export async function readHostFacts(): Promise<HostFacts> {
  const [status, limits] = await Promise.all([readOr('/proc/self/status'), readOr('/proc/self/limits')])
  return {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    processors: availableParallelism(),
    hybridCgroups: (await isThere('/sys/fs/cgroup/unified')) && (await isThere('/sys/fs/cgroup/memory')),
    mayRaiseLimits: mayRaiseLimits(status),
    hardLimits: { files: hardLimit(limits, 'Max open files'), processes: hardLimit(limits, 'Max processes') },
  }
}

/** From /proc/self/status: bit 24 of the effective capabilities (capability.h). */
export function mayRaiseLimits(status: string): boolean {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return hex === undefined || ((BigInt(`0x${hex}`) >> 24n) & 1n) === 1n
}

/** From /proc/self/limits: the hard limit of a row. */
export function hardLimit(limits: string, row: string): number {
  const text = new RegExp(`^${row}\\s+\\S+\\s+(\\S+)`, 'm').exec(limits)?.[1]
  return text === undefined || text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)
}

async function readOr(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
