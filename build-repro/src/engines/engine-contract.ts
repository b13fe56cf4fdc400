/** What every container engine must do, whichever it is. Written once, run over each that this machine has. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProgramError } from '@samebits/host'
import type { ContainerEngine, RunOutcome, RunRequest } from './engine.ts'

export interface EngineWorld {
  readonly engine: ContainerEngine
  /** An image that is loaded: a shell and coreutils; it sets IMAGE=yes. */
  readonly image: string
  readonly archive: string
  /** An empty folder. */
  readonly folder: string
  /** Images that cases made, for the caller to remove. */
  readonly made: string[]
  /** The names of all containers that the engine knows, running or not. */
  containers(): Promise<readonly string[]>
}

const signal = new AbortController().signal
const minute = 60_000

/** One obligation, as a case that any test runner runs. */
export interface EngineCase {
  readonly name: string
  check(world: EngineWorld): Promise<void>
}

const limits = { timeoutMs: minute, memoryBytes: 256 << 20, processes: 64 }

async function run({ engine, image }: EngineWorld, script: string, change: Partial<RunRequest> = {}, until = signal) {
  const chunks: Uint8Array[] = []
  const request: RunRequest = {
    image,
    command: ['/bin/sh', '-c', script],
    network: 'none',
    mounts: [],
    workingFolder: '/tmp',
    user: { name: 'builder', uid: 1000, gid: 1000 },
    hostname: 'somewhere',
    environment: { PATH: '/bin', GREETING: 'hello' },
    umask: 0o027,
    cpus: null,
    limits,
    onOutput: (chunk) => void chunks.push(chunk),
    ...change,
  }
  const outcome: RunOutcome = await engine.run(request, until)
  return { outcome, output: Buffer.concat(chunks).toString('utf8') }
}

const expected = {
  GREETING: 'hello',
  PATH: '/bin',
  IMAGE: 'yes',
  container: 'samebits',
  uid: '1000',
  gid: '1000',
  host: 'somewhere',
  umask: '0027',
  folder: '/tmp',
  interfaces: 'lo',
  tmp: 'yes',
  caps: '0000000000000000',
}
const lookAround = [
  'env',
  'echo "uid=$(id -u)"',
  'echo "gid=$(id -g)"',
  'echo "host=$(hostname)"',
  'echo "umask=$(umask)"',
  'echo "folder=$(pwd)"',
  'echo "interfaces=$(ls /sys/class/net)"',
  'echo "root=$(touch /bin/written 2>&1)"',
  'echo "tmp=$(touch /tmp/written && echo yes)"',
  'sed -n "s/^CapEff:.*\\([0-9a-f]\\{16\\}\\)/caps=\\1/p" /proc/self/status',
]
/** What shells and engines set by themselves. */
const harmless = ['HOSTNAME', 'HOME', 'TERM', 'PWD', 'OLDPWD', 'SHLVL', '_']

const unwritable = /read-only|denied/i

export const engineContract: readonly EngineCase[] = [
  {
    name: 'knows an image by its ID, and none that it does not have',
    async check(world) {
      const { engine, image, archive } = world
      const facts = await engine.findImage(image, signal)
      assert.deepEqual([facts?.id, facts?.environment], [image, ['PATH=/bin', 'IMAGE=yes']])
      const other = `sha256:${'ab'.repeat(32)}`
      assert.equal(await engine.findImage(other, signal), null)
      await assert.rejects(engine.loadImage(archive, other, signal), { code: 'IMAGE_MISMATCH' })
      await assert.rejects(run(world, 'true', { image: other }), { code: 'ENGINE_FAILED' })
    },
  },
  {
    name: 'makes the same image of a Dockerfile twice, or says what it lacks',
    async check({ engine, folder, made }) {
      const make = async (mtime: Date) => {
        const context = await mkdtemp(join(folder, 'context-'))
        const dockerfile = join(context, 'Dockerfile')
        await writeFile(dockerfile, 'FROM scratch\nCOPY file /file\n')
        await writeFile(join(context, 'file'), folder)
        await utimes(join(context, 'file'), mtime, mtime)
        const build = { dockerfile, context, epoch: 1_700_000_000, onOutput: () => undefined }
        const id = await engine.buildImage(build, signal).then((facts) => facts.id, lacking)
        made.push(id)
        return id
      }
      assert.equal(await make(new Date(1_600_000_000_000)), await make(new Date(1_500_000_000_000)))
    },
  },
  {
    name: 'gives a run exactly what it asked for, and nothing of this machine',
    async check(world) {
      const { output } = await run(world, lookAround.join('\n'))
      const seen = new Map(output.split('\n').flatMap((line) => (line === '' ? [] : [pairOf(line)])))
      assert.match(seen.get('root') ?? '', unwritable)
      for (const name of ['root', ...harmless]) seen.delete(name)
      assert.deepEqual(Object.fromEntries(seen), expected)
    },
  },
  {
    name: "passes on the program's status, and what it said in the order in which it did",
    async check(world) {
      const said = await run(world, 'for n in 1 2 3 4; do echo "out $n"; echo "err $n" >&2; done; exit 7')
      const output = [1, 2, 3, 4].map((n) => `out ${n}\nerr ${n}\n`).join('')
      assert.deepEqual(said, { outcome: { kind: 'exited', status: 7 }, output })
      const odd = await run(world, 'echo Error: mine; exit 126')
      assert.deepEqual(odd.outcome, { kind: 'exited', status: 126 })
    },
  },
  {
    name: 'says of a program that is not there that it could not be started',
    async check(world) {
      const { outcome } = await run(world, '', { command: ['/bin/none'] })
      assert.deepEqual(outcome, { kind: 'exited', status: 127 })
    },
  },
  {
    name: 'mounts folders to read or to write, whatever their names',
    async check(world) {
      const { engine, folder, image } = world
      const [mine, theirs] = [join(folder, 'to, write="x"'), join(folder, 'to read')]
      for (const each of [mine, theirs]) await mkdir(each)
      await writeFile(join(theirs, 'file'), 'text')
      const user = { name: 'builder', uid: 1234, gid: 1234 }
      await engine.giveFolder(mine, user, image, signal)
      const mounts = [
        { source: mine, target: '/work/mine', writable: true },
        { source: theirs, target: '/work/theirs', writable: false },
      ]
      const script = 'cat /work/theirs/file > copy; touch /work/theirs/new'
      const { output } = await run(world, script, { mounts, user, workingFolder: '/work/mine' })
      await engine.takeFolder(mine, image, signal)
      assert.equal(await readFile(join(mine, 'copy'), 'utf8'), 'text')
      assert.match(output, unwritable)
    },
  },
  {
    name: 'kills what takes too long, with all it began, and leaves nothing behind',
    async check(world) {
      const { outcome } = await run(world, 'sleep 300 & sleep 300', { limits: { ...limits, timeoutMs: 1500 } })
      assert.deepEqual(outcome, { kind: 'timed-out' })
      assert.deepEqual(await world.containers(), [])
    },
  },
  {
    name: 'stops on request, leaves nothing behind, and says why',
    async check(world) {
      const stop = new AbortController()
      const onOutput = () => stop.abort(new Error('enough'))
      await assert.rejects(run(world, 'echo started; sleep 300', { onOutput }, stop.signal), /enough/)
      assert.deepEqual(await world.containers(), [])
    },
  },
]

/** docker without buildx makes no image: it must say so. */
function lacking(error: unknown): string {
  assert.ok(error instanceof ProgramError && error.code === 'ENGINE_FAILED')
  assert.match(error.remedy ?? '', /buildx/)
  return 'none'
}

function pairOf(line: string): [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}
