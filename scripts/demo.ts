/**
 * The whole story on one machine, with nothing but this clone: a log, a publisher, a user, and an attacker who has more
 * than he should. Every program is the real one, in a process of its own; every refusal is checked, not only shown.
 *
 *     npm run demo [-- --keep]      --keep leaves the folder for you to look around in
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { toHex, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { forgeUnlogged } from './demo/forgery.ts'
import { findRebuilds } from './demo/rebuilds.ts'
import { Stage } from './demo/stage.ts'
import { Watchers } from './demo/watchers.ts'
import { freePort, serveFolder } from './demo/web.ts'

const product = 'samebits.dev/samebits'
const origin = 'log.example.com/demo'

const folder = await mkdtemp(join(tmpdir(), 'samebits-demo-'))
const stage = new Stage(
  (text) => process.stdout.write(text),
  (text) => styleText('bold', text),
)
const at = (...parts: string[]) => join(folder, ...parts)

const watchers = new Watchers(stage, at('watchers'))

let feedFolder = at('publisher', 'feed')
const web = await serveFolder(() => feedFolder)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void finish(130))
/** Whoever read along has left: nothing may stay behind. */
process.stdout.once('error', () => void finish(1)).on('error', () => undefined)
const started = performance.now()
const found = await findRebuilds(stage, folder)
const rebuilds = typeof found === 'string' ? null : found
const leftOut = typeof found === 'string' ? found : null
try {
  await tell()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(
    `\nTwo releases installed through the gate, three attacks refused, a fork refused by witnesses and client and proven by the monitor, in ${seconds} s.`,
  )
  await finish(0)
} catch (error) {
  console.error(`\nThe demo went wrong: ${error instanceof Error ? error.message : String(error)}`)
  await finish(1)
}

async function finish(status: number): Promise<never> {
  await stage.close()
  await web.stop()
  rebuilds?.clean()
  if (process.argv.includes('--keep')) console.log(`Everything is still in ${folder}`)
  else await rm(folder, { recursive: true, force: true })
  process.exit(status)
}

async function tell(): Promise<void> {
  for (const room of ['log', 'publisher/dist', 'user', 'attacker', 'watchers'])
    await mkdir(at(room), { recursive: true })
  const cli = await packCli('0.1.0')
  const samebits = at('user', 'samebits.cjs')
  await cp(cli, samebits)
  if (rebuilds === null) stage.say(`Left out: ${leftOut}.`)

  stage.step('A log: two keys (Ed25519 and ML-DSA-44), a signed empty tree')
  await stage.run('samebits-log', ['keygen', '--origin', origin], { cwd: at('log'), quiet: true })
  const init = await stage.run('samebits-log', ['init', '--origin', origin, '--json'], { cwd: at('log'), quiet: true })
  await writeFile(at('log', 'log.json'), init.stdout)
  const { checkpoint, vkeys } = JSON.parse(init.stdout) as { checkpoint: string; vkeys: string[] }
  stage.say(indent(checkpoint.replace(/^(.{100}).+$/gm, '$1…')))

  stage.step(
    'Three witnesses of three operators: each remembers the last tree that it saw, and signs only what extends it',
  )
  await watchers.startWitnesses(vkeys)
  const port = await freePort()
  const logUrl = `http://127.0.0.1:${port}`
  const policy = watchers.policy(vkeys[0] ?? '', logUrl)
  await writeFile(at('policy.txt'), policy)
  stage.say(
    `The policy of the log and of everybody who trusts it:\n${indent(policy.replace(/\+[0-9a-f]{8}\+\S+/g, '+…'))}`,
  )

  stage.step('A publisher: keys, trust file, admission file, first anchor')
  const initArgs = ['init', '--product', product, '--log', '../log/log.json', '--policy', '../policy.txt']
  await stage.run('samebits-build', [...initArgs, '--feed-url', web.url], { cwd: at('publisher') })
  if (rebuilds !== null) await rebuilds.prepare()
  const serveArgs = ['serve', '--port', port, '--admission-file', '../publisher/admission.json', '--log-level', 'warn']
  const witnessed = [...serveArgs, '--policy', '../policy.txt', '--witness-min-interval-ms', '100']
  let log = await stage.serve('samebits-log', witnessed, at('log'))

  stage.step('A monitor: it reads every entry, and what the witnesses were shown')
  await watchers.startMonitor(vkeys, logUrl, '../publisher/trust.json', await freePort())

  stage.step("The first release: samebits' own command line, one file")
  await publish(cli, '0.1.0', samebits)

  stage.step('A user has the trust file and the anchor, and installs through the gate')
  for (const file of ['trust.json', `${product.replace('/', '_')}.anchor.json`])
    await cp(at('publisher', file), at('user', file))
  const update = ['update', '--trust', 'trust.json', '--into', 'app', '--executable']
  await stage.run(samebits, update, { cwd: at('user') })
  await stage.run(at('user/app/samebits.cjs'), ['--version'], { cwd: at('user') })

  stage.step('The attacker keeps a copy of the log as it is now, with its keys')
  await log.stop()
  await cp(at('log'), at('attacker', 'log'), { recursive: true })
  const worthStealing = (path: string) => !/\/(?:node_modules|\.git|builds)$/.test(path)
  await cp(at('publisher'), at('attacker', 'publisher'), { recursive: true, filter: worthStealing })
  stage.say('He has stolen the keys of the log and of the publisher: all there is to steal.')
  log = await stage.serve('samebits-log', witnessed, at('log'))

  stage.step('The next release; the user updates and runs it')
  const next = await packCli('0.2.0')
  await publish(next, '0.2.0')
  await stage.run(samebits, update, { cwd: at('user') })
  await stage.run(at('user/app/samebits.cjs'), ['--version'], { cwd: at('user') })
  await stage.run(samebits, update, { cwd: at('user') })

  stage.step('Attack 1: the file is altered, its bundle is genuine')
  const bundle = at('publisher', 'dist', 'samebits.cjs.samebits.json')
  await mkdir(at('attacker', 'one'))
  await cp(bundle, at('attacker', 'one', 'samebits.cjs.samebits.json'))
  await writeFile(at('attacker', 'one', 'samebits.cjs'), `${await readFile(next, 'utf8')}\n/* and a little more */\n`)
  const verify = ['--trust', '../../user/trust.json']
  await stage.run(samebits, ['verify', 'samebits.cjs', ...verify], { cwd: at('attacker', 'one'), expect: 10 })

  stage.step("Attack 2: the file is signed with the publisher's stolen key, but never logged")
  await mkdir(at('attacker', 'two'))
  const evil = 'console.log("all your files are mine")\n'
  await writeFile(at('attacker', 'two', 'samebits.cjs'), evil)
  const forged = await forgeUnlogged({ bundle, keyFile: at('publisher', 'keys', 'publisher.pem'), artifact: evil })
  await writeFile(at('attacker', 'two', 'samebits.cjs.samebits.json'), forged)
  await stage.run(samebits, ['verify', 'samebits.cjs', ...verify], { cwd: at('attacker', 'two'), expect: 10 })

  stage.step('Attack 3: a forked log, for this user alone, at the very address of the real one')
  const known = await watchers.cosignedSize(toHex(nodeCrypto.sha256(utf8(origin))))
  await watchers.showCalm(known)
  await log.stop()
  stage.say('No witness signs two histories, so his log asks none, and he publishes by a trust file without them.')
  await forgetWitnesses(at('attacker', 'publisher'))
  log = await stage.serve('samebits-log', serveArgs, at('attacker', 'log'))
  await writeFile(at('attacker', 'publisher', 'dist', 'samebits.cjs'), evil)
  // His log has to be as large as the real one, votes included, before a client looks at it at all.
  for (const version of rebuilds === null ? ['0.2.0', '0.3.0'] : ['0.2.0', '0.3.0', '0.4.0', '0.5.0']) {
    const args = ['publish', 'dist/samebits.cjs', '--version', version, '--feed-now']
    await stage.run('samebits-build', args, { cwd: at('attacker', 'publisher'), quiet: true })
    await watchers.tryFork(logUrl, vkeys, known)
  }
  feedFolder = at('attacker', 'publisher', 'feed')
  stage.say('The client takes no head that fewer than two of the three have signed:')
  await stage.run(samebits, update, { cwd: at('user'), expect: 10 })
  await stage.run(at('user/app/samebits.cjs'), ['--version'], { cwd: at('user') })
  await watchers.showAlarm()
}

/** The attacker's own tools want witnesses too: he gives them a trust file that names none. His log has the old one in force. */
async function forgetWitnesses(publisher: string): Promise<void> {
  const trust = JSON.parse(await readFile(join(publisher, 'trust.json'), 'utf8')) as Record<string, unknown>
  const logLine = String(trust['tlogPolicy']).split('\n', 1)[0]
  const changed = {
    ...trust,
    tlogPolicy: `${logLine}\nquorum none\n`,
    unwitnessed: true,
    freshness: { clockSkew: '5m' },
  }
  await writeFile(join(publisher, 'unwitnessed.json'), JSON.stringify(changed))
  const recipe = join(publisher, 'samebits.build.json')
  const { publish, ...rest } = JSON.parse(await readFile(recipe, 'utf8')) as { publish: object }
  await writeFile(recipe, JSON.stringify({ ...rest, publish: { ...publish, trust: 'unwitnessed.json' } }))
}

/**
 * By the publisher alone; where there are rebuilders, built from a commit, and handed out once both have voted.
 *
 * @param refuses a command line that is asked after the first vote
 */
async function publish(file: string, version: string, refuses: string | null = null): Promise<void> {
  if (rebuilds !== null) {
    await rebuilds.publish(version)
    await rebuilds.vote(version, refuses === null ? null : () => refusesYet(refuses))
    return
  }
  await cp(file, at('publisher', 'dist', 'samebits.cjs'))
  const args = ['publish', 'dist/samebits.cjs', '--version', version]
  await stage.run('samebits-build', args, { cwd: at('publisher') })
}

/** With one vote of two the client does not accept the release. */
async function refusesYet(samebits: string): Promise<void> {
  await stage.run('samebits-build', ['staple'], { cwd: at('publisher'), quiet: true })
  const verify = ['verify', 'dist/samebits.cjs', '--trust', 'trust.json']
  await stage.run(samebits, verify, { cwd: at('publisher'), expect: 10 })
}

/** The command line as users have it: one file, bundled. */
async function packCli(version: string): Promise<string> {
  const out = at(`cli-${version}`)
  const script = join(import.meta.dirname, 'build-cli.mjs')
  await stage.run(script, [out, version], {
    cwd: folder,
    quiet: true,
    shown: `node scripts/build-cli.mjs … ${version}`,
  })
  return join(out, 'samebits.cjs')
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ')
}
