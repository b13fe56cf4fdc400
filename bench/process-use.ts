/** What a process has used so far, as Linux tells it (proc(5)). NaN where the process has ended, or the system does not tell. */
import { readFileSync } from 'node:fs'

/** Resident memory in MiB: `VmRSS` now, `VmHWM` at its highest. */
export function residentMegabytes(pid: number | undefined, which: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(`${which}:\\s+(\\d+) kB`).exec(read(pid, 'status'))?.[1]
  return Number(kilobytes ?? Number.NaN) / 1024
}

/** Processor time in milliseconds: fields 14 and 15 of proc_pid_stat(5), utime and stime, in ticks of 10 ms. */
export function processorMs(pid: number | undefined): number {
  const fields = read(pid, 'stat').split(') ').at(-1)?.split(' ') ?? []
  return 10 * (Number(fields[11]) + Number(fields[12]))
}

function read(pid: number | undefined, file: 'status' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
