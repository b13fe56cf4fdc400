/** What a client remembers, as labelled lines. */
import { parseSignedCheckpoint, type State } from '@samebits/core'
import type { Section } from './report.ts'
import { count, utc } from './screen.ts'

type Row = readonly [label: string, text: string]

export function stateSections(state: State): Section[] {
  return [
    { title: `${state.product}, generation ${state.generation}`, rows: basics(state) },
    { title: `log ${state.log.origin}`, rows: logRows(state) },
    { title: 'known', rows: knownRows(state) },
  ]
}

function basics(state: State): Row[] {
  const { trust, time, checkedAt, previous, staged } = state
  const via = trust.via === 'shipped' ? 'shipped or imported' : `logged at ${trust.via.index} of ${trust.via.origin}`
  return [
    [
      'trust',
      `version ${trust.version}, ${trust.sha256}, ${via}${trust.endsAt === null ? '' : `, ends at entry ${trust.endsAt}`}`,
    ],
    ['time', time === 0 ? 'none' : utc(time)],
    ['last check', checkedAt === null ? 'none' : utc(checkedAt)],
    ['previous', previous === null ? 'none' : `${previous.version}, ${previous.id}`],
    ['staged', staged === null ? 'nothing' : `${staged.version}, ${staged.id}`],
    ...state.held.map(
      ({ id, reason }): Row => ['held', `${id} (${reason === 'failed' ? 'did not run' : 'stepped back'})`],
    ),
    ...[...floorsOf(state)].map(
      ([channel, floor]): Row => [`floor of ${channel}`, `sequence ${floor.sequence}, ${floor.id}`],
    ),
  ]
}

function floorsOf({ floors }: State): Iterable<[string, { readonly sequence: number; readonly id: string }]> {
  return floors instanceof Map ? floors : Object.entries(floors)
}

function logRows({ log, past }: State): Row[] {
  const size = log.tree === null ? null : parseSignedCheckpoint(log.tree).checkpoint.size
  return [
    ['tree size', size === null ? 'none yet' : String(size)],
    ['witnessed', log.q === null ? 'unknown' : utc(log.q)],
    ['history read', `entries ${log.read.from} to ${log.read.to}`],
    ['convicted', log.convicted === null ? 'no' : log.convicted.detail],
    ...past.map(({ origin, convicted }): Row => ['log before', `${origin}${convicted === null ? '' : ', convicted'}`]),
  ]
}

function knownRows({ known }: State): Row[] {
  return [
    ['releases', count(known.releases.length, 'release')],
    ['other statements', String(known.statements.length)],
    ['votes', String(known.votes.length)],
    ['ignored', count(known.ignored, 'entry', 'entries')],
  ]
}
