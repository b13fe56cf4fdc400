/**
 * Standard output and error where they are a file or a pipe, written to directly: Node's own streams load its network code first,
 * which takes longer than most commands.
 */
import { fstatSync, writeSync } from 'node:fs'
import type { Output } from './world.ts'

/** Writes everything before it returns. A reader that left is told to `onGone`. */
export function directOutput(fd: 1 | 2, onGone: () => void): Output {
  return {
    isTTY: false,
    write(text) {
      const bytes = Buffer.from(text)
      try {
        for (let at = 0; at < bytes.length; ) at += writeOrWait(fd, bytes, at)
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EPIPE') onGone()
        else throw error
      }
    },
  }
}

/** Whether `fd` is something that can be written to directly: everything but a terminal, on systems where that can be told. */
export function isPlain(fd: 1 | 2, os: NodeJS.Platform): boolean {
  if (os === 'win32') return false
  try {
    return !fstatSync(fd).isCharacterDevice()
  } catch {
    return false // closed: Node's own stream knows what to do
  }
}

const pauseMs = 2

/** How many bytes were taken; 0 where the other end of a pipe is full, after a short wait. */
function writeOrWait(fd: number, bytes: Buffer, at: number): number {
  try {
    return writeSync(fd, bytes, at)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
    return 0
  }
}
