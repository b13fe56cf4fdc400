/** The tables of what people are told: alerts, their deliveries, evidence. */
import type Database from 'better-sqlite3'
import type {
  AlertFilter,
  AlertRecord,
  Delivery,
  DeliveryCount,
  EvidenceRecord,
  MonitorReader,
  MonitorStore,
  MonitorWriter,
  PendingCase,
} from './monitor-store.ts'
import { bytesOf } from './schema-store.ts'

type AlertReader = Pick<
  MonitorReader,
  | 'alerts'
  | 'alert'
  | 'alertCount'
  | 'evidenceList'
  | 'evidenceCount'
  | 'evidenceAbout'
  | 'evidence'
  | 'deliveries'
  | 'deliveryCounts'
> &
  Pick<MonitorStore, 'pendingCases'>
type AlertWriter = Pick<
  MonitorWriter,
  'raise' | 'settle' | 'addEvidence' | 'attachEvidence' | 'putCase' | 'deleteCase' | 'putDelivery'
>

type CaseRow = Omit<PendingCase, 'a' | 'b'> & { readonly a: string; readonly b: string }

type EvidenceRow = Omit<EvidenceRecord, 'findings'> & { readonly findings: string }

const alertColumns = 'number, id, rule, severity, origin, product, title, detail, remedy, evidence, at, endedAt'

export function alertReader(database: Database.Database): AlertReader {
  const alert = database.prepare<[string], AlertRecord>(`SELECT ${alertColumns} FROM alert WHERE id = ?`)
  const alertCount = database
    .prepare<[object], number>(
      `SELECT count(*) FROM (SELECT 1 FROM alert INDEXED BY alertsOfRule
         WHERE origin = @origin AND rule = @rule AND product IS @product AND at > @after LIMIT @limit)`,
    )
    .pluck()
  const where = `(@origin IS NULL OR origin = @origin) AND (@product IS NULL OR product = @product)
     AND number > @after AND (@open = 0 OR endedAt IS NULL)`
  const oldest = database.prepare<[object], AlertRecord>(
    `SELECT ${alertColumns} FROM alert WHERE ${where} ORDER BY number LIMIT @limit`,
  )
  const newest = database.prepare<[object], AlertRecord>(
    `SELECT ${alertColumns} FROM alert WHERE ${where} ORDER BY number DESC LIMIT @limit`,
  )
  const evidenceList = database.prepare<[object], EvidenceRow>(
    `SELECT id, kind, origin, convicted, findings, at, "from" FROM evidence
     WHERE @origin IS NULL OR origin = @origin ORDER BY at DESC, id LIMIT @limit`,
  )
  const evidence = database.prepare<[string], Buffer>('SELECT bytes FROM evidence WHERE id = ?').pluck()
  const evidenceCount = database
    .prepare<[string, string], number>('SELECT count(*) FROM evidence WHERE origin = ? AND kind = ?')
    .pluck()
  const evidenceAbout = database.prepare<[string], string>('SELECT id FROM evidence WHERE subject = ?').pluck()
  const deliveries = database.prepare<[object], Delivery>(
    `SELECT alert, sink, state, attempts, nextAt, failure FROM delivery
     WHERE state = @state AND (@sink IS NULL OR sink = @sink) ORDER BY nextAt, number LIMIT @limit`,
  )
  const counts = database.prepare<[], DeliveryCount>(
    `SELECT sink, iif(state = 'waiting' AND attempts > 0, 'failing', state) AS state, count(*) AS count
     FROM delivery GROUP BY 1, 2 ORDER BY 1, 2`,
  )
  const cases = database.prepare<[string], CaseRow>('SELECT * FROM pendingCase WHERE origin = ? ORDER BY alert')
  return {
    pendingCases: (origin) =>
      cases
        .all(origin)
        .map(({ a, b, ...rest }) => ({ ...rest, a: JSON.parse(a) as number[], b: JSON.parse(b) as number[] })),
    alerts({ origin, product, after, open = false, limit }: AlertFilter) {
      const bound = { origin: origin ?? null, product: product ?? null, after: after ?? 0, open: Number(open), limit }
      return (after === undefined ? newest : oldest).all(bound)
    },
    alert: (id) => alert.get(id) ?? null,
    alertCount: (of) => alertCount.get(of) ?? 0,
    evidenceList: (origin, limit) =>
      evidenceList
        .all({ origin, limit })
        .map(({ findings, ...rest }) => ({ ...rest, findings: JSON.parse(findings) as string[] })),
    evidenceCount: (origin, kind) => evidenceCount.get(origin, kind) ?? 0,
    evidenceAbout: (subject) => evidenceAbout.get(subject) ?? null,
    evidence(id) {
      const bytes = evidence.get(id)
      return bytes === undefined ? null : bytesOf(bytes)
    },
    deliveries: (state, limit, sink) => deliveries.all({ state, limit, sink: sink ?? null }),
    deliveryCounts: () => counts.all(),
  }
}

export function alertWriter(database: Database.Database): AlertWriter {
  const insert = database.prepare<[object]>(
    `INSERT OR IGNORE INTO alert (id, rule, severity, origin, product, title, detail, remedy, evidence, at)
     VALUES (@id, @rule, @severity, @origin, @product, @title, @detail, @remedy, @evidence, @at)`,
  )
  const addDelivery = database.prepare<[string, string, number | bigint, number]>(
    `INSERT OR IGNORE INTO delivery VALUES (?, ?, ?, 'waiting', 0, ?, NULL)`,
  )
  const putDelivery = database.prepare<[object]>(
    `UPDATE delivery SET state = @state, attempts = @attempts, nextAt = @nextAt, failure = @failure
     WHERE alert = @alert AND sink = @sink`,
  )
  const open = database.prepare<[string, string], { id: string }>(
    'SELECT id FROM alert WHERE origin = ? AND rule = ? AND endedAt IS NULL',
  )
  const end = database.prepare<[number, string]>('UPDATE alert SET endedAt = ? WHERE id = ?')
  const addEvidence = database.prepare<[object]>(
    `INSERT OR IGNORE INTO evidence (id, kind, origin, convicted, findings, at, "from", subject, bytes)
     VALUES (@id, @kind, @origin, @convicted, @findings, @at, @from, @subject, @bytes)`,
  )
  const attach = database.prepare<[string, string]>('UPDATE alert SET evidence = ? WHERE id = ?')
  const putCase = database.prepare<[object]>(
    `INSERT OR REPLACE INTO pendingCase (alert, origin, product, kind, a, b, attempts)
     VALUES (@alert, @origin, @product, @kind, @a, @b, @attempts)`,
  )
  const deleteCase = database.prepare<[string]>('DELETE FROM pendingCase WHERE alert = ?')
  return {
    attachEvidence: (alert, evidence) => void attach.run(evidence, alert),
    putCase: ({ a, b, ...rest }) => void putCase.run({ ...rest, a: JSON.stringify(a), b: JSON.stringify(b) }),
    deleteCase: (alert) => void deleteCase.run(alert),
    raise(alert, sinks) {
      const { changes, lastInsertRowid } = insert.run(alert)
      if (changes === 0) return false
      for (const sink of sinks) addDelivery.run(alert.id, sink, lastInsertRowid, alert.at)
      return true
    },
    settle(origin, rules, lasting, now) {
      for (const rule of rules) for (const { id } of open.all(origin, rule)) if (!lasting.has(id)) end.run(now, id)
    },
    addEvidence: ({ findings, ...record }, subject, bytes) =>
      void addEvidence.run({ ...record, findings: JSON.stringify(findings), subject, bytes }),
    putDelivery: (delivery) => void putDelivery.run(delivery),
  }
}
