/** What a mode of admission brings to the server: its tables, its admission, its pages. */
import type { Policy } from '@samebits/core'
import type { Router } from 'express'
import type { Admission, NoTables } from '../admission.ts'
import type { LogView } from '../log-view.ts'
import type { LogServerOptions } from '../options.ts'
import type { ProductMove } from '../products/moves.ts'
import { openRawAdmission } from '../raw-admission.ts'
import { noExtension, type StoreExtension } from '../sql.ts'
import type { OpenStore } from '../store.ts'

/** What a mode may use. */
export interface ModeContext<Tables> {
  readonly origin: string
  readonly options: LogServerOptions
  readonly store: OpenStore<Tables>
  /** For the operator's log. */
  readonly warn: (message: string, detail?: unknown) => void
}

/** Detached bodies that entries need beside them. */
export interface EntryBodies<Item> {
  /** Digests of bodies that these entries name and that are not stored. */
  missing(items: readonly Item[]): Promise<readonly string[]>
  /** Keeps a body, which hashes to the digest. */
  keep(sha256: string, body: Uint8Array): Promise<void>
}

export interface RunningMode<Item, Tables> {
  /** Whether entries change the tables of this mode, so that restored ones must be decided upon again. */
  readonly indexed: boolean
  /** Where entries name any. */
  readonly bodies?: EntryBodies<Item>
  /** Called at every take-over: what admission keeps in memory is read from the storage anew. */
  openAdmission(): Promise<Admission<Item, Tables>>
  /** Routes under `/v1`. */
  mount(v1: Router, log: LogView): void
  /** Products that still need other witnesses than those of this policy; absent where nobody is told whom to believe. */
  leftBehind?(policy: Policy): Promise<readonly string[]>
  /** Where the clients of each product are led; absent likewise. */
  moves?(): Promise<readonly ProductMove[]>
  /** A checkpoint was published; nobody waits for what is done then. */
  issued?(log: LogView): void
  stop(): void
}

export interface Mode<Item, Tables> {
  readonly extension: StoreExtension<Tables>
  start(context: ModeContext<Tables>): Promise<RunningMode<Item, Tables>>
}

/** Any bytes: a general C2SP log. */
export const rawMode: Mode<null, NoTables> = {
  extension: noExtension,
  start: async ({ options, store }) => ({
    indexed: false,
    openAdmission: () =>
      openRawAdmission(store, { maxLeafBytes: options.maxLeafBytes, windowEntries: options.rawWindowEntries }),
    mount: () => undefined,
    stop: () => undefined,
  }),
}
