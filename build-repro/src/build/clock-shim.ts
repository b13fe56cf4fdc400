/**
 * A shared library that moves the clock which programs ask for. It is loaded before libc (ld.so(8), LD_PRELOAD) and asks the kernel
 * itself, so that it needs no libc and fits every image of its processor, glibc or musl. Programs that are linked statically do not
 * see it. Monotonic clocks and the times that the kernel gives to files stay as they are, and so the clock only ever runs ahead: no
 * file is younger than now.
 */
import { writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ProgramError, visible } from '@samebits/host'
import type { ContainerEngine, ImageFacts } from '../engines/engine.ts'
import { captureProcess } from '../engines/process.ts'

/** Where it lies inside. */
export const shimPath = '/samebits-clock.so'

export interface ShimRequest {
  /** Seconds. */
  readonly ahead: number
  /** Where the library goes, on this machine. */
  readonly target: string
  readonly engine: ContainerEngine
  readonly image: ImageFacts
  readonly toolEnvironment: Readonly<Record<string, string | undefined>>
}

/** Compiles it with this machine's compiler, or with the image's where there is none or the processors differ. */
export async function makeClockShim(request: ShimRequest, signal: AbortSignal): Promise<void> {
  await writeFile(`${request.target}.c`, shimSource(request.ahead), { mode: 0o644 })
  if (await compiledHere(request, signal)) return
  const why = await compiledInside(request, signal)
  if (why === null) return
  throw new ProgramError({
    code: 'CLOCK_UNVARIED',
    detail: `no C compiler here or in the image makes the library that moves the clock: ${visible(why)}`,
    remedy: 'Install gcc, or leave the time out with --without time.',
  })
}

const options = ['-shared', '-fPIC', '-nostdlib', '-O1', '-fno-builtin', '-fno-stack-protector', '-fcf-protection=none']
const platforms: Readonly<Record<string, string>> = { x64: 'linux/amd64', arm64: 'linux/arm64' }

async function compiledHere({ target, image, toolEnvironment }: ShimRequest, signal: AbortSignal): Promise<boolean> {
  if (process.platform !== 'linux' || platforms[process.arch] !== image.platform) return false
  const request = { file: 'cc', args: [...options, `${target}.c`, '-o', target], environment: toolEnvironment }
  const answer = await captureProcess(request, signal).catch(() => null)
  signal.throwIfAborted()
  return answer?.status === 0
}

/** @returns null where it went well, else the compiler's words */
async function compiledInside({ target, engine, image }: ShimRequest, signal: AbortSignal): Promise<string | null> {
  const folder = dirname(target)
  const words: Uint8Array[] = []
  const inside = (path: string) => `/samebits-shim/${basename(path)}`
  const outcome = await engine.run(
    {
      image: image.id,
      command: ['cc', ...options, inside(`${target}.c`), '-o', inside(target)],
      network: 'none',
      mounts: [{ source: folder, target: '/samebits-shim', writable: true }],
      workingFolder: '/',
      user: { name: 'root', uid: 0, gid: 0 },
      hostname: 'samebits',
      environment: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      umask: 0o022,
      cpus: null,
      limits: { timeoutMs: 60_000, memoryBytes: 2 ** 30, processes: 64 },
      onOutput: (chunk) => void words.push(chunk),
    },
    signal,
  )
  return outcome.kind === 'exited' && outcome.status === 0 ? null : Buffer.concat(words).toString('utf8').trim()
}

/** C without libc: the calls by which glibc and musl programs ask for the time of day, answered by the kernel and moved. */
function shimSource(ahead: number): string {
  return `
typedef long word;
struct timespec { word seconds, nanoseconds; };
struct timeval { word seconds, microseconds; };
enum { AHEAD = ${Math.trunc(ahead)} };
static word ask(word clock, struct timespec *out) {
#if defined(__x86_64__)
  word result;
  __asm__ volatile("syscall" : "=a"(result) : "0"(228L), "D"(clock), "S"(out) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register word x8 __asm__("x8") = 113, x0 __asm__("x0") = clock;
  register struct timespec *x1 __asm__("x1") = out;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
  return x0;
#else
#error "this processor is not known here"
#endif
}
/* CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI */
static int tells_the_date(word clock) { return clock == 0 || clock == 5 || clock == 8 || clock == 11; }
int clock_gettime(int clock, struct timespec *out) {
  word result = ask(clock, out);
  if (result < 0) return -1;
  if (tells_the_date(clock)) out->seconds += AHEAD;
  return 0;
}
int gettimeofday(struct timeval *out, void *zone) {
  struct timespec now;
  (void)zone;
  if (ask(0, &now) < 0) return -1;
  if (out) { out->seconds = now.seconds + AHEAD; out->microseconds = now.nanoseconds / 1000; }
  return 0;
}
word time(word *out) {
  struct timespec now;
  if (ask(0, &now) < 0) return -1;
  if (out) *out = now.seconds + AHEAD;
  return now.seconds + AHEAD;
}
int timespec_get(struct timespec *out, int base) {
  if (base != 1 || ask(0, out) < 0) return 0;
  out->seconds += AHEAD;
  return base;
}
`
}
