/**
 * Packages are installed by root, after a question for a password that may stand for minutes, and meanwhile the file belongs
 * to a user: whoever can write as that user could exchange it and have root run what was never verified. So root copies the
 * file to where only root can write, hashes the copy, and installs that.
 */
import { IoFailure } from '../failure.ts'
import type { Installation } from './gate.ts'
import type { PackageInsides } from './insides.ts'
import type { PlacedFile } from './placed-file.ts'

/** One word for a POSIX shell (Shell Command Language, 2.2.2). */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** Exit status of the script for a file that is not the one that was verified. */
const exchanged = 86

/** $1 the file, $2 its SHA-256, $3 its name. */
const take = [
  'set -eu',
  'umask 077',
  'd=$(mktemp -d)',
  `trap 'rm -rf "$d"' EXIT`,
  'cp -- "$1" "$d/$3"',
  `printf '%s  %s\\n' "$2" "$d/$3" | sha256sum -c --status || { exit ${exchanged}; }`,
  'chmod 755 "$d"',
  'chmod 644 "$d/$3"',
]

/**
 * The command as a shell script that installs root's own copy. Words equal to `installerPath` become the copy.
 * @param installerPath as electron-updater wrote it into the command
 */
function rootScript(command: readonly string[], installerPath: string): string {
  const words = command.map((word) => (word === installerPath ? '"$d/$3"' : quote(word)))
  return [...take, words.join(' ')].join('\n')
}

/** `pkexec` or `sudo`: the other helpers that electron-updater knows let a second shell read the line once more. */
export function rootHelper(insides: PackageInsides): string {
  return insides.hasCommand('pkexec') ? 'pkexec' : 'sudo'
}

export interface RootJob {
  readonly insides: PackageInsides
  readonly appName: string
  /** What is being installed. @throws Error where nothing is */
  readonly current: () => Pick<Installation, 'files' | 'failure'>
}

/**
 * Stands in for `runCommandWithSudoIfNeeded`. Once a package was refused no other command is run for it, because the
 * updaters try again by other means when the first one fails.
 */
export function rootRunner({ insides, appName, current }: RootJob): (command: readonly string[]) => string {
  return (command) => {
    const installation = current()
    const [file] = installation.files
    if (installation.failure !== null || file === undefined) throw new Error('nothing is installed: it was refused')
    const { installerPath } = insides
    const isOfFile = installerPath !== null && command.includes(installerPath)
    const line = isOfFile ? asRootCopy(rootScript(command, installerPath), file) : command.map(quote)
    const comment = quote(`${appName} would like to update`)
    const [program = '', ...args] = insides.isRunningAsRoot() ? line : [...insides.sudoWithArgs(comment), ...line]
    try {
      return insides.spawnSyncLog(program, args)
    } catch (error) {
      if (error instanceof Error && error.message.endsWith(` exited with code ${exchanged}`))
        installation.failure = new IoFailure('DIGEST_MISMATCH', `${file.name} was exchanged before root installed it`)
      throw error
    }
  }
}

function asRootCopy(script: string, { path, sha256, name }: PlacedFile): string[] {
  return ['/bin/sh', '-c', quote(script), 'samebits', quote(path), sha256, quote(name)]
}
