/**
 * What runs a build away from the machine that asked for it. podman and docker are two of these; `host` is a third that
 * isolates nothing, only ever for a first look.
 */

/** A file or folder of the host, at a place inside the container. */
export interface Mount {
  /** Absolute, on the host. */
  readonly source: string
  /** Absolute, inside. */
  readonly target: string
  readonly writable: boolean
}

/** Who runs inside. The number decides; the name is what `/etc/passwd` inside says. */
export interface ContainerUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** One run of one program in a fresh container. Everything a build could notice is said here, and nothing else reaches it. */
export interface RunRequest {
  /** The image ID, `sha256:` and 64 hex digits: never a name that could move. */
  readonly image: string
  /** Program and arguments, no shell. */
  readonly command: readonly string[]
  /** `none`: no interface but loopback. */
  readonly network: 'none' | 'outside'
  readonly mounts: readonly Mount[]
  /** Absolute, inside. */
  readonly workingFolder: string
  readonly user: ContainerUser
  readonly hostname: string
  /** All of it, the image's own variables apart. */
  readonly environment: Readonly<Record<string, string>>
  readonly umask: number
  /** As Linux writes CPU lists, `0` or `0-3`; null: all of the host's. */
  readonly cpus: string | null
  readonly limits: RunLimits
  /** Every byte of standard output and standard error, in the order in which they came. */
  readonly onOutput: (chunk: Uint8Array) => void
}

export interface RunLimits {
  readonly timeoutMs: number
  readonly memoryBytes: number
  readonly processes: number
}

/** How the program ended. */
export type RunOutcome =
  | { readonly kind: 'exited'; readonly status: number }
  /** Longer than `limits.timeoutMs`: it was killed. */
  | { readonly kind: 'timed-out' }

/** An image that the engine has. */
export interface ImageFacts {
  /** `sha256:` and the SHA-256 of its configuration: the same in podman and docker. */
  readonly id: string
  /** `<os>/<architecture>`, as `linux/amd64`. */
  readonly platform: string
  /** Its own variables, `NAME=value`. */
  readonly environment: readonly string[]
}

export interface ImageBuild {
  /** Absolute, on the host: the Dockerfile. */
  readonly dockerfile: string
  /** Absolute, on the host: what COPY sees. */
  readonly context: string
  /** SOURCE_DATE_EPOCH: the time of every layer and of the configuration. */
  readonly epoch: number
  readonly onOutput: (chunk: Uint8Array) => void
}

/**
 * Obligations, held by one contract test for every implementation:
 *
 * - `run` starts exactly the image with that ID, never asks a registry for it, with a root that cannot be written,
 *   without capabilities, and with no variable of the host's.
 * - when `run` has settled, for whatever reason (the program ended, the time limit, the signal), no process of that run
 *   lives and no container of it remains.
 * - an aborted signal makes `run` throw the signal's reason, after that.
 * - a program that cannot be started is an ENGINE_FAILED, never an exit status of the program's.
 * - `loadImage` leaves exactly the image with the expected ID, or throws IMAGE_MISMATCH.
 * - every failure of the engine itself is a ProgramError with a code, the engine's own last words and a remedy.
 */
export interface ContainerEngine {
  readonly name: 'podman' | 'docker' | 'host'
  readonly version: string
  /** False for `host`: what such a run made is never a vote (docs/design.md §5). */
  readonly isolates: boolean
  /** What the host made necessary, in words for the person who watches; often none. */
  readonly adaptations: readonly string[]
  /** @returns null where the engine does not have it; never asks a registry */
  findImage(id: string, signal: AbortSignal): Promise<ImageFacts | null>
  /** Loads an OCI or docker archive and checks its ID. */
  loadImage(archive: string, id: string, signal: AbortSignal): Promise<ImageFacts>
  /** Fetches `name@sha256:…` (a manifest digest) or, for a first look, a tag. The one method that may ask a registry, apart from `buildImage`. */
  pullImage(reference: string, signal: AbortSignal): Promise<ImageFacts>
  /** Builds a Dockerfile, with the network on. */
  buildImage(build: ImageBuild, signal: AbortSignal): Promise<ImageFacts>
  /** Runs one program to its end. */
  run(request: RunRequest, signal: AbortSignal): Promise<RunOutcome>
  /** Makes a folder of the host belong to the user inside, so that it can write there; `image` is at hand for it. */
  giveFolder(folder: string, user: ContainerUser, image: string, signal: AbortSignal): Promise<void>
  /** Takes a folder back, so that this process can read and remove what runs left there. */
  takeFolder(folder: string, image: string, signal: AbortSignal): Promise<void>
}
