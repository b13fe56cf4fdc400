/**
 * The machine itself as an engine: no image, no isolation, the source tree wherever it happens to lie. For a first look only:
 * whatever it made is host-build/v1, and never a vote.
 */
import { ProgramError } from '@samebits/host'
import type { ContainerEngine, ImageFacts, RunRequest } from './engine.ts'
import { runProcess } from './process.ts'

export interface HostEngineParts {
  /** Of Node: what is reported. */
  readonly version: string
  readonly platform: string
  /** PATH of this process: the one thing that a build here takes from it. */
  readonly searchPath: string
}

/** What stands where an image ID would. */
const noImage = `sha256:${'0'.repeat(64)}`

export function hostEngine(parts: HostEngineParts): ContainerEngine {
  const facts: ImageFacts = { id: noImage, platform: parts.platform, environment: [`PATH=${parts.searchPath}`] }
  return {
    name: 'host',
    version: parts.version,
    isolates: false,
    adaptations: ['no container: what this machine has installed decides, and the result is never attested'],
    findImage: async () => facts,
    loadImage: async () => facts,
    pullImage: async () => facts,
    buildImage: async () => facts,
    async run(request, signal) {
      const command = onHost(request)
      const end = await runProcess(
        {
          file: '/bin/sh',
          args: ['-c', `umask ${request.umask.toString(8).padStart(4, '0')}; exec 2>&1; "$@"`, 'sh', ...command],
          cwd: outsidePath(request, request.workingFolder),
          environment: { ...request.environment, HOME: outsidePath(request, request.environment['HOME'] ?? '/') },
          timeoutMs: request.limits.timeoutMs,
          onStdout: request.onOutput,
        },
        signal,
      )
      if (end.timedOut) return { kind: 'timed-out' }
      return { kind: 'exited', status: end.status ?? 137 }
    },
    giveFolder: async () => undefined,
    takeFolder: async () => undefined,
  }
}

function onHost(request: RunRequest): readonly string[] {
  const [program] = request.command
  if (program === undefined)
    throw new ProgramError({
      code: 'ENGINE_FAILED',
      detail: 'there is no command to run',
      remedy: 'Give a build step.',
    })
  return request.command
}

/** Where a path inside lies on this machine: there are no mounts here. */
function outsidePath({ mounts }: RunRequest, inside: string): string {
  const mount = mounts.find(({ target }) => inside === target || inside.startsWith(`${target}/`))
  return mount === undefined ? inside : mount.source + inside.slice(mount.target.length)
}
