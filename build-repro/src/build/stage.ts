/**
 * A build's folder on this machine, and what of it is mounted where inside, under which conditions:
 *
 *     parent/<last segment of conditions.path>   the source tree      -> its own folder at conditions.path, `..` writable too
 *     home                                       HOME                 -> conditions.home
 *     passwd, group                              who is who           -> /etc
 *     ordered                                    parent through disorderfs, instead of it
 *     cpus                                       "0"                  -> /sys/devices/system/cpu/online
 *     clock.so                                   the clock shim       -> /samebits-clock.so, LD_PRELOAD
 */
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ContainerEngine, Mount, RunOutcome } from '../engines/engine.ts'
import type { BuildRecipe, Step } from './build-recipe.ts'
import { makeClockShim, shimPath } from './clock-shim.ts'
import { type Conditions, plainConditions } from './conditions.ts'
import { orderedView } from './file-order.ts'
import type { PreparedImage } from './prepare-image.ts'

export interface StageParts {
  readonly recipe: BuildRecipe
  /** Where the recipe lies in the source tree: '', or a path that ends in `/`. */
  readonly prefix: string
  readonly engine: ContainerEngine
  readonly image: PreparedImage
  readonly epoch: number
  /** Holds `parent/source` and `home`. */
  readonly folder: string
  readonly conditions: Conditions
  /** Of this machine's tools (a compiler, disorderfs). */
  readonly toolEnvironment: Readonly<Record<string, string | undefined>>
}

export interface Stage {
  /** The recipe's folder, on this machine: where the artifacts will be. */
  readonly recipeFolder: string
  run(step: Step, network: boolean, onOutput: (chunk: Uint8Array) => void, signal: AbortSignal): Promise<RunOutcome>
  /** Unmounts, and takes the folder back. Safe to call again. */
  release(): Promise<void>
}

/** The source tree's name in `parent` before conditions name it otherwise. */
export const sourceName: string = basename(plainConditions.path)
const defaultLimits = { minutes: 60, memoryMiB: 4096, processes: 4096 }
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export async function stage(parts: StageParts, signal: AbortSignal): Promise<Stage> {
  const { engine, image, folder, conditions, prefix, recipe } = parts
  const parent = join(folder, 'parent')
  if (basename(conditions.path) !== sourceName)
    await rename(join(parent, sourceName), join(parent, basename(conditions.path)))
  await chmod(folder, 0o711) // disorderfs passes through it as the user inside
  const files = await writeFiles(parts, signal)
  for (const owned of [parent, join(folder, 'home')])
    await engine.giveFolder(owned, conditions.user, image.facts.id, signal)
  const { fileOrder } = conditions
  const ordered =
    fileOrder === 'as-stored'
      ? null
      : await orderedView(parent, join(folder, 'ordered'), fileOrder, parts.toolEnvironment, signal)
  const mounts: readonly Mount[] = [
    { source: ordered?.folder ?? parent, target: dirname(conditions.path), writable: true },
    { source: join(folder, 'home'), target: conditions.home, writable: true },
    ...files,
  ]
  let released = false
  return {
    recipeFolder: join(parent, basename(conditions.path), prefix),
    run: (step, network, onOutput, until) =>
      engine.run(
        {
          image: image.facts.id,
          command: ['/bin/sh', '-eu', '-c', step.run.join('\n')],
          network: network ? 'outside' : 'none',
          mounts,
          workingFolder: join(conditions.path, prefix).replace(/\/$/, ''),
          user: conditions.user,
          hostname: conditions.hostname,
          environment: environmentOf(parts),
          umask: conditions.umask,
          cpus: conditions.processors === null ? null : cpuList(conditions.processors),
          limits: limitsOf(recipe),
          onOutput,
        },
        until,
      ),
    async release() {
      if (released) return
      released = true
      await ordered?.release()
      const never = new AbortController().signal
      await engine.takeFolder(folder, image.facts.id, never)
    },
  }
}

/** The small files that stand over the container's own. */
async function writeFiles(parts: StageParts, signal: AbortSignal): Promise<readonly Mount[]> {
  const { engine, image, folder, conditions, toolEnvironment } = parts
  const { name, uid, gid } = conditions.user
  const mounts: Mount[] = []
  const put = async (file: string, content: string, target: string) => {
    await writeFile(join(folder, file), content, { mode: 0o644 })
    mounts.push({ source: join(folder, file), target, writable: false })
  }
  const nobody = 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin'
  const own = `${name}:x:${uid}:${gid}:${name}:${conditions.home}:/bin/sh`
  await put('passwd', `root:x:0:0:root:/root:/bin/sh\n${own}\n${nobody}\n`, '/etc/passwd')
  await put('group', `root:x:0:\n${name}:x:${gid}:\nnogroup:x:65534:\n`, '/etc/group')
  if (conditions.processors !== null)
    await put('cpus', `${cpuList(conditions.processors)}\n`, '/sys/devices/system/cpu/online')
  if (conditions.clockAhead !== null) {
    const shim = join(folder, 'clock.so')
    await makeClockShim(
      { ahead: conditions.clockAhead, target: shim, engine, image: image.facts, toolEnvironment },
      signal,
    )
    mounts.push({ source: shim, target: shimPath, writable: false })
  }
  return engine.isolates ? mounts : []
}

/** Everything that a step finds in its environment, the image's own variables apart. */
function environmentOf({ recipe, image, epoch, conditions, engine }: StageParts): Readonly<Record<string, string>> {
  const imagePath = image.facts.environment.find((each) => each.startsWith('PATH='))?.slice(5)
  return {
    PATH: conditions.searchPath ?? imagePath ?? defaultPath,
    HOME: conditions.home,
    USER: conditions.user.name,
    LOGNAME: conditions.user.name,
    LANG: conditions.locale,
    LC_ALL: conditions.locale,
    TZ: conditions.timezone,
    TERM: 'dumb',
    ...recipe.environment,
    ...conditions.environment,
    SOURCE_DATE_EPOCH: String(epoch),
    ...(conditions.clockAhead === null || !engine.isolates ? {} : { LD_PRELOAD: shimPath }),
  }
}

function limitsOf({ limits }: BuildRecipe) {
  const minutes = limits?.minutes ?? defaultLimits.minutes
  const memoryMiB = limits?.memoryMiB ?? defaultLimits.memoryMiB
  return {
    timeoutMs: minutes * 60_000,
    memoryBytes: memoryMiB * 2 ** 20,
    processes: limits?.processes ?? defaultLimits.processes,
  }
}

/** The first `count` processors, as Linux writes CPU lists. */
function cpuList(count: number): string {
  return count === 1 ? '0' : `0-${count - 1}`
}

/** An empty stage's folders. */
export async function makeStageFolders(folder: string): Promise<string> {
  const source = join(folder, 'parent', sourceName)
  await mkdir(source, { recursive: true })
  await mkdir(join(folder, 'home'))
  return source
}
