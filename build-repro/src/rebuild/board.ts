/** What a running rebuilder knows of itself: what its status page shows and its metrics count. Nothing is decided by it. */
import type { JobTrouble } from './job-store.ts'

export type JobState =
  /** Not begun. */
  | 'waiting'
  | 'building'
  /** Failed for a reason of this rebuilder's; tried again at `retryAt`. */
  | 'retrying'
  /** Cannot be built from what the release says; tried again at `retryAt`, in case somebody mends it. */
  | 'unbuildable'
  /** Voted: the same bytes. */
  | 'positive'
  /** Voted: other bytes. */
  | 'negative'

export const jobStates: readonly JobState[] = ['waiting', 'building', 'retrying', 'unbuildable', 'positive', 'negative']

export interface JobStatus {
  readonly job: string
  readonly product: string
  readonly release: string
  readonly version: string
  readonly channel: string
  readonly artifacts: readonly string[]
  readonly state: JobState
  /** Of the vote's entry; null before there is one. */
  readonly index: number | null
  /** Artifacts that came out different, where that is known. */
  readonly different: readonly string[]
  readonly attempts: number
  /** Unix seconds; null where it is not waiting for a time. */
  readonly retryAt: number | null
  readonly trouble: JobTrouble | null
}

export interface ProductStatus {
  readonly product: string
  readonly log: string
  /** Of the newest tree that was read, all of it verified; null before the first. */
  readonly size: number | null
  /** Unix seconds of the last look that went well; null before the first. */
  readonly lookedAt: number | null
  /** Why the last look did not. */
  readonly trouble: { readonly code: string; readonly detail: string } | null
  /** The log has shown two histories: it is not followed any more. */
  readonly halted: boolean
}

export interface Snapshot {
  readonly builder: string
  readonly engine: string
  /** Unix seconds. */
  readonly startedAt: number
  readonly products: readonly ProductStatus[]
  /** Those that need somebody first, then the newest. */
  readonly jobs: readonly JobStatus[]
}

export interface Board {
  product(status: ProductStatus): void
  job(status: JobStatus): void
  /** What stands on the board about a product, a job. */
  productNow(product: string): ProductStatus | null
  jobNow(job: string): JobStatus | null
  snapshot(): Snapshot
}

const order: readonly JobState[] = ['negative', 'building', 'retrying', 'unbuildable', 'waiting', 'positive']

export function createBoard(about: Pick<Snapshot, 'builder' | 'engine' | 'startedAt'>): Board {
  const products = new Map<string, ProductStatus>()
  const jobs = new Map<string, JobStatus>()
  return {
    product: (status) => void products.set(status.product, status),
    job: (status) => void jobs.set(status.job, status),
    productNow: (product) => products.get(product) ?? null,
    jobNow: (job) => jobs.get(job) ?? null,
    snapshot: () => ({
      ...about,
      products: [...products.values()],
      jobs: [...jobs.values()].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)),
    }),
  }
}
