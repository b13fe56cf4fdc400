/** A monitor's state in which everything happens at once, written through the real store. */
import { toHex, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type {
  Alert,
  LogRecord,
  MonitorStore,
  ProductRecord,
  StatementRecord,
  ViewRecord,
} from '../../monitor/src/state/monitor-store.ts'

export const now = 1_800_000_000

/** Text as an attacker writes it into a log. */
export const hostile = {
  markup: '<img src=x onerror="document.title=1"><script>document.title=2</script>',
  attribute: '" onmouseover="document.title=3" x="',
  bidi: 'release \u202egpj.exe\u202c 1.0',
  control: 'one\u0000two\u001b[31m\r\nthree\u0085',
  entity: '&lt;b&gt; &#x3c;script&#x3e;',
  long: 'x'.repeat(400),
  template: '#{document.title=4} {{constructor}} ]]> --> </title></style></table>',
} as const

const root = (fill: number) => new Uint8Array(32).fill(fill)
const tree = (size: number) => ({ size, root: root(size % 251), checkpoint: `log\n${size}\n` })

function log(origin: string, size: number, more: Partial<LogRecord> = {}): LogRecord {
  return {
    ...{
      origin,
      url: `https://${origin.split('/')[0]}/`,
      head: tree(size),
      q: now - 45,
      headAt: now - 50,
      readTo: size,
      indexedTo: size,
    },
    ...{ polledAt: now - 12, answeredAt: now - 12, failure: null },
    ...more,
  }
}

function view(
  origin: string,
  name: string,
  kind: ViewRecord['kind'],
  size: number,
  more: Partial<ViewRecord> = {},
): ViewRecord {
  return {
    ...{
      origin,
      name,
      kind,
      url: null,
      tree: tree(size),
      q: now - 45,
      cosignedAt: kind === 'witness' ? now - 40 : null,
    },
    ...{ since: now - 50, askedAt: now - 12, standing: 'agrees', failure: null },
    ...more,
  }
}

function product(origin: string, name: string, watched: boolean, at: number): ProductRecord {
  const trust = watched ? { version: 3, sha256: 'a'.repeat(64), body: new Uint8Array(0) } : null
  return { origin, product: name, watched, trust, endsAt: null, before: null, entries: 41, lastIndex: at }
}

function release(origin: string, name: string, version: string, sequence: number, met: boolean): StatementRecord {
  const id = toHex(nodeCrypto.sha256(utf8(`${name} ${sequence}`)))
  return {
    ...{ origin, id, product: name, kind: 'release', channel: 'stable', sequence, version },
    ...{
      previous: null,
      firstIndex: 100 + sequence,
      metAt: met ? 101 + sequence : null,
      metSeenAt: met ? now - 900 : null,
    },
  }
}

function alert(number: number, rule: string, severity: Alert['severity'], more: Partial<Alert>): Alert {
  return {
    ...{ id: String(number).padStart(64, '0'), rule, severity, origin: 'log.example.com/main', product: null },
    ...{ title: '', detail: '', remedy: '', evidence: null, at: now - 600 * number },
    ...more,
  }
}

export const evidenceId = 'e'.repeat(64)
export const evidenceBytes = new TextEncoder().encode('{"kind":"fork"}\n')

/** One log that grows and is witnessed, nothing wrong. */
export function calm(store: MonitorStore): void {
  const origin = 'log.example.com/main'
  store.transact((writer) => {
    writer.putLog(log(origin, 18_432))
    for (let at = 0; at < 40; at++)
      writer.addSize(origin, { size: 12_000 + at * at * 4 + at * 5, root: root(at), at: now - (40 - at) * 5000 })
    writer.addSize(origin, { size: 18_432, root: root(7), at: now - 50 })
    writer.putView(view(origin, 'log', 'log', 18_432, { url: 'https://log.example.com/' }))
    for (const [at, name] of ['alder', 'birch', 'cedar'].entries())
      writer.putView(
        view(origin, `witness ${name}.example/w1`, 'witness', 18_432 - at, { cosignedAt: now - 30 - at * 200 }),
      )
    writer.putView(view(origin, 'mirror https://mirror.example/m1/', 'mirror', 18_420))
    writer.putProduct(product(origin, 'example.com/editor', true, 18_400))
    for (const [at, version] of ['2.4.0', '2.4.1', '2.5.0'].entries())
      writer.addStatement(release(origin, 'example.com/editor', version, at + 1, true), [])
    writer.putProduct(product(origin, 'example.org/other', false, 9000))
  })
}

/** The same log with a fork, and another one whose every text is hostile. */
export function alarm(store: MonitorStore): void {
  const origin = 'log.example.com/main'
  store.transact((writer) => {
    writer.putView(view(origin, 'client', 'client', 18_300, { standing: 'contradicts', q: 0 }))
    const fork =
      'The log log.example.com/main signed two histories: at size 18300 it has one root, and the tree of 18432 entries another.'
    writer.addEvidence(
      {
        ...{ id: evidenceId, kind: 'fork', origin, convicted: origin, at: now - 500, from: 'gossip' },
        findings: [fork, 'Both checkpoints bear the key log.example.com/main+2a5d21f9.'],
      },
      evidenceId,
      evidenceBytes,
    )
    const remedy =
      'Install nothing from this log. Send the evidence to its operator, its witnesses and everybody who relies on it.'
    writer.raise(alert(1, 'fork', 'critical', { title: fork, remedy, evidence: evidenceId }), [])
    writer.raise(
      alert(2, 'missing-rebuilds', 'warning', {
        title: 'Release 2.5.0 of example.com/editor has 1 of 2 rebuilds after 26 h.',
        detail: 'Operators that have not voted: debian, guix.',
        remedy:
          'Ask the rebuilders whether they tried, and what came out. Clients that demand rebuilds wait meanwhile.',
        product: 'example.com/editor',
      }),
      [],
    )
    writer.raise(
      alert(3, 'trust-change', 'notice', {
        title: 'Trust file 3 of example.com/editor is in force.',
        remedy: 'Other keys are trusted from here on. Compare the new trust file with what the authority announced.',
      }),
      [],
    )
  })
}

/** Everything that a stranger can name is an attack. */
export function attack(store: MonitorStore): void {
  const texts = Object.values(hostile)
  store.transact((writer) => {
    for (const [at, text] of texts.entries()) {
      writer.putLog(log(text, 10 + at, { url: `https://${text}/`, failure: text, q: at === 1 ? 0 : null, readTo: 5 }))
      writer.putView(view(text, `witness ${text}`, 'witness', 9, { failure: text, standing: 'open' }))
      writer.putOpenTree(text, { ...tree(12), view: text, at: now - 5 })
      writer.putProduct(product(text, text, true, 5))
      writer.addStatement({ ...release(text, text, text, 1, false), channel: text }, [])
      const more = { title: text, detail: text, remedy: text, origin: text, product: text, evidence: text }
      writer.raise(alert(100 + at, 'entry-refused', 'warning', more), [])
      writer.addEvidence(
        {
          id: `${at}`.padStart(64, 'f'),
          kind: 'split',
          origin: text,
          convicted: text,
          findings: [text],
          at: now,
          from: 'gossip',
        },
        `${at}`,
        evidenceBytes,
      )
    }
  })
}
