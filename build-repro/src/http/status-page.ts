/** The status page: one document without scripts, made of what the board holds. Every word in it is somebody else's until escaped. */
import type { JobStatus, ProductStatus, Snapshot } from '../rebuild/board.ts'

const style = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #d5dae0;vertical-align:top}th{font-weight:600}
td:not(:last-child){white-space:nowrap}td:last-child{overflow-wrap:anywhere;width:100%}code{font-size:.86em}.positive{color:#116329}.negative{color:#b3261e;font-weight:700}.unbuildable,.retrying,.trouble{color:#8a5300}
p{margin:.2rem 0}@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#14171a}th,td{border-color:#3a4148}
.positive{color:#6fdd8b}.negative{color:#ff8a80}.unbuildable,.retrying,.trouble{color:#ffc46b}}`

/** What `Content-Security-Policy` must allow for it, and nothing else. */
export const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const words: Readonly<Record<JobStatus['state'], string>> = {
  waiting: 'waiting',
  building: 'building',
  retrying: 'not built yet',
  unbuildable: 'cannot be built',
  positive: 'same bits',
  negative: 'OTHER BITS',
}

/** @param now Unix seconds */
export function statusPage({ builder, engine, startedAt, products, jobs }: Snapshot, now: number): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="30">
<title>samebits rebuilder</title><style>${style}</style></head><body>
<h1>samebits rebuilder</h1>
<p>${text(builder)}, with ${text(engine)}, up since ${time(startedAt)}. As JSON: <a href="status.json">status.json</a>; for Prometheus: <a href="metrics">metrics</a>.</p>
<h2>Logs</h2>
<table><tr><th>product</th><th>log</th><th>entries</th><th>read</th><th></th></tr>
${products.map((each) => productRow(each, now)).join('\n')}
</table>
<h2>Releases</h2>
<table><tr><th>product</th><th>version</th><th>artifacts</th><th>result</th><th>entry</th><th></th></tr>
${jobs.map((each) => jobRow(each, now)).join('\n')}
</table>
</body></html>
`
}

function productRow({ product, log, size, lookedAt, trouble, halted }: ProductStatus, now: number): string {
  const why = trouble === null ? '' : `${text(trouble.code)}: ${text(trouble.detail)}`
  const state = halted
    ? `<span class="negative">two histories; not followed any more. ${why}</span>`
    : `<span class="trouble">${why}</span>`
  const read = lookedAt === null ? 'not yet' : `${duration(now - lookedAt)} ago`
  return `<tr><td>${text(product)}</td><td>${text(log)}</td><td>${size ?? ''}</td><td>${read}</td><td>${state}</td></tr>`
}

function jobRow(job: JobStatus, now: number): string {
  const { product, version, channel, release, artifacts, state, index, different, trouble, retryAt, attempts } = job
  const why = trouble === null ? text(different.join(', ')) : `${text(trouble.code)}: ${text(trouble.detail)}`
  const again = retryAt === null ? '' : `; ${attempts} tried, again in ${duration(Math.max(0, retryAt - now))}`
  return `<tr><td>${text(product)}</td><td>${text(version)} (${text(channel)})<br><code>${text(release.slice(0, 16))}…</code></td><td>${artifacts.map(text).join('<br>')}</td><td class="${state}">${words[state]}</td><td>${index ?? ''}</td><td>${why}${again}</td></tr>`
}

/** For text and attribute values alike. */
function text(value: string): string {
  return value.replace(/[&<>"'\p{Cc}]/gu, (char) => `&#${char.codePointAt(0)};`)
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
