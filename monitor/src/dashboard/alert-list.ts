/** Alerts and evidence, as the page shows them. */
import type { AlertRecord, EvidenceRecord } from '../state/monitor-store.ts'
import { type Html, html } from './html.ts'
import { ago } from './moments.ts'

export function alertItem(alert: AlertRecord, now: number): Html {
  const { severity, rule, origin, product, title, detail, remedy, evidence, at, endedAt } = alert
  return html`<li class="alert ${severity}${endedAt === null ? '' : ' ended'}">
    <p class="meta"><span class="pill ${severity}">${severity}</span> <code>${rule}</code> <bdi>${origin}</bdi>${
      product === null ? null : html` · <bdi>${product}</bdi>`
    } · ${ago(at, now)}${endedAt === null ? null : html` · over since ${ago(endedAt, now)}`}</p>
    <p class="title"><bdi>${title}</bdi></p>
    ${detail === '' ? null : html`<p class="detail"><bdi>${detail}</bdi></p>`}
    <p class="remedy">${remedy}</p>
    ${evidence === null ? null : html`<p>${evidenceLink(evidence, `evidence-${evidence.slice(0, 12)}.json`, 'Evidence')}</p>`}
  </li>`
}

/** Identifiers are 64 hex digits; others have no address. */
function evidenceLink(id: string, file: string, words: string): Html | null {
  return /^[0-9a-f]{64}$/.test(id)
    ? html`<a class="download" href="v1/evidence/${id}" download="${file}">${words}</a>`
    : null
}

export function evidenceItem({ id, kind, origin, convicted, findings, at }: EvidenceRecord, now: number): Html {
  return html`<li class="evidence${convicted === null ? '' : ' convicts'}">
    <p class="meta"><span class="pill ${convicted === null ? 'notice' : 'critical'}">${kind}</span> <bdi>${origin}</bdi> · ${ago(at, now)}</p>
    <p class="title">${convicted === null ? 'A question: it convicts nobody.' : html`Convicts <bdi>${convicted}</bdi>.`}</p>
    ${findings.map((line) => html`<p class="detail"><bdi>${line}</bdi></p>`)}
    <p>${evidenceLink(id, `${kind}-${id.slice(0, 12)}.json`, 'Download')} <span class="faint">samebits-monitor evidence check FILE --key VKEY</span></p>
  </li>`
}
