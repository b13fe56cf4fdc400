/** What the operating system says when it says no. */

/** Whether `error` is a system error with one of these codes, as `ENOENT`. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** What the operating system said, without its own words for the call: `no such file (ENOENT)`. */
export function systemReason(error: Error): string {
  const code = 'code' in error ? String(error.code) : ''
  return systemReasons[code] === undefined ? error.message : `${systemReasons[code]} (${code})`
}

const systemReasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'it exists already',
  EISDIR: 'it is a folder',
  ELOOP: 'too many links',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  EADDRINUSE: 'the address is in use',
  ECONNREFUSED: 'connection refused',
  EDQUOT: 'the quota is used up',
}
