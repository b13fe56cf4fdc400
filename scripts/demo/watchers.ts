/** Those who watch the log from outside: three witnesses of three operators, and a monitor. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatAddCheckpoint, parseSignedCheckpoint } from '@samebits/core'
import type { Status } from '../../monitor/src/dashboard/status.ts'
import type { Stage } from './stage.ts'

const names = ['w1', 'w2', 'w3'] as const
/** For what must be seen within a few polls. */
const patienceMs = 20_000

interface Witness {
  readonly name: string
  readonly url: string
  /** The ML-DSA-44 and the Ed25519 line, as keygen prints them. */
  readonly vkeys: readonly string[]
}

export class Watchers {
  readonly #stage: Stage
  readonly #folder: string
  #witnesses: readonly Witness[] = []
  #dashboard = ''

  constructor(stage: Stage, folder: string) {
    this.#stage = stage
    this.#folder = folder
  }

  /** Three processes, each with keys, a state and a log list of its own. */
  async startWitnesses(logVkeys: readonly string[]): Promise<void> {
    const list = logVkeys.map((vkey) => `vkey ${vkey}\nqpd 100000\n`)
    await writeFile(join(this.#folder, 'logs.txt'), `logs/v0\n${list.join('')}`)
    this.#witnesses = await Promise.all(names.map((name) => this.#startWitness(name)))
  }

  async #startWitness(at: (typeof names)[number]): Promise<Witness> {
    const name = `${at}.example.com/witness`
    const dirs = ['--keys-dir', `${at}-keys`, '--data-dir', `${at}-data`]
    const keygen = ['keygen', '--name', name, '--keys-dir', `${at}-keys`, '--json']
    const made = await this.#stage.run('samebits-monitor', keygen, { cwd: this.#folder, silent: true })
    const { vkeys } = JSON.parse(made.stdout) as { vkeys: string[] }
    const args = ['witness', '--logs', 'logs.txt', ...dirs, '--port', '0', '--log-level', 'error']
    const { url } = await this.#stage.serve('samebits-monitor', args, this.#folder)
    return { name, url, vkeys }
  }

  /** A C2SP tlog-policy: this log, and two of the three. */
  policy(logVkey: string, logUrl: string): string {
    const lines = this.#witnesses.map(({ vkeys, url }, at) => `witness ${names[at]} ${vkeys[0]} ${url}\n`)
    return `log ${logVkey} ${logUrl}\n${lines.join('')}group two-of-three 2 ${names.join(' ')}\nquorum two-of-three\n`
  }

  async startMonitor(logVkeys: readonly string[], logUrl: string, trust: string, port: string): Promise<void> {
    const config = {
      format: 1,
      pollInterval: '1s',
      logs: [{ keys: logVkeys, url: logUrl, trust: [trust] }],
      witnesses: this.#witnesses.map(({ vkeys, url }) => ({ keys: vkeys, url })),
      sinks: [{ kind: 'stdout' }],
      listen: { port: Number(port) },
    }
    await writeFile(join(this.#folder, 'monitor.json'), JSON.stringify(config, null, 2))
    const args = ['run', '--config', 'monitor.json', '--data-dir', 'monitor', '--log-level', 'error']
    await this.#stage.serve('samebits-monitor', args, this.#folder)
    this.#dashboard = `http://127.0.0.1:${port}/`
  }

  /** Says how the log stands, once the monitor has read this many entries. */
  async showCalm(entries: number): Promise<void> {
    const { logs } = await this.#until('has read the log', ({ logs: [log] }) => (log?.readTo ?? 0) >= entries)
    const [log] = logs
    const witnesses = log?.views.filter(({ kind, standing }) => kind === 'witness' && standing === 'agrees') ?? []
    this.#stage.say(
      `The monitor, ${this.#dashboard}: one history of ${log?.readTo} entries, shown by ${witnesses.length} witnesses too.`,
    )
  }

  /** The largest tree that a witness has cosigned. */
  async cosignedSize(originHash: string): Promise<number> {
    const sizes = this.#witnesses.map(async ({ url }) => (await checkpointAt(`${url}/${originHash}`)).checkpoint.size)
    return Math.max(...(await Promise.all(sizes)))
  }

  /**
   * Where the forked log is as large as the tree that the witnesses know, the attacker asks all three to cosign it. They refuse, and
   * keep what they were shown, for anybody to judge.
   */
  async tryFork(logUrl: string, logVkeys: readonly string[], known: number): Promise<void> {
    const checkpoint = await checkpointAt(logUrl)
    const { size } = checkpoint.checkpoint
    if (size !== known) return
    const body = formatAddCheckpoint({ oldSize: size, proof: [], checkpoint })
    for (const { name, url } of this.#witnesses) {
      const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
      const words = (await answer.text()).trim()
      this.#stage.say(`POST ${url}/add-checkpoint   ${name} answers ${answer.status}: ${words}`)
      if (answer.status !== 422) throw new Error(`${name} did not refuse a fork`)
    }
    const evidence = join(this.#folder, `${names[0]}-data`, 'evidence')
    const [file] = await waitFor(
      'evidence of the witness',
      () => readdir(evidence),
      (files) => files.length > 0,
    )
    const keys = logVkeys.flatMap((vkey) => ['--key', vkey])
    const args = ['evidence', 'check', join(`${names[0]}-data`, 'evidence', file ?? ''), ...keys]
    const shown = `samebits-monitor evidence check ${args[2]} --key …`
    await this.#stage.run('samebits-monitor', args, { cwd: this.#folder, shown })
  }

  /** What the monitor says of a fork, and what the file that it hands out proves. */
  async showAlarm(): Promise<void> {
    const { alerts } = await this.#until(
      'raises an alarm',
      ({ verdict, alerts: all }) =>
        verdict === 'alarm' && all.some(({ rule, evidence }) => rule === 'fork' && evidence !== null),
    )
    const alert = alerts.find(({ rule, evidence }) => rule === 'fork' && evidence !== null)
    this.#stage.say(
      `The monitor, ${this.#dashboard}: ${alert?.severity} ${alert?.rule}\n  ${alert?.title}\n  ${alert?.remedy}`,
    )
    const response = await fetch(`${this.#dashboard}v1/evidence/${alert?.evidence}`)
    await writeFile(join(this.#folder, 'fork.json'), await response.text())
    const config = JSON.parse(await readFile(join(this.#folder, 'monitor.json'), 'utf8')) as {
      logs: { keys: string[] }[]
    }
    const keys = config.logs.flatMap((log) => log.keys).flatMap((vkey) => ['--key', vkey])
    const args = ['evidence', 'check', 'fork.json', ...keys]
    const shown = `curl -s ${this.#dashboard}v1/evidence/${alert?.evidence?.slice(0, 8)}… > fork.json; samebits-monitor evidence check fork.json --key …`
    await this.#stage.run('samebits-monitor', args, { cwd: this.#folder, shown })
  }

  #until(what: string, holds: (status: Status) => boolean): Promise<Status> {
    const ask = async () => (await (await fetch(`${this.#dashboard}v1/status`)).json()) as Status
    return waitFor(`the monitor ${what}`, ask, holds)
  }
}

async function checkpointAt(prefix: string) {
  return parseSignedCheckpoint(await (await fetch(`${prefix}/checkpoint`)).text())
}

/** Asks again until it holds; fails when that takes too long. */
async function waitFor<T>(what: string, ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const answer = await ask().catch(() => null)
    if (answer !== null && holds(answer)) return answer
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await sleep(50)
  }
}
