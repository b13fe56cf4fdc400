/**
 * An engine that runs steps on this machine and says that it isolates: for everything about rebuilding but the container, on machines
 * without one. No command line reaches it.
 */
import type { ContainerEngine } from '../../build-repro/src/engines/engine.ts'
import { hostEngine } from '../../build-repro/src/engines/host-engine.ts'

export const unboxedImage: string = `sha256:${'0'.repeat(64)}`

export function unboxedEngine(): ContainerEngine {
  const parts = { version: '0', platform: 'linux/amd64', searchPath: process.env['PATH'] ?? '/usr/bin:/bin' }
  return { ...hostEngine(parts), name: 'podman', isolates: true, adaptations: [] }
}
