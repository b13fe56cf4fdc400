/** `samebits-build publish --build`, with the engine of unboxed.ts, inside this process. */
import { setTimeout } from 'node:timers/promises'
import { readStatementKey } from '../../build-repro/src/keygen.ts'
import { buildOwn } from '../../build-repro/src/own-build.ts'
import { type PublishResult, publish } from '../../build-repro/src/publish.ts'
import { openWorkspace } from '../../build-repro/src/recipe.ts'
import { artifactsOf } from '../../build-repro/src/request.ts'
import { defaultLimits } from '../../build-repro/src/retry.ts'
import { openSession } from '../../build-repro/src/session.ts'
import { keySigner } from '../../build-repro/src/signing.ts'
import { unboxedEngine } from './unboxed.ts'

export async function publishUnboxed(
  folder: string,
  version: string,
  say: (line: string) => void = () => undefined,
): Promise<PublishResult> {
  const workspace = await openWorkspace(folder)
  const machine = {
    fetch,
    now: () => Math.floor(Date.now() / 1000),
    elapsedMs: () => performance.now(),
    random: () => Math.random(),
    sleep: (ms: number, until: AbortSignal) => setTimeout(ms, undefined, { signal: until }),
    say,
  }
  const { signal } = new AbortController()
  const session = await openSession({ workspace, machine, signal, limits: defaultLimits, onProgress: () => undefined })
  try {
    const own = await buildOwn(session, {
      revision: 'HEAD',
      sourceUri: `file://${folder}`,
      engine: unboxedEngine(),
      images: [],
      environment: process.env,
      out: workspace.at('dist'),
    })
    const artifacts = artifactsOf(own.artifacts, { platforms: [], mediaTypes: [], parts: [] })
    const key = await readStatementKey(workspace.at(workspace.recipe.publish.key))
    const files = own.artifacts
    return await publish(session, keySigner(key), {
      channel: 'stable',
      version,
      files,
      artifacts,
      builds: [own.named],
      feedNow: false,
    })
  } finally {
    session.release()
  }
}
