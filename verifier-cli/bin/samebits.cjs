#!/usr/bin/env node
// Starts the bundled program with the code that V8 compiled when the same command ran last. Node's own cache (module.enableCompileCache)
// keeps a module as it was before it ran, and V8 compiles a function when it is first called: what this keeps was taken afterwards.
//
//     <cache folder>/samebits/compiled/<command>   SHA-256 (32 bytes) of build, runtime and the rest · what V8 made
//
// V8 does not check what it is handed, so that the digest is looked at first. It is no protection from people: whoever can write there
// could run code as this user anyway, and the folder must belong to this user, and nobody else may enter it.
'use strict'
const fs = require('node:fs')
const { homedir } = require('node:os')
const { dirname, isAbsolute, join } = require('node:path')
const { Script } = require('node:vm')

const digestBytes = 32

/** What commands, `--version` and `--help`, and nothing else, look like. */
const isCommand = /^(?:--)?[a-z]{1,16}$/

/** The digest that scripts/build-cli.mjs writes at the end of the program. */
const buildLine = /\n\/\/ ([0-9a-f]{64})\n$/

/** Where compiled code is kept; null: nowhere that is safe. */
function cacheFolder() {
  if (process.platform === 'win32' || typeof process.getuid !== 'function') return null
  if (process.env.NODE_DISABLE_COMPILE_CACHE) return null
  const own = process.env.XDG_CACHE_HOME
  try {
    const folder = join(own && isAbsolute(own) ? own : join(homedir(), '.cache'), 'samebits', 'compiled')
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    const stat = fs.lstatSync(folder)
    return stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & 0o077) === 0 ? folder : null
  } catch {
    return null // no home, or a read-only one: then without
  }
}

function digestOf(build, code) {
  const { createHash } = require('node:crypto')
  return createHash('sha256').update(`${build} ${process.version} ${process.arch}\n`).update(code).digest()
}

/** What was kept of this build; undefined where there is none, or none that is whole. */
function readKept(path, build) {
  try {
    const kept = fs.readFileSync(path)
    const code = kept.subarray(digestBytes)
    return digestOf(build, code).equals(kept.subarray(0, digestBytes)) ? code : undefined
  } catch {
    return undefined
  }
}

/** Takes the place of what was there at once, or not at all. */
function keep(path, build, code) {
  const between = `${path}.${process.pid}`
  try {
    const file = fs.openSync(between, 'wx', 0o600)
    try {
      fs.writeFileSync(file, Buffer.concat([digestOf(build, code), code]))
      fs.fsyncSync(file)
    } finally {
      fs.closeSync(file)
    }
    fs.renameSync(between, path)
  } catch {
    fs.rmSync(between, { force: true }) // a full disk: the next run compiles again
  }
}

const filename = join(__dirname, '..', 'dist', 'samebits.cjs')
const text = fs.readFileSync(filename, 'utf8')
const command = process.argv[2] || ''
const build = (buildLine.exec(text) || [])[1]
const folder = build && isCommand.test(command) ? cacheFolder() : null
const path = folder === null ? null : join(folder, command)
const cachedData = path === null ? undefined : readKept(path, build)
// The wrapper takes the place of the first line, `#!`, so that lines keep their numbers.
const source = `(function (exports, require, module, __filename, __dirname) {${text.slice(text.indexOf('\n'))}\n})`
const script = new Script(source, { filename, cachedData })
if (path !== null && (cachedData === undefined || script.cachedDataRejected))
  process.once('exit', (status) => {
    if (status === 0) keep(path, build, script.createCachedData())
  })
const bundle = { exports: {} }
script.runInThisContext()(bundle.exports, require, bundle, filename, dirname(filename))
