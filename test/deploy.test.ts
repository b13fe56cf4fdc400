/** What deploy/ says of the log is what the program understands, and systemd finds no fault with it. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { environmentName, flagName, optionNames } from '../log-server/src/options.ts'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8')
const unit = read('deploy/samebits-log.service')
const image = read('deploy/Containerfile')
const isThere = spawnSync('systemd-analyze', ['--version']).status === 0

describe('the unit of systemd', () => {
  it('starts serve with options that it has, and hands it both keys', () => {
    const start = /^ExecStart=\S+ serve (.*)$/m.exec(unit)?.[1] ?? ''
    const flags = [...start.matchAll(/--[a-z-]+/g)].map(([flag]) => flag)
    expect(flags.length).toBeGreaterThan(1)
    expect(flags.filter((flag) => flag !== '--config' && !optionNames.map(flagName).includes(flag))).toEqual([])
    expect(start).toContain('--keys-dir %d')
    expect([...unit.matchAll(/^LoadCredential=([^:]+):/gm)].map(([, name]) => name)).toEqual([
      'ed25519.pem',
      'ml-dsa-44.pem',
    ])
  })

  describe.skipIf(!isThere)('(needs systemd-analyze)', () => {
    let folder: string
    let path: string
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'samebits-unit-'))
      path = join(folder, 'samebits-log.service')
      writeFileSync(path, unit.replace('/usr/bin/samebits-log', process.execPath))
    })
    /** What systemd says of this unit; others of the machine do not matter. */
    const faults = () =>
      spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
        .stderr.split('\n')
        .filter((line) => line.includes('samebits-log.service'))
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it('holds no setting that systemd does not know', () => {
      expect(faults()).toEqual([])
      writeFileSync(
        path,
        unit.replace('ProtectSystem=', 'ProtectSytem=').replace('/usr/bin/samebits-log', process.execPath),
      )
      expect(faults()).toEqual([expect.stringContaining('ProtectSytem')])
    })

    it('leaves the service little: an exposure of at most 2 of 10', () => {
      writeFileSync(path, unit)
      execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', path], { stdio: 'pipe' })
    })
  })
})

describe('the image', () => {
  it('stands on the base of Dockerfile.repro, by digest', () => {
    const base = /^FROM (\S+@sha256:[0-9a-f]{64})$/m.exec(read('Dockerfile.repro'))?.[1]
    expect(base).toBeDefined()
    expect(image).toContain(`\nARG BASE=${base}\n`)
    expect([...image.matchAll(/^FROM (\S+)/gm)].map(([, from]) => from)).toEqual([`$${'{BASE}'}`, `$${'{BASE}'}`])
  })

  it('sets variables that the log knows, runs as nobody special, and runs no script of a package', () => {
    const variables = [...image.matchAll(/\b(SAMEBITS_LOG_[A-Z_]+)=/g)].map(([, name]) => name)
    expect(variables.length).toBeGreaterThan(2)
    expect(variables.filter((name) => !optionNames.map(environmentName).includes(name ?? ''))).toEqual([])
    expect(image).toMatch(/^USER 1000:1000$/m)
    for (const [command] of image.matchAll(/npm ci[^;]*/g)) expect(command).toContain('--ignore-scripts')
  })
})
