/** `samebits-build publish --build`, with the engine of unboxed.ts, in a process of its own: `unboxed-publish.ts VERSION`. */
import { programIo, runProgram } from '@samebits/host'
import { publishUnboxed } from './publish-unboxed.ts'

process.exitCode = await runProgram(
  async () => {
    await publishUnboxed(process.cwd(), process.argv[2] ?? '', (line) => void process.stderr.write(`${line}\n`))
    return 0
  },
  { ...programIo(process), debug: true },
)
