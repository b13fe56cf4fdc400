/** INSTALL_FAILED: the command line killed at every change that it makes to the disk. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { artifactBytes } from '../../support/world-statements.ts'
import { type Group, isLong, not, refusing } from '../case.ts'
import { type Outcome, runCommandLine } from '../programs.ts'
import type { Stage } from '../stage.ts'

/**
 * A module that kills its process, as hard as by a power cut, before the n-th change of the disk that
 * goes through node:fs/promises.
 */
function killer(at: number): string {
  const code = `
    import fs from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    let left = ${at}
    const count = () => { if (--left < 0) process.kill(process.pid, 'SIGKILL') }
    for (const name of ['rename', 'rm', 'unlink', 'link', 'symlink', 'mkdir', 'chmod', 'writeFile', 'copyFile', 'rmdir']) {
      const real = fs[name]
      fs[name] = (...args) => { count(); return real(...args) }
    }
    const open = fs.open
    fs.open = async (path, flags, ...rest) => {
      if (flags !== undefined && flags !== 'r' && flags !== 0) count()
      return await open(path, flags, ...rest)
    }
    syncBuiltinESMExports()`
  return `data:text/javascript,${encodeURIComponent(code)}`
}

const versions = ['1.1.0', '1.2.0'].map((version) => Buffer.from(artifactBytes(version)).toString('latin1'))

/** A run that is killed before its n-th change. @returns false where it came to its end before */
async function isKilled(program: string, stage: Stage, home: string, at: number): Promise<boolean> {
  stage.environment = { NODE_OPTIONS: `--import=${killer(at)}` }
  try {
    await runCommandLine(program, stage, home)
    return false
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('ended by SIGKILL')) return true
    throw error
  } finally {
    stage.environment = {}
  }
}

/** Each time in a fresh copy of the home; the next run must end with the new version whole. */
async function killedEverywhere(program: string, stage: Stage, home: string): Promise<Outcome> {
  let kills = 0
  for (let at = isLong ? 0 : 11; ; at += isLong ? 1 : 30) {
    const copy = await stage.copyHome()
    try {
      if (!(await isKilled(program, stage, copy, at))) break
      kills++
      const left = await readFile(join(copy, 'app', 'notes'), 'latin1')
      if (!versions.includes(left)) throw new Error(`half of something, killed before change ${at}: ${left}`)
      const { result, said } = await runCommandLine(program, stage, copy)
      const then = await readFile(join(copy, 'app', 'notes'), 'latin1')
      if (!['installed', 'current'].includes(result) || then !== versions[1])
        throw new Error(`killed before change ${at}, the next run ends in ${result}: ${said}`)
    } finally {
      await rm(copy, { recursive: true, force: true })
    }
  }
  if (kills < (isLong ? 30 : 1)) throw new Error(`it was killed only ${kills} times`)
  return await runCommandLine(program, stage, home)
}

export const interrupted: readonly Group[] = [
  refusing('INSTALL_FAILED', [
    not(
      'the command line, SIGKILL before every change of the disk: one version is whole, the next run finishes',
      (stage) => stage.usual().then(),
      { only: 'cli', runs: killedEverywhere },
    ),
  ]),
]
