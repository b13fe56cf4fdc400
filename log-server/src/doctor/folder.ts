/** The machine under a log: who may read its files, what file system they are on, how much room is left. */
import { stat, statfs } from 'node:fs/promises'
import { type Finding, fail, ok, warn } from './finding.ts'

const mib = 1 << 20

/** A folder or file that only its owner should be able to change, or read. Missing ones are not judged here. */
export async function checkPrivate(check: string, path: string): Promise<Finding[]> {
  if (process.platform === 'win32') return []
  const found = await stat(path).catch(() => null)
  if (found === null) return []
  const mode = (found.mode & 0o777).toString(8)
  if ((found.mode & 0o022) !== 0)
    return [fail(check, `${path} may be changed by others than its owner (mode ${mode})`, `Run: chmod go-w ${path}`)]
  if (found.uid !== process.getuid?.() && process.getuid?.() !== 0)
    return [fail(check, `${path} belongs to another user`, 'Run doctor and serve as the user that owns the log.')]
  if ((found.mode & 0o077) !== 0)
    return [warn(check, `${path} may be read by others (mode ${mode})`, `Run: chmod go= ${path}`)]
  return [ok(check, `${path} is its owner's alone`)]
}

/** File systems by their magic numbers (statfs(2)): those on which SQLite's locks or the marker's sync are not what they should be. */
const fileSystems = new Map<number, readonly [name: string, level: 'warn' | 'fail', why: string]>([
  [0x6969, ['NFS', 'fail', 'its locks and syncs depend on its server and its mount options']],
  [0x517b, ['SMB', 'fail', 'its locks and syncs depend on its server']],
  [0xff534d42, ['CIFS', 'fail', 'its locks and syncs depend on its server']],
  [0x01021994, ['tmpfs', 'fail', 'it is gone after a restart of the machine']],
  [0x65735546, ['FUSE', 'warn', 'whether a sync reaches a disk depends on the program behind it']],
  [0x794c7630, ['overlayfs', 'warn', 'in a container it is gone with the container: mount a volume']],
])

export async function checkFileSystem(path: string): Promise<Finding> {
  const { type } = await statfs(path)
  const known = fileSystems.get(type)
  if (known === undefined) return ok('file-system', `${path} is on a local file system`)
  const [name, level, why] = known
  return (level === 'fail' ? fail : warn)('file-system', `${path} is on ${name}: ${why}`, 'Use a local disk.')
}

export async function checkRoom(path: string): Promise<Finding> {
  const { bavail, bsize, blocks } = await statfs(path)
  const free = bavail * bsize
  const detail = `${Math.floor(free / mib)} MiB are free at ${path}`
  const remedy = 'Make room: a full disk makes the log read-only.'
  if (free < 64 * mib) return fail('disk-room', detail, remedy)
  if (free < 1024 * mib || bavail < blocks / 20) return warn('disk-room', detail, remedy)
  return ok('disk-room', detail)
}
