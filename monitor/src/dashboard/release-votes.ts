/** The votes about releases, as the dashboard shows them: judged by the trust file in force, each time anew. */
import { parseTrust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { releaseStanding } from '../index/release-standing.ts'
import { TrustBook } from '../index/trust-book.ts'
import type { MonitorReader } from '../state/monitor-store.ts'
import type { VotesOf } from './status.ts'

export function votesFrom(reader: MonitorReader): VotesOf {
  return ({ trust }) => {
    if (trust === null) return () => null
    const book = new TrustBook(parseTrust(nodeCrypto, trust.body))
    return (release) => {
      const standing = releaseStanding(reader, book, release)
      if (standing === null) return null
      const artifacts = standing.artifacts.map(({ artifact: { name, platform }, tally }) => {
        const { positive, negative, needed, enough } = tally
        return { name, platform, positive, negative, needed, enough }
      })
      return { artifacts, waived: standing.waived !== null, revoked: standing.revoked !== null }
    }
  }
}
