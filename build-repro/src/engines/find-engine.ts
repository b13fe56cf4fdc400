/** Which engine there is: podman before docker, or the one that was asked for. */
import { exitCodes, isCode, ProgramError, systemReason, visible } from '@samebits/host'
import { cliEngine } from './cli-engine.ts'
import type { ContainerEngine } from './engine.ts'
import { hostEngine } from './host-engine.ts'
import { readHostFacts } from './host-facts.ts'
import { captureProcess } from './process.ts'

export interface EngineSearch {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** A name that no other container of this host has. */
  readonly newName: () => string
}

const engineNames = ['podman', 'docker', 'host'] as const

/** An engine that can be used, or why not: with its name, for people. */
export type Found =
  | { readonly engine: ContainerEngine; readonly why?: undefined }
  | { readonly engine: null; readonly why: string }

/**
 * The engine by that name, or with null the first container engine that answers. `host` is never found by itself.
 *
 * @throws ProgramError ENGINE_MISSING with advice, ENGINE_UNKNOWN
 */
export async function findEngine(
  name: string | null,
  search: EngineSearch,
  signal: AbortSignal,
): Promise<ContainerEngine> {
  if (name === 'host') return hostOf(search)
  if (name !== null && name !== 'podman' && name !== 'docker')
    throw new ProgramError({
      code: 'USAGE',
      detail: `"${visible(name)}" is no engine`,
      remedy: `Use one of ${engineNames.join(', ')}.`,
    })
  const tried: string[] = []
  for (const candidate of name === null ? (['podman', 'docker'] as const) : [name as 'podman' | 'docker']) {
    const found = await tryEngine(candidate, search, signal)
    if (found.engine !== null) return found.engine
    tried.push(found.why)
  }
  throw new ProgramError({
    code: 'ENGINE_MISSING',
    detail: `no container engine can be used (${tried.join('; ')})`,
    remedy:
      'Install podman (it needs no daemon), or start docker; --engine host builds without a container, for a first look that is never attested.',
    exitCode: exitCodes.io,
  })
}

/** Every container engine of this host, found or not. */
export async function listEngines(search: EngineSearch, signal: AbortSignal): Promise<readonly Found[]> {
  return Promise.all([tryEngine('podman', search, signal), tryEngine('docker', search, signal)])
}

/** How each says its version; docker's asks the daemon, without which it can do nothing. */
const versionFormat = { podman: '{{.Client.Version}}', docker: '{{.Server.Version}}' } as const

async function tryEngine(name: 'podman' | 'docker', search: EngineSearch, signal: AbortSignal): Promise<Found> {
  const { environment, newName } = search
  const without = (why: string): Found => ({ engine: null, why: `${name}: ${why}` })
  const ask = (file: string, args: readonly string[]) =>
    captureProcess({ file, args, environment, timeoutMs: 20_000 }, signal)
  try {
    const answer = await ask(name, ['version', '--format', versionFormat[name]])
    const version = answer.stdout.trim()
    if (answer.status !== 0 || version === '')
      return without(visible(answer.stderr.trim().split('\n').at(-1) || 'it does not answer'))
    const host = await readHostFacts()
    const runcThere = host.hybridCgroups && (await isRunnable(ask))
    return { engine: cliEngine({ name, version, host, runcThere, environment, newName }) }
  } catch (error) {
    signal.throwIfAborted()
    if (isCode(error, 'ENOENT')) return without('not installed')
    return without(error instanceof Error ? systemReason(error) : String(error))
  }
}

async function isRunnable(ask: (file: string, args: readonly string[]) => Promise<{ status: number | null }>) {
  return ask('runc', ['--version']).then(
    ({ status }) => status === 0,
    () => false,
  )
}

function hostOf({ environment }: EngineSearch): ContainerEngine {
  return hostEngine({
    version: process.version,
    platform: `${process.platform}/${process.arch}`,
    searchPath: environment['PATH'] ?? '/usr/bin:/bin',
  })
}
