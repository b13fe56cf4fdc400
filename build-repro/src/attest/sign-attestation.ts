/** From a finished build to a signed statement about it, with the detached bodies that it names. */
import { formatStatement, statementId } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { BuildResult } from '../build/run-build.ts'
import type { StatementKey } from '../keygen.ts'
import { signStatement } from '../signing.ts'
import { type Body, logBody, makeBody } from './body.ts'
import { type Dependency, dependenciesMediaType, formatDependencies } from './dependency.ts'
import { type Attested, provenance } from './provenance.ts'

export interface SignedAttestation {
  /** Of the statement. */
  readonly id: string
  /** The exact leaf bytes. */
  readonly entry: Uint8Array
  readonly bodies: ReadonlyMap<string, Uint8Array>
}

export interface AttestedFacts extends Omit<Attested, 'dependencies' | 'byproducts'> {
  readonly dependencies: readonly Dependency[]
  /** The log of the build; empty to keep it here. */
  readonly log: Uint8Array
}

/** @throws ProgramError NOT_ATTESTABLE, DEPENDENCIES_TOO_LARGE */
export async function signAttestation(
  build: BuildResult,
  facts: AttestedFacts,
  key: StatementKey,
): Promise<SignedAttestation> {
  const { log, dependencies: list, ...rest } = facts
  const dependencies = makeBody('dependencies.json', dependenciesMediaType, formatDependencies(list))
  const said = logBody(log)
  const byproducts: readonly Body[] = said === null ? [] : [said]
  const payload = formatStatement(provenance(build, { ...rest, dependencies, byproducts }))
  const bodies = new Map([dependencies, ...byproducts].map(({ sha256, bytes }) => [sha256, bytes]))
  return { id: statementId(nodeCrypto, payload), entry: await signStatement(payload, key), bodies }
}
