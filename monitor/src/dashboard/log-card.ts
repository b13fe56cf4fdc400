/** One log, as the page shows it: its history, who shows it, its products. */
import { type Html, html } from './html.ts'
import { ago, counted, grouped, span } from './moments.ts'
import { plot } from './plot.ts'
import type { LogStatus, ProductStatus, ReleaseStatus, ReleaseVotes, ViewStatus } from './status.ts'

export function logCard(log: LogStatus, now: number): Html {
  return html`<article class="card">
    <header><h3><bdi>${log.origin}</bdi></h3>${log.url === null ? null : html`<p class="faint"><bdi>${log.url}</bdi></p>`}</header>
    <dl class="facts">
      ${fact('Entries', log.head === null ? 'none yet' : grouped(log.head.size))}
      ${fact('Read and checked', readShare(log))}
      ${fact('Quorum time', quorumAge(log.quorumTime, now))}
      ${fact('Last answer', ago(log.answeredAt, now))}
    </dl>
    ${consistency(log, now)}
    ${log.failure === null ? null : html`<p class="problem"><bdi>${log.failure}</bdi></p>`}
    ${plot(log.sizes, now)}
    ${log.views.length === 0 ? null : viewTable(log.views, now)}
    ${log.products.map(productBlock)}
    ${log.productCount > log.products.length ? html`<p class="faint">and ${counted(log.productCount - log.products.length, 'product')} more</p>` : null}
  </article>`
}

function fact(name: string, value: string | Html): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`
}

function readShare({ head, readTo }: LogStatus): string {
  if (head === null || head.size === 0) return '–'
  return readTo >= head.size ? 'all' : `${grouped(readTo)} (${Math.floor((100 * readTo) / head.size)} %)`
}

function quorumAge(time: number | null, now: number): string | Html {
  if (time === null) return html`<span class="faint">no witnesses asked for</span>`
  return time === 0 ? html`<span class="bad">too few witnesses</span>` : ago(time, now)
}

function consistency({ head, sizes, openTrees, views }: LogStatus, now: number): Html {
  const against = views.filter(({ standing }) => standing === 'contradicts')
  if (against.length > 0)
    return html`<p class="consistency bad">Two histories: ${against.map(({ name }, at) => html`${at > 0 ? ', ' : ''}<bdi>${name}</bdi>`)} ${against.length === 1 ? 'shows' : 'show'} another one.</p>`
  if (openTrees.length > 0)
    return html`<p class="consistency warn">${counted(openTrees.length, 'signed tree')} that nobody has joined to the history.</p>`
  if (head === null) return html`<p class="consistency faint">Nothing was seen of it yet.</p>`
  const since = sizes[0]?.at
  return html`<p class="consistency good">One history: every tree extends the one before${since === undefined ? '' : `, for ${span(now - since)}`}.</p>`
}

const standings = {
  agrees: ['good', 'agrees'],
  open: ['warn', 'not joined'],
  contradicts: ['bad', 'contradicts'],
  silent: ['faint', 'silent'],
} as const satisfies Readonly<Record<ViewStatus['standing'], readonly [string, string]>>

const kinds = ['log', 'mirror', 'witness', 'monitor', 'client'] as const satisfies readonly ViewStatus['kind'][]

/** What contradicts first, then by kind. */
function inOrder(views: readonly ViewStatus[]): ViewStatus[] {
  const place = ({ standing, kind }: ViewStatus) => (standing === 'contradicts' ? -1 : kinds.indexOf(kind))
  return [...views].sort((a, b) => place(a) - place(b))
}

function viewTable(views: readonly ViewStatus[], now: number): Html {
  return html`<table class="stack views">
    <caption>Who shows it</caption>
    <thead><tr><th>View</th><th>Standing</th><th class="number">Size</th><th class="number">Behind</th><th>Signed</th></tr></thead>
    <tbody>${inOrder(views).map((view) => viewRow(view, now))}</tbody>
  </table>`
}

function viewRow(
  { name, kind, url, standing, size, behind, quorumTime, cosignedAt, askedAt, failure }: ViewStatus,
  now: number,
): Html {
  const [tone, words] = standings[standing]
  const signed = kind === 'witness' ? cosignedAt : quorumTime
  const label = kind === 'log' || kind === 'client' ? name : name.replace(`${kind} `, '')
  return html`<tr>
    <td data-label="View"><span class="kind">${kind}</span> <bdi>${label === kind ? (url ?? '') : label}</bdi>${
      failure === null ? null : html`<br><span class="problem"><bdi>${failure}</bdi></span>`
    }</td>
    <td data-label="Standing"><span class="pill ${tone}">${words}</span></td>
    <td data-label="Size" class="number">${size === null ? '–' : grouped(size)}</td>
    <td data-label="Behind" class="number">${behind === null ? '–' : grouped(behind)}</td>
    <td data-label="Signed">${signed === null || signed === 0 ? html`<span class="faint">asked ${ago(askedAt, now)}</span>` : ago(signed, now)}</td>
  </tr>`
}

function productBlock({ product, watched, trustVersion, entries, releases }: ProductStatus): Html {
  const trust = trustVersion === null ? '' : `, trust file ${trustVersion}`
  return html`<details class="product"${watched ? html` open` : null}>
    <summary><bdi>${product}</bdi> <span class="faint">${counted(entries, 'entry', 'entries')}${trust}${watched ? '' : ', not watched'}</span></summary>
    ${
      releases.length === 0
        ? html`<p class="faint">no release yet</p>`
        : html`<table class="stack releases">
      <thead><tr><th>Release</th><th>Channel</th><th class="number">Entry</th><th>Publishers</th><th>Rebuilds</th></tr></thead>
      <tbody>${releases.map(releaseRow)}</tbody>
    </table>`
    }
  </details>`
}

function releaseRow({ version, channel, sequence, index, met, votes }: ReleaseStatus): Html {
  return html`<tr>
    <td data-label="Release"><strong><bdi>${version ?? '–'}</bdi></strong>${votes?.revoked ? html` <span class="pill bad">revoked</span>` : null}${
      votes?.waived ? html` <span class="pill notice">waived</span>` : null
    }</td>
    <td data-label="Channel"><bdi>${channel ?? '–'}</bdi> <span class="faint">${sequence === null ? '' : `#${sequence}`}</span></td>
    <td data-label="Entry" class="number">${grouped(index)}</td>
    <td data-label="Publishers">${metPill(met)}</td>
    <td data-label="Rebuilds">${votes === null ? html`<span class="faint">–</span>` : votes.artifacts.map(votePill)}</td>
  </tr>`
}

function metPill(met: boolean | null): Html {
  if (met === null) return html`<span class="faint">not judged</span>`
  return met ? html`<span class="pill good">enough</span>` : html`<span class="pill warn">too few</span>`
}

function votePill({ name, positive, negative, needed, enough }: ReleaseVotes['artifacts'][number]): Html {
  const tone = negative.length > 0 ? 'bad' : needed === 0 && positive.length === 0 ? 'faint' : enough ? 'good' : 'warn'
  const count = `${positive.length} of ${needed}${negative.length > 0 ? `, ${negative.length} against` : ''}`
  const who = [...positive.map((operator) => `+ ${operator}`), ...negative.map((operator) => `− ${operator}`)].join(
    ', ',
  )
  return html`<span class="vote"><span class="pill ${tone}" title="${who}">${count}</span> <bdi class="faint">${name}</bdi></span>`
}
