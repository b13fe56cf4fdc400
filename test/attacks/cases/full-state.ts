/** STATE_FULL: more releases than a client can remember. They are put into its state as they would be after years of history. */
import { join } from 'node:path'
import { canonicalJson, formatStateFile, MAX_STATE_FILE_SIZE, type State } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { createStateStore, readState } from '@samebits/updater'
import { hex } from '../../support/world-statements.ts'
import { type Group, isLong, not, type Row, refusing } from '../case.ts'
import type { Stage } from '../stage.ts'

/** The first release is installed, the second is out; of another channel so many are known that hardly more than `room` bytes are left. */
function withRoom(room: number): Row['arrange'] {
  return async (stage) => {
    await stage.installed()
    await fill(stage, room)
    stage.scene.publish()
  }
}

async function fill({ home }: Stage, room: number): Promise<void> {
  const directory = join(home, 'app', '.samebits', 'state')
  const now = await readState(directory, nodeCrypto)
  const [pattern] = now?.known.releases ?? []
  if (now === null || pattern === undefined) throw new Error('the client knows no release')
  const nightly = (at: number): State['known']['releases'][number] => ({
    ...{ id: hex(`nightly ${at}`), channel: 'nightly', sequence: at + 1, version: `1.${at + 1}.0` },
    ...{ previous: at === 0 ? null : hex(`nightly ${at - 1}`), artifacts: [], entries: pattern.entries, ripeAt: null },
  })
  const releases = [...now.known.releases]
  let left = MAX_STATE_FILE_SIZE - formatStateFile(nodeCrypto, now).length - room
  for (let at = 0; left > 0; at++) {
    const release = nightly(at)
    left -= canonicalJson(release).length + 1
    if (left >= 0) releases.push(release)
  }
  const store = createStateStore({ directory, hasher: nodeCrypto, identity: { uid: process.getuid?.() } })
  await store.save({ ...now, known: { ...now.known, releases } }, now.generation)
}

export const fullState: readonly Group[] = [
  refusing('STATE_FULL', [
    ['thousands of releases are known, and one more', withRoom(0), isLong ? {} : { only: 'library' }],
    not('thousands of releases are known, and there is room', withRoom(100_000), { only: 'library' }),
  ]),
]
