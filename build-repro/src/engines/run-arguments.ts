/** From a RunRequest to the arguments of `podman run` and `docker run`. */

import type { Mount, RunRequest } from './engine.ts'
import type { HostFacts } from './host-facts.ts'

/** Enough for a build, and the same everywhere: a build can read its limits. */
const openFiles = 4096

/** Options before the command, of the engine as a whole. */
export function globalArguments(engine: 'podman' | 'docker', host: HostFacts, runcThere: boolean): readonly string[] {
  return engine === 'podman' && host.hybridCgroups && runcThere ? ['--runtime', 'runc'] : []
}

/** `run` and everything after it. `container` is the name to stop it by. */
export function runArguments(
  engine: 'podman' | 'docker',
  request: RunRequest,
  container: string,
  host: HostFacts,
): readonly string[] {
  const { limits, user } = request
  const environment = { container: 'samebits', ...request.environment }
  return [
    'run',
    '--rm',
    `--name=${container}`,
    '--label=samebits.build=1',
    '--pull=never',
    '--log-driver=none',
    '--read-only',
    ...(engine === 'podman' ? podmanOnly(request, host) : []),
    '--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777',
    '--tmpfs=/var/tmp:rw,exec,nosuid,nodev,mode=1777',
    `--network=${request.network === 'none' ? 'none' : outside(engine)}`,
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    `--hostname=${request.hostname}`,
    `--user=${user.uid}:${user.gid}`,
    `--workdir=${request.workingFolder}`,
    ...(request.cpus === null ? [] : [`--cpuset-cpus=${request.cpus}`]),
    `--memory=${limits.memoryBytes}b`,
    `--memory-swap=${limits.memoryBytes}b`,
    `--pids-limit=${limits.processes}`,
    ...ulimits(limits.processes, host),
    ...request.mounts.map(mountArgument),
    ...Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`),
    '--entrypoint=/bin/sh',
    request.image,
    ...underShell(container, request.umask, request.command),
  ]
}

function podmanOnly(request: RunRequest, host: HostFacts): readonly string[] {
  const { uid, gid } = request.user
  return [
    '--read-only-tmpfs=false',
    '--http-proxy=false',
    '--passwd=false',
    // podman's own clock: should this process die, the container still ends.
    `--timeout=${Math.ceil(request.limits.timeoutMs / 1000) + 60}`,
    // Without root, the user inside is the user outside: folders need not change hands.
    ...(host.uid === 0 ? [] : [`--userns=keep-id:uid=${uid},gid=${gid}`]),
  ]
}

/** The engine's ordinary network, named so that no configuration of the user's chooses another. */
function outside(engine: 'podman' | 'docker'): string {
  return engine === 'podman' ? 'private' : 'bridge'
}

/** Never above our own hard limits where the host does not let us raise them: runc would not start. */
function ulimits(processes: number, host: HostFacts): readonly string[] {
  const { hardLimits, mayRaiseLimits } = host
  const files = mayRaiseLimits ? openFiles : Math.min(openFiles, hardLimits.files)
  const most = mayRaiseLimits ? processes : Math.min(processes, hardLimits.processes)
  return [`--ulimit=nofile=${files}:${files}`, `--ulimit=nproc=${most}:${most}`]
}

export function mountArgument({ source, target, writable }: Mount): string {
  return `--mount=type=bind,${field('source', source)},${field('target', target)}${writable ? '' : ',readonly'}`
}

/** Both engines read the value as one CSV record. */
function field(name: string, value: string): string {
  const text = `${name}=${value}`
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * docker has no option for the umask, so a shell sets it in both. The shell stays process 1: it reaps what a build orphans. Its
 * first line says that it runs (`startedLine`); its status is the command's. All is written into one pipe: with two, an engine may
 * hand on what came later first, and the log would not be what a person would have seen.
 */
function underShell(container: string, umask: number, command: readonly string[]): readonly string[] {
  return [
    '-c',
    `umask ${umask.toString(8).padStart(4, '0')}; exec 2>&1; echo "$0"; "$@"; exit $?`,
    container,
    ...command,
  ]
}

/** The first line of standard output once the container runs; without it whatever status there is, is the engine's. */
export function startedLine(container: string): string {
  return `${container}\n`
}
