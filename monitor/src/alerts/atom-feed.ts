/** The newest alerts as an Atom feed (RFC 4287): a file for any web server, and what the monitor serves itself. */
import { visible, writeFileDurably } from '@samebits/host'
import { Feed } from 'feed'
import type { AlertRecord } from '../state/monitor-store.ts'
import { type Sink, subjectOf, textOf } from './sink.ts'

/** Entries of the feed. */
export const feedLength = 100

/** @param alerts newest first. @param url where the feed is served */
export function atomFeed(alerts: readonly AlertRecord[], url: string): string {
  const newest = alerts[0]?.at ?? 0
  const feed = new Feed({
    ...{ title: 'samebits-monitor', id: url, link: url, feedLinks: { atom: url }, copyright: '' },
    updated: new Date(newest * 1000),
  })
  for (const alert of alerts) {
    const date = new Date(alert.at * 1000)
    feed.addItem({
      ...{ title: escaped(subjectOf(alert)), id: `urn:samebits:alert:${alert.id}`, link: url, date, published: date },
      description: escaped(textOf(alert)).replaceAll('\n', '<br>'),
      category: [{ name: visible(alert.rule), term: alert.rule }],
    })
  }
  return feed.atom1()
}

/** Titles and summaries are HTML here (RFC 4287 §3.1.1.2): readers would follow what a log wrote. */
function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

export interface AtomOptions {
  readonly name: string
  readonly file: string
  readonly url: string
  /** Newest first. */
  readonly newest: (limit: number) => readonly AlertRecord[]
}

/** Writes the file anew with each alert: readers see the feed before it or after it. */
export function atomSink({ name, file, url, newest }: AtomOptions): Sink {
  return { name, deliver: () => writeFileDurably(file, atomFeed(newest(feedLength), url)) }
}
