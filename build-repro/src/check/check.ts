/**
 * Is a build reproducible? Two builds of one source, plain and with everything varied; where they differ, more of them, until it is
 * known what each difference comes from.
 *
 *     <into>/plain, <into>/varied     log and outputs of the two
 *     <into>/tried/<n>                of those that looked for the cause
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Conditions, plainConditions } from '../build/conditions.ts'
import {
  type BuildRequest,
  type BuildResult,
  buildPrepared,
  discardPrepared,
  prepareBuild,
} from '../build/run-build.ts'
import { askVariety, type Variety } from './can-vary.ts'
import { compareArtifacts } from './compare.ts'
import type { Difference } from './difference.ts'
import { type Explained, explain } from './explain.ts'
import type { Side } from './side.ts'
import { type Variation, vary } from './variations.ts'
import { waitForClock } from './wait-for-clock.ts'

export interface CheckRequest {
  readonly build: BuildRequest
  readonly without: ReadonlySet<Variation>
  /** Look for the causes of differences; each costs some builds more. */
  readonly explain: boolean
  /** An empty folder, or one that is not there yet. */
  readonly into: string
  /** One line before each build. */
  readonly onBuild: (what: string) => void
  /** Waits, and throws the signal's reason where it is aborted meanwhile. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface CheckResult {
  readonly plain: BuildResult
  readonly varied: BuildResult
  readonly variety: Variety
  readonly reproducible: boolean
  /** By artifact, then inwards. */
  readonly differences: readonly Explained[]
  /** How many builds it took. */
  readonly builds: number
}

export async function check(request: CheckRequest, signal: AbortSignal): Promise<CheckResult> {
  const { into, onBuild } = request
  const prepared = await prepareBuild(request.build, join(into, 'fetch.log'), signal)
  try {
    const variety = await askVariety(prepared, request.without, signal)
    const base = baseOf(variety)
    let builds = 0
    const build = (variations: ReadonlySet<Variation>, what: string, folder: string) => {
      builds++
      onBuild(what)
      return buildPrepared(prepared, vary(base, variations, variety.world), join(into, folder), signal)
    }
    const plain = await build(new Set(), 'plain', 'plain')
    const varied = await build(new Set(variety.variations), `varied: ${variety.variations.join(', ')}`, 'varied')
    const found = await compareBuilds(plain, varied)
    const again = async (variations: ReadonlySet<Variation>) => {
      await waitForClock(plain.finishedAt, { now: request.build.now, sleep: request.sleep }, signal)
      const what = variations.size === 0 ? 'again, nothing varied' : `only ${[...variations].join(', ')}`
      return compareBuilds(plain, await build(variations, what, `tried/${builds - 1}`))
    }
    const differences =
      found.length > 0 && request.explain
        ? await explain(found, variety.variations, again)
        : found.map((each): Explained => ({ ...each, cause: { kind: 'unknown' } }))
    return { plain, varied, variety, reproducible: found.length === 0, differences, builds }
  } finally {
    await discardPrepared(prepared)
  }
}

/**
 * What the plain build runs under: what the variations need is there in both, so that only what it does differs; and listings come by
 * name, so that backwards is always another order.
 */
function baseOf({ variations }: Variety): Conditions {
  return {
    ...plainConditions,
    clockAhead: variations.includes('time') ? 0 : null,
    fileOrder: variations.includes('order') ? 'sorted' : 'as-stored',
  }
}

async function compareBuilds(a: BuildResult, b: BuildResult): Promise<readonly Difference[]> {
  const all: Difference[] = []
  for (const [at, inA] of a.outputs.entries()) {
    const inB = b.outputs[at]
    if (inB === undefined || inA.sha256 === inB.sha256) continue
    const [bytesA, bytesB] = await Promise.all([readFile(inA.path), readFile(inB.path)])
    all.push(...compareArtifacts(inA.name, bytesA, bytesB, sideOf(a), sideOf(b)))
  }
  return all
}

function sideOf({ conditions, startedAt, finishedAt }: BuildResult): Side {
  return { conditions, startedAt, finishedAt }
}
