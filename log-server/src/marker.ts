/**
 * The marker: the last checkpoint that this log signed, kept in a file outside the database (docs/log.md rule 3).
 *
 * It is on the disk before a signature leaves the process, so that a database that was restored from a backup is noticed.
 * The file has two slots of 16 KiB, written in turn, so a torn write damages only the slot whose signature never left:
 *
 *     "samebits-marker/1\n" || uint64 generation || uint64 epoch || uint32 length || checkpoint || SHA-256 of all before
 *
 * numbers big-endian, the rest of the slot zero. The slot with the higher generation counts. As the file never grows, one
 * fdatasync makes a write durable, with no folder to sync and nothing for the file system's journal. It is written in this
 * thread: the sync takes less time than handing it to another one, and nothing else may be signed meanwhile anyway.
 */
import { createHash } from 'node:crypto'
import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createFileDurably } from '@samebits/host'

/** What the marker says. */
export interface Marked {
  /** The signed checkpoint, byte for byte. */
  readonly checkpoint: string
  /** Epoch of the lease under which it was signed. */
  readonly epoch: number
}

export interface Marker {
  /** What was last written, here or by the process before. */
  readonly last: Marked
  /** Returns once the record is on the disk. Throws the system's error; the marker then must not be written again. */
  write(marked: Marked): Promise<void>
  close(): Promise<void>
}

/** The marker file is missing, or holds no whole record. */
export class MarkerError extends Error {
  override readonly name = 'MarkerError'
  readonly code = 'MARKER_DAMAGED'
}

const magic = Buffer.from('samebits-marker/1\n')
const slotBytes = 16_384
const headerBytes = magic.length + 8 + 8 + 4
const digestBytes = 32

interface Slot extends Marked {
  readonly generation: number
}

/** Writes the first marker. Throws the system's EEXIST where there is one. */
export async function createMarker(path: string, marked: Marked): Promise<void> {
  const file = Buffer.alloc(2 * slotBytes)
  encodeSlot({ ...marked, generation: 1 }).copy(file)
  await createFileDurably(path, file, { mode: 0o600 })
}

/** Opens the marker of an initialised log. @throws MarkerError */
export async function openMarker(path: string): Promise<Marker> {
  const file = openExisting(path)
  try {
    const bytes = Buffer.alloc(2 * slotBytes)
    const bytesRead = readSync(file, bytes, 0, bytes.length, 0)
    return new FileMarker(file, newestSlot(path, bytes.subarray(0, bytesRead)))
  } catch (error) {
    closeSync(file)
    throw error
  }
}

function openExisting(path: string): number {
  try {
    return openSync(path, 'r+')
  } catch (cause) {
    throw new MarkerError(`the marker ${path} cannot be opened`, { cause })
  }
}

/** Reads a marker without opening it for writing. @throws MarkerError */
export async function readMarker(path: string): Promise<Marked> {
  const file = await readFile(path).catch((cause: Error) => {
    throw new MarkerError(`the marker ${path} cannot be read`, { cause })
  })
  const { checkpoint, epoch } = newestSlot(path, file).slot
  return { checkpoint, epoch }
}

function newestSlot(path: string, file: Buffer): { slot: Slot; position: number } {
  const found = [0, slotBytes]
    .map((position) => ({ position, slot: decodeSlot(file.subarray(position, position + slotBytes)) }))
    .filter((place): place is { position: number; slot: Slot } => place.slot !== null)
    .sort((a, b) => b.slot.generation - a.slot.generation)
  const newest = found[0]
  if (newest === undefined) throw new MarkerError(`the marker ${path} holds no whole record`)
  return newest
}

/** No file descriptor: a number that was closed may be another file's by now. */
const closed = -1

class FileMarker implements Marker {
  last: Marked
  #file: number
  #generation: number
  #position: number
  #failed = false

  constructor(file: number, { slot, position }: { slot: Slot; position: number }) {
    this.#file = file
    this.#generation = slot.generation
    this.#position = position
    this.last = { checkpoint: slot.checkpoint, epoch: slot.epoch }
  }

  async write(marked: Marked): Promise<void> {
    if (this.#failed) throw new MarkerError('an earlier write of the marker failed: what is on the disk is not known')
    const position = slotBytes - this.#position
    const slot = encodeSlot({ ...marked, generation: this.#generation + 1 })
    this.#failed = true
    const bytesWritten = writeSync(this.#file, slot, 0, slot.length, position)
    if (bytesWritten !== slot.length) throw new MarkerError('the marker was written in part only')
    fdatasyncSync(this.#file)
    this.#failed = false
    this.#generation++
    this.#position = position
    this.last = marked
  }

  async close(): Promise<void> {
    closeSync(this.#file)
    this.#file = closed
  }
}

function encodeSlot({ checkpoint, epoch, generation }: Slot): Buffer {
  const text = Buffer.from(checkpoint)
  if (headerBytes + text.length + digestBytes > slotBytes)
    throw new RangeError('the checkpoint does not fit the marker')
  const slot = Buffer.alloc(slotBytes)
  magic.copy(slot)
  slot.writeBigUInt64BE(BigInt(generation), magic.length)
  slot.writeBigUInt64BE(BigInt(epoch), magic.length + 8)
  slot.writeUInt32BE(text.length, magic.length + 16)
  text.copy(slot, headerBytes)
  const end = headerBytes + text.length
  digest(slot.subarray(0, end)).copy(slot, end)
  return slot
}

/** The slot's record; null for an unused or torn one. */
function decodeSlot(slot: Buffer): Slot | null {
  if (slot.length !== slotBytes || !slot.subarray(0, magic.length).equals(magic)) return null
  const end = headerBytes + slot.readUInt32BE(magic.length + 16)
  if (end + digestBytes > slotBytes) return null
  if (!digest(slot.subarray(0, end)).equals(slot.subarray(end, end + digestBytes))) return null
  return {
    generation: Number(slot.readBigUInt64BE(magic.length)),
    epoch: Number(slot.readBigUInt64BE(magic.length + 8)),
    checkpoint: slot.toString('utf8', headerBytes, end),
  }
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
