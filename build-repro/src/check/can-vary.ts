/** Which variations this machine and this image allow, each asked where it would take effect. */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ProgramError } from '@samebits/host'
import { makeClockShim } from '../build/clock-shim.ts'
import { whyNotOrdered } from '../build/file-order.ts'
import type { PreparedBuild } from '../build/run-build.ts'
import { type Variation, type VariationWorld, variationNames } from './variations.ts'

export interface Variety {
  readonly variations: readonly Variation[]
  /** What stays the same in both builds, and why: said in every report. */
  readonly unvaried: readonly { readonly variation: Variation; readonly why: string }[]
  readonly world: VariationWorld
}

/** Languages that sort otherwise than C, the oddest first. */
const locales = [
  'et_EE.UTF-8',
  'et_EE.utf8',
  'tr_TR.UTF-8',
  'tr_TR.utf8',
  'de_DE.UTF-8',
  'de_DE.utf8',
  'en_US.UTF-8',
  'en_US.utf8',
]
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** @param without variations that the person left out */
export async function askVariety(
  prepared: PreparedBuild,
  without: ReadonlySet<Variation>,
  signal: AbortSignal,
): Promise<Variety> {
  const { request, image } = prepared
  const searchPath = image.facts.environment.find((each) => each.startsWith('PATH='))?.slice(5) ?? defaultPath
  const locale = await localeOf(prepared, signal)
  const world = { processors: availableParallelism(), searchPath, locale }
  const reasons = new Map<Variation, string>([...without].map((each) => [each, 'left out on request']))
  const refuse = (variation: Variation, why: string | null) => {
    if (why !== null && !reasons.has(variation)) reasons.set(variation, why)
  }
  if (!request.engine.isolates) {
    const needsContainer: readonly Variation[] = ['time', 'hostname', 'user', 'path', 'home', 'processors', 'order']
    for (const each of needsContainer) refuse(each, 'needs a container')
  } else {
    refuse('time', await whyNoClock(prepared, signal))
    refuse('order', await whyNotOrdered(request.scratch, request.toolEnvironment, signal))
  }
  refuse('processors', world.processors > 1 ? null : 'this machine has one')
  const unvaried = [...reasons].map(([variation, why]) => ({ variation, why }))
  return { variations: variationNames.filter((name) => !reasons.has(name)), unvaried, world }
}

async function whyNoClock({ request, image }: PreparedBuild, signal: AbortSignal): Promise<string | null> {
  const folder = await mkdtemp(join(request.scratch, 'clock-'))
  const { engine, toolEnvironment } = request
  try {
    await makeClockShim(
      { ahead: 0, target: join(folder, 'clock.so'), engine, image: image.facts, toolEnvironment },
      signal,
    )
    return null
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ProgramError) return 'no C compiler here or in the image'
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function localeOf({ request, image }: PreparedBuild, signal: AbortSignal): Promise<string | null> {
  const { engine } = request
  if (!engine.isolates) return null
  const words: Uint8Array[] = []
  await engine.run(
    {
      image: image.facts.id,
      command: ['/bin/sh', '-c', 'locale -a 2>/dev/null || true'],
      network: 'none',
      mounts: [],
      workingFolder: '/',
      user: { name: 'builder', uid: 1000, gid: 1000 },
      hostname: 'samebits',
      environment: {},
      umask: 0o022,
      cpus: null,
      limits: { timeoutMs: 60_000, memoryBytes: 256 << 20, processes: 64 },
      onOutput: (chunk) => void words.push(chunk),
    },
    signal,
  )
  const there = new Set(Buffer.concat(words).toString('utf8').split('\n'))
  return locales.find((each) => there.has(each)) ?? null
}
