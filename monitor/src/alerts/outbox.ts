/**
 * Brings alerts to their sinks, each at least once, in the order in which they were raised as long as the sink takes them. What could not be
 * delivered waits in the state and is tried again, later and later but at least once an hour, for as long as the state is kept:
 * nothing is given up because of time. What a sink will not have does not stand before the others.
 */

import type { Delivery, MonitorStore } from '../state/monitor-store.ts'
import type { OperatorLog } from '../witness/server-parts.ts'
import type { Sink } from './sink.ts'

export interface OutboxParts {
  readonly store: MonitorStore
  readonly sinks: readonly Sink[]
  /** Unix seconds. */
  readonly now: () => number
  readonly operator: OperatorLog
}

/** One try. */
const timeoutMs = 30_000
/** 5 s, 10 s, 20 s … at most an hour. */
const firstRetry = 5
const longestRetry = 3600
/** Read of one sink at once. */
const batch = 64

export class Outbox {
  readonly #parts: OutboxParts
  /** By sink: the round that is under way. */
  readonly #rounds = new Map<string, Promise<void>>()
  readonly #ending = new AbortController()

  constructor(parts: OutboxParts) {
    this.#parts = parts
  }

  /** Delivers what is due, each sink by itself: one that hangs holds no other up. Never rejects. */
  async flush(): Promise<void> {
    await Promise.all(this.#parts.sinks.map((sink) => this.#round(sink)))
  }

  /** Breaks off tries that are under way (they will be made again), and resolves when nothing is. */
  async end(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#rounds.values())
  }

  #round(sink: Sink): Promise<void> {
    const under = this.#rounds.get(sink.name)
    if (under !== undefined) return under
    const round = this.#flushSink(sink).finally(() => this.#rounds.delete(sink.name))
    this.#rounds.set(sink.name, round)
    return round
  }

  async #flushSink(sink: Sink): Promise<void> {
    try {
      for (let more = true; more && !this.#ending.signal.aborted; ) more = await this.#flushBatch(sink)
    } catch (error) {
      this.#parts.operator.error({ err: error, sink: sink.name }, 'the outbox met a defect')
    }
  }

  /** True where more may be due. The first failure ends the round: the sink is probably down. */
  async #flushBatch(sink: Sink): Promise<boolean> {
    const { store, now } = this.#parts
    const due = store.deliveries('waiting', batch, sink.name).filter(({ nextAt }) => nextAt <= now())
    for (const delivery of due) if (!(await this.#deliver(sink, delivery))) return false
    return due.length === batch
  }

  async #deliver(sink: Sink, delivery: Delivery): Promise<boolean> {
    const { store, operator } = this.#parts
    const alert = store.alert(delivery.alert)
    if (alert === null) throw new Error('a delivery without an alert')
    try {
      await sink.deliver(alert, AbortSignal.any([this.#ending.signal, AbortSignal.timeout(timeoutMs)]))
      store.transact((writer) => writer.putDelivery({ ...delivery, state: 'delivered', failure: null }))
      return true
    } catch (error) {
      if (this.#ending.signal.aborted) return false
      const failed = this.#failed(delivery, error)
      store.transact((writer) => writer.putDelivery(failed))
      const { attempts, failure, nextAt } = failed
      operator.warn({ sink: sink.name, alert: alert.id, attempts, failure, nextAt }, 'an alert was not delivered')
      return false
    }
  }

  #failed(delivery: Delivery, error: unknown): Delivery {
    const attempts = delivery.attempts + 1
    const wait = Math.min(longestRetry, firstRetry * 2 ** Math.min(delivery.attempts, 20))
    const failure = (error instanceof Error ? error.message : String(error)).slice(0, 500)
    return { ...delivery, attempts, nextAt: this.#parts.now() + wait, failure }
  }
}
