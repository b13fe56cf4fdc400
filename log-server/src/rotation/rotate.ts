/**
 * Replacing a log as planned (docs/log.md rule 9): a successor is made from it, everybody who depends on it is led there, and it
 * is frozen. Each step is done as soon as it can be, and written down; where others must act first, the rotation waits, says
 * for whom and what they do, and is simply run again.
 */
import type { Trust } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import { isBehind } from '../frozen/freeze-log.ts'
import type { Successor } from '../frozen/frozen.ts'
import { carryTrust, type HandOut, handOut } from './hand-out.ts'
import { type Plan, type StepName, stepNames, writePlan } from './plan.ts'
import { type Eyes, type SeenProduct, seeCheckpoint, seeFrozen, seeProduct, seeProducts, UnseenError } from './seen.ts'

/** What the steps do to files and logs. Each may be interrupted at any point, and called again. */
export interface RotationWork {
  /** Makes the keys that are not there yet, and returns the lines by which others know them. */
  keys(): Promise<readonly string[]>
  handOut(vkeys: readonly string[], trust: readonly Trust[]): Promise<void>
  /** Begins the successor, unless it has begun. */
  init(): Promise<void>
  /** Text of the successor's policy; null for `quorum none`. */
  policy(): Promise<string | null>
  /** @throws ProgramError LOG_BUSY while this machine's server runs */
  freeze(successor: Successor): Promise<void>
}

export interface Rotation {
  /** Data folder of the log that ends. */
  readonly folder: string
  /** Whether it takes entries of products, which have clients to be led. */
  readonly hasProducts: boolean
  readonly eyes: Eyes
  readonly pause: (milliseconds: number) => Promise<void>
  readonly work: RotationWork
  /** Next trust files, as the products' owners proposed them. */
  readonly trust: readonly Trust[]
  readonly leaveBehind: readonly string[]
  /** A person has said that the log is to end now. */
  readonly confirmed: boolean
  /** Unix seconds. */
  readonly now: () => number
}

/** What others must do. */
interface Wait {
  readonly why: string
  readonly todo: readonly string[]
}

export interface Progress {
  readonly plan: Plan
  /** The step that waits; null once all is done. */
  readonly waits: ({ readonly step: StepName } & Wait) | null
}

type Step = (rotation: Rotation, plan: Plan) => Promise<Wait | null>

/** Goes as far as it can. @throws ProgramError; StorageError and whatever else the steps meet: run it again */
export async function rotate(rotation: Rotation, from: Plan): Promise<Progress> {
  let plan = from
  if (rotation.trust.length > 0) await takeProposals(rotation, plan)
  for (const step of stepNames) {
    if (plan.done[step] !== undefined) continue
    const wait = await steps[step](rotation, plan)
    if (wait !== null) return { plan, waits: { step, ...wait } }
    plan = { ...plan, done: { ...plan.done, [step]: rotation.now() } }
    await writePlan(rotation.folder, plan)
  }
  return { plan, waits: null }
}

const steps: Readonly<Record<StepName, Step>> = {
  async keys({ work }) {
    await work.keys()
    return null
  },
  async 'hand-out'({ work, eyes, hasProducts }, { url }) {
    const vkeys = await work.keys()
    return seeing(`This log is served at ${url} meanwhile: see that it is.`, async () => {
      const products = hasProducts ? await seeProducts(eyes, url) : []
      await work.handOut(
        vkeys,
        products.map(({ trust }) => trust),
      )
    })
  },
  async init({ work }) {
    await work.init()
    return null
  },
  async served({ work, eyes }, { successor }) {
    const vkeys = await work.keys()
    const policy = await work.policy()
    const files = handOut(successor)
    return seeing(howToServe(files, successor.url, policy !== null), async () => {
      await seeCheckpoint(eyes, { ...successor, vkeys }, policy)
    })
  },
  async moved(rotation, plan) {
    const { eyes, hasProducts, leaveBehind } = rotation
    const { url, successor } = plan
    if (!hasProducts) return null
    let behind: readonly SeenProduct[] = []
    const unseen = await seeing(`This log is served at ${url} meanwhile: see that it is.`, async () => {
      const products = await seeProducts(eyes, url)
      behind = products.filter(
        ({ trust, kept }) => isBehind({ ...trust, kept }, successor) && !leaveBehind.includes(trust.product),
      )
      for (const { trust } of products) if (trust.origin === successor.origin) await carry(rotation, plan, trust)
    })
    if (unseen !== null || behind.length === 0) return unseen
    const names = behind.map(({ trust: { product } }) => product).join(', ')
    return {
      why: `clients of ${names} are not led to ${successor.origin} yet`,
      todo: behind.flatMap((product) => howToMove(product, handOut(successor), successor.origin)),
    }
  },
  async frozen({ work, confirmed }, { log, successor }) {
    const todo = [`Stop the server of ${log} on this machine, and run: samebits-log rotate --confirm ${log}`]
    if (!confirmed) return { why: `everybody is led to ${successor.origin}: ${log} can be frozen, for ever`, todo }
    const vkeys = await work.keys()
    try {
      await work.freeze({ origin: successor.origin, url: successor.url, vkeys })
      return null
    } catch (error) {
      if (!(error instanceof ProgramError) || error.code !== 'LOG_BUSY') throw error
      return { why: error.detail, todo }
    }
  },
  async told({ eyes }, { log, url }) {
    const todo = `Serve ${log} again, as before, for as long as clients come that do not know its successor yet.`
    return seeing(todo, async () => {
      if (!(await seeFrozen(eyes, url, log))) throw new UnseenError(`${url} does not say yet that ${log} is frozen`)
    })
  },
}

/** What cannot be seen yet is waited for. */
async function seeing(todo: string | readonly string[], look: () => Promise<void>): Promise<Wait | null> {
  try {
    await look()
    return null
  } catch (error) {
    if (!(error instanceof UnseenError)) throw error
    return { why: error.message, todo: typeof todo === 'string' ? [todo] : todo }
  }
}

function howToServe(files: HandOut, url: string, isWitnessed: boolean): string[] {
  return [
    ...(isWitnessed ? [`Have the operators of the witnesses take in the log of ${files.vkeys}.`] : []),
    `Serve the successor: samebits-log serve --config ${files.config}, reachable as ${url}`,
  ]
}

function howToMove({ trust, kept, proposed }: SeenProduct, files: HandOut, origin: string): string[] {
  const { product, version } = trust
  if (trust.origin === origin && !kept)
    return [`${product}: version ${version} leads there; the witnesses of before have not cosigned it yet.`]
  if (proposed) return [`${product}: version ${version + 1} is proposed; more of its authority must sign it.`]
  return [
    `${product}: its owner runs samebits-build trust propose --policy ${files.productPolicy(product)}`,
    `  and gives the file to you: samebits-log rotate --trust trust-${version + 1}.json`,
    `  then signs it, and runs samebits-build trust publish trust-${version + 1}.json`,
  ]
}

/** The successor takes a product under its next trust file from the first moment, so that its heads can be logged there at once. */
async function takeProposals(rotation: Rotation, plan: Plan): Promise<void> {
  const { log, successor, done } = plan
  if (done['hand-out'] === undefined)
    throw notNext('nothing was handed out yet', 'Run samebits-log rotate without it first.')
  for (const next of rotation.trust) {
    if (next.origin !== successor.origin || next.replaces?.origin !== log)
      throw notNext(
        `the trust file of ${next.product} does not replace ${log} by ${successor.origin}`,
        `Have it proposed with ${handOut(successor).productPolicy(next.product)}.`,
      )
    await carry(rotation, plan, next).catch((error: unknown) => {
      if (error instanceof UnseenError)
        throw notNext(error.message, 'See that the successor is served, and run this again.')
      throw error
    })
  }
}

/** Looks so often, for the successor to look at its files. */
const looks = 60
const lookEveryMs = 500

/** Hands a trust file to the successor, and once that is served waits until it has it in force. @throws UnseenError */
async function carry({ eyes, pause }: Rotation, { successor, done }: Plan, next: Trust): Promise<void> {
  await carryTrust(successor, next)
  if (done.served === undefined) return
  for (let look = 0; look < looks; look++) {
    const { trust } = await seeProduct(eyes, successor.url, next.product)
    if (trust.version > next.version || trust.sha256 === next.sha256) return
    await pause(lookEveryMs)
  }
  throw new UnseenError(
    `${successor.url} does not take ${next.product} under version ${next.version} of its trust file`,
  )
}

function notNext(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'TRUST_INVALID', detail, remedy })
}
