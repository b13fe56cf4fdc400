/** podman and docker through their command lines: what they share is nearly everything. */
import { lchown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes, ProgramError, visible } from '@samebits/host'
import { z } from 'zod'
import type { ContainerEngine, ImageBuild, ImageFacts, RunOutcome, RunRequest } from './engine.ts'
import type { HostFacts } from './host-facts.ts'
import { type Captured, captureProcess, runProcess } from './process.ts'
import { globalArguments, mountArgument, runArguments, startedLine } from './run-arguments.ts'

export interface CliEngineParts {
  readonly name: 'podman' | 'docker'
  readonly version: string
  readonly host: HostFacts
  /** Whether runc is installed: podman falls back to it where crun cannot start. */
  readonly runcThere: boolean
  /** Of the client: where its daemon, storage and configuration are. Nothing of it reaches a container. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** A new name for a container; unique on this host. */
  readonly newName: () => string
}

export function cliEngine(parts: CliEngineParts): ContainerEngine {
  const { name, version, host, environment } = parts
  const before = globalArguments(name, host, parts.runcThere)
  const request = (args: readonly string[]) => ({ file: name, args: [...before, ...args], environment })
  const ask = (args: readonly string[], signal: AbortSignal) => captureProcess(request(args), signal)

  async function inspect(reference: string, signal: AbortSignal): Promise<ImageFacts | null> {
    const answer = await ask(['image', 'inspect', reference], signal)
    if (answer.status === 0) return readInspection(name, answer.stdout)
    if (/no such (image|object)|not known|not found/i.test(answer.stderr)) return null
    throw failed(name, `inspecting the image ${reference}`, answer)
  }

  async function demand(reference: string, signal: AbortSignal): Promise<ImageFacts> {
    const facts = await inspect(reference, signal)
    if (facts !== null) return facts
    throw new ProgramError({
      code: 'IMAGE_MISSING',
      detail: `${name} does not have the image ${reference}, although it said so`,
      remedy: `Look at what ${name} image ls shows.`,
    })
  }

  async function removeContainer(container: string): Promise<void> {
    const never = new AbortController().signal
    await ask(['kill', '--signal=KILL', container], never) // fails where it has ended: what remains is looked at below
    for (let attempt = 0; attempt < 20; attempt++) {
      await ask(['rm', '--force', '--volumes', container], never)
      const left = await ask(['ps', '--all', '--quiet', `--filter=name=^${container}$`], never)
      if (left.status === 0 && left.stdout.trim() === '') return
    }
    throw new ProgramError({
      code: 'ENGINE_FAILED',
      detail: `${name} cannot remove the container ${container}`,
      remedy: `Remove it with ${name} rm --force ${container}.`,
    })
  }

  async function run(wanted: RunRequest, signal: AbortSignal): Promise<RunOutcome> {
    const container = parts.newName()
    const tail = lastBytes(4096)
    const onOutput = (chunk: Uint8Array) => {
      tail.add(chunk)
      wanted.onOutput(chunk)
    }
    const stdout = afterLine(startedLine(container), onOutput)
    const end = await runProcess(
      {
        ...request(runArguments(name, wanted, container, host)),
        timeoutMs: wanted.limits.timeoutMs,
        onStdout: stdout.write,
        onStderr: onOutput,
        onStop: () => removeContainer(container),
      },
      signal,
    )
    if (end.timedOut) return { kind: 'timed-out' }
    if (end.status === null || !stdout.passed()) {
      await removeContainer(container)
      throw failed(name, 'starting a container', { ...end, stdout: '', stderr: tail.text() })
    }
    return { kind: 'exited', status: end.status }
  }

  /** As root in a container, for a user who may use docker but is not root: what runs inside leaves files of another user. */
  async function chownInside(folder: string, owner: string, image: string, signal: AbortSignal): Promise<void> {
    const args = ['run', '--rm', '--pull=never', '--network=none', '--read-only', '--user=0:0', '--entrypoint=chown']
    const mount = mountArgument({ source: folder, target: '/samebits-folder', writable: true })
    const answer = await ask([...args, mount, image, '-R', owner, '/samebits-folder'], signal)
    if (answer.status !== 0) throw failed(name, `changing the owner of ${folder}`, answer)
  }

  return {
    name,
    version,
    isolates: true,
    adaptations: adaptations(parts),
    findImage: inspect,
    async loadImage(archive, id, signal) {
      const answer = await ask(['load', '--quiet', '--input', archive], signal)
      if (answer.status !== 0) throw failed(name, `loading ${archive}`, answer)
      const facts = await inspect(id, signal)
      if (facts !== null) return facts
      throw new ProgramError({
        code: 'IMAGE_MISMATCH',
        detail: `${archive} does not hold the image ${id}; ${name} said: ${visible(answer.stdout.trim())}`,
        remedy: 'Make the image again with samebits-build image, or correct the ID in the recipe.',
        exitCode: 10,
      })
    },
    async pullImage(reference, signal) {
      const answer = await ask(['pull', '--quiet', reference], signal)
      if (answer.status !== 0) throw failed(name, `pulling ${reference}`, answer)
      return demand(reference, signal)
    },
    async buildImage(build, signal) {
      if (name === 'docker') await demandBuildx(ask, signal)
      const answer = await buildWith(name, request, build, signal)
      return demand(answer, signal)
    },
    run,
    async giveFolder(folder, { uid, gid }, image, signal) {
      if (host.uid === 0) await chownTree(folder, uid, gid)
      else if (name === 'docker') await chownInside(folder, `${uid}:${gid}`, image, signal)
    },
    async takeFolder(folder, image, signal) {
      if (host.uid !== 0 && name === 'docker') await chownInside(folder, `${host.uid}:${host.gid}`, image, signal)
    },
  }
}

function adaptations({ name, host, runcThere }: CliEngineParts): readonly string[] {
  const all: string[] = []
  if (name === 'podman' && host.hybridCgroups)
    all.push(
      runcThere
        ? 'this host has cgroups v1 and v2 side by side: containers run under runc'
        : 'this host has cgroups v1 and v2 side by side, where crun does not start: install runc',
    )
  if (!host.mayRaiseLimits)
    all.push('this host does not let limits be raised (no CAP_SYS_RESOURCE): containers get none above our own')
  return all
}

/** Both print one JSON array; podman writes the ID bare, docker with its algorithm. */
export function readInspection(engine: string, text: string): ImageFacts {
  const [image] = z.array(inspectionSchema).min(1).parse(JSON.parse(text))
  if (image === undefined) throw new Error(`${engine} described no image`)
  return {
    id: image.Id.startsWith('sha256:') ? image.Id : `sha256:${image.Id}`,
    platform: `${image.Os}/${image.Architecture}`,
    environment: image.Config?.Env ?? [],
  }
}

const inspectionSchema = z.looseObject({
  Id: z.string().regex(/^(sha256:)?[0-9a-f]{64}$/),
  Os: z.string(),
  Architecture: z.string(),
  Config: z.looseObject({ Env: z.array(z.string()).nullish() }).nullish(),
})

/** Hands on what comes after the first line, which must be `line`: the container's own word that it runs. */
function afterLine(
  line: string,
  onOutput: (chunk: Uint8Array) => void,
): { write(chunk: Uint8Array): void; passed(): boolean } {
  const expected = Buffer.from(line)
  let before: Buffer = Buffer.alloc(0)
  let passed = false
  return {
    passed: () => passed,
    write(chunk) {
      if (passed) return onOutput(chunk)
      before = Buffer.concat([before, chunk])
      if (before.length < expected.length) return
      passed = before.subarray(0, expected.length).equals(expected)
      const rest = passed ? before.subarray(expected.length) : before
      before = Buffer.alloc(0)
      if (rest.length > 0) onOutput(rest)
    },
  }
}

function failed(engine: string, doing: string, { status, stderr }: Captured): ProgramError {
  const words = visible(stderr.trim().split('\n').slice(-3).join(' / '))
  return new ProgramError({
    code: 'ENGINE_FAILED',
    detail: `${engine} failed (${status ?? 'killed'}) while ${doing}: ${words}`,
    remedy: adviceFor(stderr),
    exitCode: exitCodes.io,
  })
}

/** What helped where these words were seen. */
function adviceFor(words: string): string {
  if (/setting rlimit|operation not permitted.*rlimit/i.test(words))
    return 'The host does not let limits be raised: run where CAP_SYS_RESOURCE is there, or lower --limits.'
  if (/cgroup/i.test(words)) return 'Install runc (podman finds it by itself), or boot with cgroups v2 alone.'
  if (/no space left/i.test(words)) return 'Make room, or remove images that are not needed.'
  if (/permission denied|cannot connect/i.test(words))
    return "Check that this user may use the engine: docker's group, or podman's subuid ranges."
  return 'Run the same command again; if it stays, try the other engine with --engine.'
}

async function chownTree(folder: string, uid: number, gid: number): Promise<void> {
  await lchown(folder, uid, gid)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await chownTree(path, uid, gid)
    else await lchown(path, uid, gid)
  }
}

/** docker's old builder stamps every layer with the time. */
async function demandBuildx(
  ask: (args: readonly string[], signal: AbortSignal) => Promise<Captured>,
  signal: AbortSignal,
): Promise<void> {
  const { status } = await ask(['buildx', 'version'], signal)
  if (status === 0) return
  throw new ProgramError({
    code: 'ENGINE_FAILED',
    detail: 'docker is without its part "buildx", and its old builder never makes the same image twice',
    remedy: "Install docker's buildx, use podman, or name the image by its ID and load it with --image-archive.",
    exitCode: exitCodes.io,
  })
}

/** Builds with what each engine has to make that reproducible: podman's --timestamp, BuildKit's rewriting exporter. */
async function buildWith(
  name: 'podman' | 'docker',
  request: (args: readonly string[]) => {
    file: string
    args: readonly string[]
    environment: CliEngineParts['environment']
  },
  { dockerfile, context, epoch, onOutput }: ImageBuild,
  signal: AbortSignal,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-image-'))
  try {
    const idFile = join(folder, 'id')
    const own =
      name === 'podman'
        ? [`--timestamp=${epoch}`, '--layers=false', '--http-proxy=false']
        : ['--output=type=docker,rewrite-timestamp=true', '--provenance=false']
    const args = [
      'build',
      '--no-cache',
      ...own,
      `--build-arg=SOURCE_DATE_EPOCH=${epoch}`,
      `--iidfile=${idFile}`,
      `--file=${dockerfile}`,
      context,
    ]
    const tail = lastBytes(4096)
    const output = (chunk: Uint8Array) => {
      tail.add(chunk)
      onOutput(chunk)
    }
    const end = await runProcess({ ...request(args), onStdout: output, onStderr: output }, signal)
    if (end.status !== 0) throw failed(name, `building ${dockerfile}`, { ...end, stdout: '', stderr: tail.text() })
    return (await readFile(idFile, 'utf8')).trim()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function lastBytes(count: number): { add(chunk: Uint8Array): void; text(): string } {
  let kept: Buffer = Buffer.alloc(0)
  return {
    add(chunk) {
      kept = Buffer.concat([kept, chunk]).subarray(-count)
    },
    text: () => kept.toString('utf8'),
  }
}
