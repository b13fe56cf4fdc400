// Bundles the command line into verifier-cli/dist/: one CommonJS file that needs nothing but Node, and the licences of what
// is in it. The same sources and lock give the same bytes, wherever the checkout lies.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const room = join(root, 'verifier-cli')
const out = process.argv[2] ?? join(room, 'dist')
const version = process.argv[3] ?? JSON.parse(readFileSync(join(room, 'package.json'), 'utf8')).version

// In the oldest syntax there is, and before anything else: an old Node shall say what is wrong.
const guard = `if(+process.versions.node.split('.')[0]<24){console.error('NODE_TOO_OLD: samebits needs Node 24.15 or newer, this is '+process.version+'. Install a newer Node.');process.exit(64)}`

const result = await build({
  absWorkingDir: root,
  entryPoints: ['verifier-cli/src/main.ts'],
  bundle: true,
  write: false,
  metafile: true,
  minify: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // The starter runs it as a script, which may require and not import.
  supported: { 'dynamic-import': false },
  conditions: ['samebits-source'],
  legalComments: 'none',
  define: { SAMEBITS_VERSION: JSON.stringify(version) },
  banner: { js: `#!/usr/bin/env node\n${guard}` },
  outfile: 'samebits.cjs',
  plugins: [
    {
      // Beside one file there is nothing to require: what identity/src/load.ts loads late goes inside, evaluated as late.
      name: 'sigstore-inside',
      setup(builder) {
        builder.onLoad({ filter: /[/\\]identity[/\\]src[/\\]load\.ts$/ }, ({ path }) => ({
          contents: readFileSync(path, 'utf8')
            .replace(/^import .*createRequire.*$/m, '')
            .replace(/^const require = .*$/m, ''),
          loader: 'ts',
        }))
      },
    },
    {
      // The modules of this repository do nothing but define: what a command does not use need not be evaluated.
      name: 'own-modules-are-pure',
      setup(builder) {
        builder.onResolve({ filter: /^@samebits\// }, async ({ path, pluginData, ...rest }) => {
          if (pluginData === 'resolved') return undefined
          const found = await builder.resolve(path, { ...rest, pluginData: 'resolved' })
          return { ...found, sideEffects: false }
        })
      },
    },
  ],
})

// bin/samebits.cjs tells by the last line whether code that was compiled earlier is of this build.
const { contents } = result.outputFiles[0]
const program = Buffer.concat([contents, Buffer.from(`// ${createHash('sha256').update(contents).digest('hex')}\n`)])

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const file = join(out, 'samebits.cjs')
writeFileSync(file, program)
chmodSync(file, 0o755)
writeFileSync(join(out, 'THIRD-PARTY-LICENSES'), licences(Object.keys(result.metafile.inputs)))
writeFileSync(join(out, 'samebits.1'), execFileSync(process.execPath, [file, 'manual']))
console.log(`${relative(root, file)}: ${program.length} bytes`)

function licences(inputs) {
  const packages = new Set()
  for (const input of inputs) {
    const match = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)
    if (match) packages.add(input.slice(0, input.indexOf(match[1]) + match[1].length))
  }
  return [...packages].sort().map(licence).join('\n')
}

function licence(folder) {
  const { name, version: of, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file === undefined ? '' : readFileSync(join(root, folder, file), 'utf8')
  return `${name} ${of} (${license})\n\n${text}\n${'-'.repeat(80)}\n`
}
