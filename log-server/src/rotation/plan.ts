/**
 * How far a rotation has come: one file in the data folder of the log that ends, replaced durably after each step, so that an
 * interrupted rotation goes on where it was.
 *
 *     rotation.json    { "format": 1, "log", "url", "successor": { "origin", "url", "keysDir", "dataDir", "database", "policy" },
 *                        "done": { "<step>": <Unix seconds>, … } }
 *
 * Steps that were done are not done again; what they made is looked at again wherever it is used.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FormatError, type JsonValue, parseJson, utf8 } from '@samebits/core'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import { jsonMembers } from '../json-members.ts'

const { fault, object, string } = jsonMembers('rotation plan')

/** In their order. */
export const stepNames = ['keys', 'hand-out', 'init', 'served', 'moved', 'frozen', 'told'] as const
export type StepName = (typeof stepNames)[number]

export interface SuccessorPlan {
  readonly origin: string
  readonly url: string
  readonly keysDir: string
  readonly dataDir: string
  /** As the option `database`. */
  readonly database: string
  /** A policy file whose witnesses it asks; empty for those of this log. */
  readonly policy: string
}

export interface Plan {
  /** Name of the log that ends. */
  readonly log: string
  /** Where it is served. */
  readonly url: string
  readonly successor: SuccessorPlan
  readonly done: Readonly<Partial<Record<StepName, number>>>
}

const successorMembers = ['origin', 'url', 'keysDir', 'dataDir', 'database', 'policy'] as const

export function planPath(folder: string): string {
  return join(folder, 'rotation.json')
}

/** Null where no rotation was begun. @throws ProgramError ROTATION_DAMAGED */
export async function readPlan(folder: string): Promise<Plan | null> {
  const path = planPath(folder)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  try {
    return text === null ? null : parsePlan(text)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    const remedy = 'Correct it, or move it away to begin anew: no key and no log is ever made twice.'
    throw new ProgramError({ code: 'ROTATION_DAMAGED', detail: `${path}: ${cause.detail}`, remedy, cause })
  }
}

export function writePlan(folder: string, plan: Plan): Promise<void> {
  return writeFileDurably(planPath(folder), `${JSON.stringify({ format: 1, ...plan }, null, 2)}\n`, { mode: 0o600 })
}

/** @throws FormatError `rotation plan` */
function parsePlan(text: string): Plan {
  const file = object(parseJson('rotation plan', utf8(text)), ['format', 'log', 'url', 'successor', 'done'])
  if (file['format'] !== 1) throw fault('"format" is not 1')
  const successor = object(file['successor'], successorMembers)
  return {
    log: string(file, 'log'),
    url: string(file, 'url'),
    successor: {
      origin: string(successor, 'origin'),
      url: string(successor, 'url'),
      keysDir: string(successor, 'keysDir'),
      dataDir: string(successor, 'dataDir'),
      database: string(successor, 'database'),
      policy: string(successor, 'policy'),
    },
    done: doneOf(file['done']),
  }
}

/** Each step only after those before it. */
function doneOf(value: JsonValue | undefined): Plan['done'] {
  const file = object(value, null)
  const names = Object.keys(file)
  if (names.length > stepNames.length || stepNames.slice(0, names.length).some((name) => !Object.hasOwn(file, name)))
    throw fault('"done" names steps that are not the first ones')
  for (const name of names) if (!Number.isSafeInteger(file[name])) throw fault(`"${name}" has no time`)
  return file as Plan['done']
}
