/**
 * The dashboard: one page without scripts, made anew for each request from the same document that `/v1/status` is. All it loads is its own
 * style sheet and icon.
 */
import { alertItem, evidenceItem } from './alert-list.ts'
import { type Html, html } from './html.ts'
import { logCard } from './log-card.ts'
import { counted, grouped, utc } from './moments.ts'
import type { LogStatus, Status } from './status.ts'

/** Logs that are shown in full; those with trouble first. */
const mostLogs = 60
/** Seconds until the browser asks again. */
const refreshSeconds = 60

const verdicts = {
  calm: ['All is well', 'Every log shows one history, and everything that was read fits.'],
  waiting: ['Reading', 'Nothing is wrong so far; not everything was read yet.'],
  attention: ['Needs a look', 'Something is not as it should be. Nobody is convicted of anything.'],
  alarm: ['Alarm', 'Somebody said two things, or something is not what it was released as. Act before you install.'],
} as const satisfies Readonly<Record<Status['verdict'], readonly [string, string]>>

export function page(status: Status): string {
  const { at, logs, alerts, evidence, undelivered, verdict } = status
  const [title, words] = verdicts[verdict]
  const open = alerts.filter(({ endedAt }) => endedAt === null)
  const past = alerts.filter(({ endedAt }) => endedAt !== null)
  return `<!doctype html>\n${
    html`<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="${refreshSeconds}">
<title>${title} · samebits monitor</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="dashboard.css">
</head>
<body>
<header class="banner ${verdict}">
  <p class="brand">samebits monitor</p>
  <h1>${title}</h1>
  <p>${words}</p>
  <ul class="tiles">${tiles(status)}</ul>
</header>
<main>
${section('alerts', 'Open alerts', open.length === 0 ? null : html`<ul class="list">${open.map((alert) => alertItem(alert, at))}</ul>`)}
${section('logs', 'Logs', logs.length === 0 ? html`<p class="faint">No log was polled yet.</p>` : html`<div class="cards">${shown(logs).map((log) => logCard(log, at))}</div>${more(logs)}`)}
${section('undelivered', 'Not delivered', undelivered.length === 0 ? null : html`<ul class="list">${undelivered.map(({ sink, count }) => html`<li><bdi>${sink}</bdi> has not taken ${counted(count, 'alert')}; each is tried again, at least once an hour.</li>`)}</ul>`)}
${section('evidence', 'Evidence', evidence.length === 0 ? null : html`<ul class="list">${evidence.map((one) => evidenceItem(one, at))}</ul>`)}
${past.length === 0 ? null : html`<details><summary>${counted(past.length, 'alert')} that are over</summary><ul class="list">${past.map((alert) => alertItem(alert, at))}</ul></details>`}
</main>
<footer>
  <p>As of <time datetime="${utc(at)}">${utc(at)}</time>, asked again every minute. Also as
  <a href="v1/status">JSON</a>, <a href="v1/alerts.atom">feed</a>, <a href="metrics">metrics</a>.</p>
  <p>Whatever is shown here can be checked without this monitor: the evidence from its file alone, a log with <code>samebits-log fsck</code>.</p>
</footer>
</body>
</html>`.text
  }\n`
}

function section(id: string, title: string, content: Html | null): Html | null {
  return content === null
    ? null
    : html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`
}

function tiles({ logs, openAlerts, evidence }: Status): Html[] {
  const entries = logs.reduce((sum, { readTo }) => sum + readTo, 0)
  const witnesses = new Set(
    logs.flatMap(({ views }) => views.filter(({ kind }) => kind === 'witness').map(({ name }) => name)),
  )
  const tile = (count: number, name: string) => html`<li><strong>${grouped(count)}</strong> <span>${name}</span></li>`
  return [
    tile(logs.length, logs.length === 1 ? 'log' : 'logs'),
    tile(entries, 'entries checked'),
    tile(witnesses.size, witnesses.size === 1 ? 'witness' : 'witnesses'),
    tile(openAlerts.critical + openAlerts.warning + openAlerts.notice, 'open alerts'),
    tile(evidence.length, evidence.length === 1 ? 'piece of evidence' : 'pieces of evidence'),
  ]
}

function shown(logs: readonly LogStatus[]): readonly LogStatus[] {
  const trouble = ({ views, failure, openTrees }: LogStatus) =>
    Number(views.some(({ standing }) => standing === 'contradicts')) * 2 +
    Number(failure !== null || openTrees.length > 0)
  return [...logs].sort((a, b) => trouble(b) - trouble(a)).slice(0, mostLogs)
}

function more(logs: readonly LogStatus[]): Html | null {
  return logs.length > mostLogs
    ? html`<p class="faint">and ${counted(logs.length - mostLogs, 'log')} more in <a href="v1/status">v1/status</a></p>`
    : null
}
