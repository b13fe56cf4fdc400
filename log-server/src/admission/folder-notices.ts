/** {@link ChangeNotices} of this machine: the file system's own, and a timer for file systems that give none. */
import { watch } from 'node:fs'
import type { Timing } from '../log.ts'
import type { ChangeNotices } from './admission-source.ts'

export function folderNotices({ after }: Pick<Timing, 'after'>): ChangeNotices {
  return {
    watch(folder, changed) {
      try {
        const watcher = watch(folder, { persistent: false }, changed)
        watcher.on('error', () => watcher.close())
        return () => watcher.close()
      } catch {
        return () => undefined // no notices here, or none left: the timer finds the change
      }
    },
    every(milliseconds, work) {
      let cancel = (): void => undefined
      const again = (): void => {
        cancel = after(milliseconds, () => {
          work()
          again()
        })
      }
      again()
      return () => cancel()
    },
  }
}
