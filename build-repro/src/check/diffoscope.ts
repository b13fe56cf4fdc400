/** diffoscope (diffoscope.org), where it is installed: its view of a pair of files, to stand beside ours. */
import { captureProcess } from '../engines/process.ts'

const timeoutMs = 300_000

/** Its text report, or null where it is not installed, finds nothing or takes too long. */
export async function runDiffoscope(
  a: string,
  b: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | null> {
  const args = ['--text', '-', '--max-text-report-size', '200000', a, b]
  const answer = await captureProcess({ file: 'diffoscope', args, environment, timeoutMs }, signal).catch(() => null)
  signal.throwIfAborted()
  // 0: no difference; 1: differences; anything else: it failed (diffoscope(1)).
  return answer?.status === 1 ? answer.stdout : null
}
