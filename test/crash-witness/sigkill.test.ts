/**
 * SIGKILL at random moments while rival histories race. `npm test` kills eight times, `npm run test:crash-witness` (vitest's mode
 * `crash`) two hundred.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { formatAddCheckpoint } from '@samebits/core'
import { expect, it } from 'vitest'
import { TestLog } from '../../monitor/src/testing.ts'
import { newWitness, type WitnessProcess } from '../support/witness-process.ts'
import { Ledger } from './ledger.ts'

const kills = process.env['MODE'] === 'crash' ? 200 : 8
const salts = ['one', 'two']

/** Offers growth of one of the log's two trees again and again. */
async function submit(witness: WitnessProcess, ledger: Ledger, log: TestLog, salt: string, done: () => boolean) {
  let old = 0
  for (let round = 0; !done(); round++) {
    const size = Math.max(1, old + (round % 3))
    const request = log.request(old, size, salt)
    const answer = await post(witness, formatAddCheckpoint(request))
    if (answer?.status === 200) {
      ledger.answered(log, request.checkpoint, answer.body)
      old = size
    } else if (answer?.status === 409) old = Number(answer.body)
    else if (answer !== null && answer.status !== 422) throw new RangeError(`${answer.status}: ${answer.body}`)
    await sleep(answer === null ? 20 : 2)
  }
}

async function post(witness: WitnessProcess, body: string): Promise<{ status: number; body: string } | null> {
  try {
    const response = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    if (error instanceof TypeError) return null // fetch and body readers fail with TypeError when a connection breaks
    throw error
  }
}

async function copyOf(witness: WitnessProcess, log: TestLog): Promise<string | null> {
  const response = await fetch(`${witness.url}/${log.originHash}/checkpoint`)
  const text = await response.text()
  if (response.status !== 200 && response.status !== 404) throw new RangeError(`${response.status}: ${text}`)
  return response.status === 200 ? text : null
}

it(`signs nothing that it has not kept, through ${kills} kills`, { timeout: 60_000 + kills * 15_000 }, async () => {
  const logs = Array.from({ length: 4 }, (_, at) => new TestLog(`log${at}.example`))
  const witness = await newWitness(
    'witness.example/w1',
    logs.flatMap(({ vkeys }) => vkeys),
  )
  const ledger = new Ledger(witness.vkeys)
  let stopping = false
  const submitters = logs.flatMap((log) => salts.map((salt) => submit(witness, ledger, log, salt, () => stopping)))
  const failed = Promise.all(submitters)
  failed.catch(() => undefined)
  try {
    for (let kill = 0; kill < kills; kill++) {
      // Mostly while checkpoints flow; every fifth time perhaps while it still starts, whatever the speed of the machine.
      const before = ledger.cosigned
      while (kill % 5 !== 4 && ledger.cosigned === before) await Promise.race([sleep(2), failed])
      await Promise.race([sleep(Math.random() ** 2 * 200), failed])
      await witness.kill('SIGKILL')
      await sleep(20) // answers that came before the end are read
      const promised = new Map(logs.map((log) => [log, ledger.promised(log)]))
      await witness.start()
      for (const [log, known] of promised) ledger.restarted(log, await copyOf(witness, log), known)
    }
    stopping = true
    await failed
    for (const log of logs) ledger.judge(log, salts)
    expect(ledger.cosigned).toBeGreaterThan(kills)
    const sizes = logs.map((log) => ledger.promised(log).size).join(', ')
    console.log(`${kills} kills: ${ledger.cosigned} cosignatures answered, none forgotten, sizes ${sizes}`)
  } finally {
    stopping = true
    await witness.remove()
  }
})
