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
      ...{ title: subjectOf(alert), id: `urn:samebits:alert:${alert.id}`, link: url, date, published: date },
      description: textOf(alert),
      category: [{ name: visible(alert.rule), term: alert.rule }],
    })
  }
  return feed.atom1()
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
