/** Every row, in the order of docs/attacks.md. */
import type { Group } from '../case.ts'
import { archives } from './archives.ts'
import { checkpoints } from './checkpoints.ts'
import { disks } from './disks.ts'
import { fullState } from './full-state.ts'
import { history } from './history.ts'
import { identities } from './identities.ts'
import { interrupted } from './interrupted.ts'
import { machine } from './machine.ts'
import { people } from './people.ts'
import { proofs } from './proofs.ts'
import { rebuilds } from './rebuilds.ts'
import { releases } from './releases.ts'
import { statements } from './statements.ts'
import { transfers } from './transfers.ts'
import { trust } from './trust.ts'

export const groups: readonly Group[] = [
  ...proofs,
  ...checkpoints,
  ...history,
  ...releases,
  ...statements,
  ...identities,
  ...rebuilds,
  ...trust,
  ...transfers,
  ...archives,
  ...machine,
  ...fullState,
  ...interrupted,
  ...disks,
  ...people,
]
