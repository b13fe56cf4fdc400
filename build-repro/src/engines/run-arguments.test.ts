import { describe, expect, it } from 'vitest'
import { readInspection } from './cli-engine.ts'
import type { RunRequest } from './engine.ts'
import { type HostFacts, hardLimit, mayRaiseLimits } from './host-facts.ts'
import { globalArguments, runArguments } from './run-arguments.ts'

const roomy: HostFacts = {
  uid: 0,
  gid: 0,
  processors: 2,
  hybridCgroups: false,
  mayRaiseLimits: true,
  hardLimits: { files: 1024, processes: 100 },
}
const id = `sha256:${'ab'.repeat(32)}`
const request: RunRequest = {
  image: id,
  command: ['make', '$(rm -rf /)', '-j2'],
  network: 'none',
  mounts: [
    { source: '/srv/a, "b"', target: '/build', writable: true },
    { source: '/srv/c', target: '/c', writable: false },
  ],
  workingFolder: '/build',
  user: { name: 'builder', uid: 12345, gid: 54321 },
  hostname: 'samebits',
  environment: { TZ: 'UTC', TEXT: 'a\nb' },
  umask: 0o7,
  cpus: '0',
  limits: { timeoutMs: 61_500, memoryBytes: 4096, processes: 4096 },
  onOutput: () => undefined,
}

describe.each(['podman', 'docker'] as const)('the arguments of %s', (engine) => {
  const args = runArguments(engine, request, 'name', roomy)

  it.each([
    '--pull=never',
    '--read-only',
    '--network=none',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    '--user=12345:54321',
    '--hostname=samebits',
    '--cpuset-cpus=0',
    '--memory=4096b',
    '--pids-limit=4096',
    '--env=TZ=UTC',
    '--env=TEXT=a\nb',
    '--mount=type=bind,"source=/srv/a, ""b""",target=/build',
    '--mount=type=bind,source=/srv/c,target=/c,readonly',
    '--rm',
    '--name=name',
  ])('hold %s', (expected) => {
    expect(args).toContain(expected)
  })

  it('end with the image and a command that no shell reads', () => {
    expect(args.slice(args.indexOf(id))).toEqual([
      id,
      '-c',
      'umask 0007; exec 2>&1; echo "$0"; "$@"; exit $?',
      'name',
      'make',
      '$(rm -rf /)',
      '-j2',
    ])
  })

  it('switch the network on where that is asked for', () => {
    const open = runArguments(engine, { ...request, network: 'outside' }, 'name', roomy)
    expect(open).not.toContain('--network=none')
    expect(open).toContain(engine === 'podman' ? '--network=private' : '--network=bridge')
  })

  it('ask for no limit above its own where the host does not allow it', () => {
    const ulimits = (host: HostFacts) =>
      runArguments(engine, request, 'n', host).filter((each) => each.startsWith('--ulimit='))
    expect(ulimits(roomy)).toEqual(['--ulimit=nofile=4096:4096', '--ulimit=nproc=4096:4096'])
    expect(ulimits({ ...roomy, mayRaiseLimits: false })).toEqual([
      '--ulimit=nofile=1024:1024',
      '--ulimit=nproc=100:100',
    ])
  })
})

describe('what only podman has', () => {
  it('keeps proxies of the host out, and ends without us', () => {
    const args = runArguments('podman', request, 'n', roomy)
    expect(args).toEqual(expect.arrayContaining(['--http-proxy=false', '--timeout=122', '--passwd=false']))
    expect(args.join(' ')).not.toContain('--userns')
  })

  it('maps the user to the one outside where that is not root', () => {
    const args = runArguments('podman', request, 'n', { ...roomy, uid: 1001 })
    expect(args).toContain('--userns=keep-id:uid=12345,gid=54321')
  })

  it.each([
    ['podman', true, true, ['--runtime', 'runc']],
    ['podman', true, false, []],
    ['podman', false, true, []],
    ['docker', true, true, []],
  ] as const)('%s with hybrid cgroups %s and runc %s begins with %j', (engine, hybridCgroups, runc, expected) => {
    expect(globalArguments(engine, { ...roomy, hybridCgroups }, runc)).toEqual(expected)
  })
})

describe('the facts of a host', () => {
  it.each([
    ['CapEff:\t000001ffffffffff', true],
    ['CapEff:\t000001fffeffffff', false],
    ['CapEff:\t0000000000000000', false],
    ['Name:\tnode', true],
  ])('read from %j: limits may be raised: %s', (status, expected) => {
    expect(mayRaiseLimits(`Name:\tx\n${status}\n`)).toBe(expected)
  })

  it.each([
    ['Max open files            1024                 20000                files     ', 20_000],
    ['Max open files            1024                 unlimited            files     ', Number.POSITIVE_INFINITY],
    ['', Number.POSITIVE_INFINITY],
  ])('read from %j', (line, expected) => {
    expect(hardLimit(`Limit  Soft  Hard  Units\n${line}\n`, 'Max open files')).toBe(expected)
  })
})

describe('what an engine says of an image', () => {
  const image = { Id: 'ab'.repeat(32), Os: 'linux', Architecture: 'arm64', Config: { Env: ['A=b'] }, Extra: 1 }

  it.each([
    ['podman', image],
    ['docker', { ...image, Id: id }],
  ])('is the same from %s', (engine, document) => {
    expect(readInspection(engine, JSON.stringify([document]))).toEqual({
      id,
      platform: 'linux/arm64',
      environment: ['A=b'],
    })
  })

  it.each(['[]', '{}', '[{}]', JSON.stringify([{ ...image, Id: 'latest' }])])('is refused as %s', (text) => {
    expect(() => readInspection('podman', text)).toThrow()
  })
})
