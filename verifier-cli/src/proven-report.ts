/** What was proven, as a checklist and as JSON. */
import type { Proven } from '@samebits/core'
import { ago, type CheckLine, count, names } from './screen.ts'

export function provenLines({ proven }: { readonly proven: Proven }): CheckLine[] {
  const { publishers, log, rebuilders } = proven
  return [
    ...(publishers === null ? [] : [publisherLine(publishers)]),
    { mark: 'ok', label: 'log', text: `in ${log.origin}, a tree of ${count(log.size, 'entry', 'entries')}` },
    witnessLine(proven),
    ...(rebuilders === null ? [] : [rebuilderLine(rebuilders)]),
    consistencyLine(proven),
    historyLine(proven),
    freshnessLine(proven),
  ]
}

function publisherLine({ operators, threshold }: NonNullable<Proven['publishers']>): CheckLine {
  return { mark: 'ok', label: 'publisher', text: `${names(operators)} (${operators.length} of ${threshold} needed)` }
}

function witnessLine({ witnesses }: Proven): CheckLine {
  const { names: seen, of, forkCost } = witnesses
  if (of === 0)
    return { mark: 'warn', label: 'witnesses', text: "none: the log's key alone could show you a tree of your own" }
  const cost =
    forkCost === 0 ? "the log's key alone" : `${count(forkCost, 'witness that signs', 'witnesses that sign')} twice`
  return {
    mark: forkCost === 0 ? 'warn' : 'ok',
    label: 'witnesses',
    text: `${seen.length} of ${of}: ${names(seen)}; a fork would cost ${cost}`,
  }
}

function rebuilderLine({ operators, required, waived }: NonNullable<Proven['rebuilders']>): CheckLine {
  if (waived) return { mark: 'warn', label: 'rebuilders', text: 'waived by the authority for this release' }
  if (required === 0 && operators.length === 0) return { mark: 'none', label: 'rebuilders', text: 'none asked for' }
  return {
    mark: 'ok',
    label: 'rebuilders',
    text: `${names(operators)} (${operators.length} of ${required} needed) got the same bytes`,
  }
}

function consistencyLine({ consistentFrom }: Proven): CheckLine {
  if (consistentFrom.length === 0)
    return { mark: 'none', label: 'consistency', text: 'first contact, consistency not checked' }
  return {
    mark: 'ok',
    label: 'consistency',
    text: `extends the tree of size ${consistentFrom.join(' and ')} seen before`,
  }
}

function historyLine({ history }: Proven): CheckLine {
  const { completeTo, offeredTo } = history
  if (completeTo === null)
    return {
      mark: 'none',
      label: 'history',
      text: `offered to entry ${offeredTo}: what the bundle leaves out is not seen`,
    }
  if (completeTo >= offeredTo) return { mark: 'ok', label: 'history', text: `complete to entry ${completeTo}` }
  return { mark: 'ok', label: 'history', text: `complete to ${completeTo}, offered to ${offeredTo}` }
}

function freshnessLine({ age }: Proven): CheckLine {
  if (age === null) return { mark: 'warn', label: 'freshness', text: 'none: no witness says when this was' }
  return { mark: 'ok', label: 'freshness', text: `witnessed ${ago(age)} ago` }
}
