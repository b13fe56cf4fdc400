/** Co-signing: another publisher's open statement, compared with the files on disk before it is signed. */
import { ProgramError } from '@samebits/host'
import type { Measured } from './artifacts.ts'
import type { Now } from './follow.ts'
import { sameFiles } from './plan.ts'
import type { LoggedRelease } from './product-view.ts'
import { checkIsPublisher, finish, keepEntry, type PublishResult } from './publish.ts'
import { describeHead, type Session } from './session.ts'
import { isSignedBy } from './signers.ts'
import type { StatementSigner } from './signing.ts'
import { isOpen } from './staple-set.ts'

export interface CosignRequest {
  readonly id: string
  /** Every artifact of the statement, as this publisher has it. */
  readonly files: readonly Measured[]
  readonly feedNow: boolean
}

/** @throws ProgramError NOT_FOUND, ARTIFACT_DIFFERS, HEAD_MOVED, and whatever publishing throws */
export async function cosign(
  session: Session,
  signer: StatementSigner,
  request: CosignRequest,
): Promise<PublishResult> {
  checkIsPublisher(session.trust, signer)
  const now = await session.now(() => null)
  const release = findRelease(now, request.id)
  compareFiles(release, request.files)
  const { statement } = release
  const own = release.entries.find(({ entry }) => isSignedBy(session.trust, entry, signer.credential))
  if (own === undefined) checkStillOpen(now, release)
  session.machine.say(
    `${statement.product} ${statement.version}, ${statement.channel} ${statement.sequence}: ${request.files.length} files agree`,
  )
  const payload = release.entries[0]?.entry.payload
  if (payload === undefined) throw new TypeError('a release without entries')
  const leaf = own?.entry.leaf ?? (await signer.sign(payload))
  const kept = await keepEntry(session, 'cosign', statement, request.files, leaf)
  return finish(session, signer, kept, request)
}

function findRelease({ view, tree }: Now, id: string): LoggedRelease {
  const release = view.releases.find((each) => each.id === id)
  if (release !== undefined) return release
  throw new ProgramError({
    code: 'NOT_FOUND',
    detail: `the log's ${tree.size} entries hold no release ${id} of this product by a publisher`,
    remedy: 'Compare the id with what publish printed, and the trust file with the one used there.',
    exitCode: 10,
  })
}

/** Every artifact of the statement must be here, byte for byte, and nothing else. */
function compareFiles({ statement }: LoggedRelease, files: readonly Measured[]): void {
  if (sameFiles(statement.artifacts, files)) return
  const here = new Map(files.map((file) => [file.name, file]))
  const differences = [
    ...statement.artifacts.flatMap(({ name, size, sha256 }) => {
      const file = here.get(name)
      if (file === undefined) return [`${name} is missing`]
      if (file.size !== size) return [`${name} has ${file.size} bytes, the statement says ${size}`]
      return file.sha256 === sha256 ? [] : [`${name} has the SHA-256 ${file.sha256}, the statement says ${sha256}`]
    }),
    ...files
      .filter(({ name }) => !statement.artifacts.some((artifact) => artifact.name === name))
      .map(({ name }) => `${name} is not in the statement`),
  ]
  throw new ProgramError({
    code: 'ARTIFACT_DIFFERS',
    detail: `not signed: ${differences.join('; ')}`,
    remedy: 'Build from the same source and compare again; never sign what differs.',
    exitCode: 10,
  })
}

/** Co-signatures of the head are welcome too; those of a loser are not (docs/formats.md §1, *Admission*). */
function checkStillOpen({ view }: Now, release: LoggedRelease): void {
  const head = view.heads.get(release.statement.channel) ?? null
  if (isOpen(view, release) || head?.id === release.id) return
  throw new ProgramError({
    code: 'HEAD_MOVED',
    detail: `${release.id} can no longer be co-signed: the head of ${release.statement.channel} is ${describeHead(head)}`,
    remedy: 'Ask its publisher for a statement that continues that head.',
    exitCode: 10,
  })
}
