/**
 * The end of a log: from a size on nothing is appended to it, and another log takes its place (docs/log.md rule 9). Reading,
 * proofs and signing of the last tree go on. What says so is one line of RFC 8785 JSON:
 *
 *     {"at":1790000000,"format":1,"origin":"example.com/log","root":"…","size":42,
 *      "successor":{"origin":"example.org/log","url":"https://log.example.org/","vkeys":["example.org/log+…","…"]}}
 *
 * It stands in the head's row of the database, where every commit sees it, and in the data folder of each machine
 * (`ending.ts`), where a database that is restored from before does not change it.
 */
import {
  canonicalJson,
  fromBase64,
  fromUtf8,
  type JsonObject,
  parseCanonicalJson,
  parseVkey,
  toBase64,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { Refusal } from '../admission.ts'
import { jsonMembers } from '../json-members.ts'

const { fault, object, string, integer } = jsonMembers('frozen log')

/** The log that goes on. */
export interface Successor {
  readonly origin: string
  /** Where it is read. */
  readonly url: string
  /** Of all its keys. */
  readonly vkeys: readonly string[]
}

export interface Frozen {
  readonly origin: string
  /** Unix seconds, by the clock of the machine on which it was frozen. */
  readonly at: number
  /** The last tree. */
  readonly size: number
  readonly root: Uint8Array
  readonly successor: Successor
}

export function formatFrozen({ origin, at, size, root, successor }: Frozen): string {
  const { origin: next, url, vkeys } = successor
  const line = canonicalJson({
    ...{ format: 1, origin, at, size, root: toBase64(root) },
    successor: { origin: next, url, vkeys },
  })
  return fromUtf8(line)
}

/** @throws FormatError `frozen log`, `vkey` */
export function parseFrozen(text: string): Frozen {
  const value = object(parseCanonicalJson('frozen log', utf8(text)), [
    'at',
    'format',
    'origin',
    'root',
    'size',
    'successor',
  ])
  if (value['format'] !== 1) throw fault('"format" is not 1')
  return {
    origin: string(value, 'origin'),
    at: integer(value, 'at'),
    size: integer(value, 'size'),
    root: rootOf(string(value, 'root')),
    successor: successorOf(object(value['successor'], ['origin', 'url', 'vkeys'])),
  }
}

function successorOf(value: JsonObject): Successor {
  const { vkeys } = value
  if (!Array.isArray(vkeys) || vkeys.length === 0) throw fault('"vkeys" is no list of keys')
  const successor = { origin: string(value, 'origin'), url: string(value, 'url'), vkeys: vkeys.map(String) }
  checkSuccessor(successor)
  return successor
}

/**
 * A log's URL, and keys of its name alone, as {@link parseVkey} reads them.
 * @throws FormatError `frozen log`, `vkey`
 */
export function checkSuccessor({ origin, url, vkeys }: Successor): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw fault(`${JSON.stringify(url)} is no URL`)
  for (const vkey of vkeys)
    if (parseVkey(nodeCrypto, vkey).name !== origin) throw fault(`a key of the successor is not named ${origin}`)
}

/** How `POST /add` says it. */
export function frozenRefusal({ origin, size, successor }: Frozen): Refusal {
  return {
    kind: 'refuse',
    status: 410,
    code: 'log-frozen',
    detail: `${origin} takes no entries any more: it ended at size ${size}, and ${successor.origin} goes on`,
    extra: { size, successor },
  }
}

function rootOf(text: string): Uint8Array {
  const root = fromBase64(text)
  if (root.length !== 32) throw fault('"root" is no SHA-256')
  return root
}
