#!/usr/bin/env node
// Starts the bundled program, with the code that V8 compiled last time where a safe place for that exists: a folder that belongs to
// this user and that nobody else may enter. Whoever could write there could run code as this user.
'use strict'
const { lstatSync, mkdirSync } = require('node:fs')
const { homedir } = require('node:os')
const { isAbsolute, join } = require('node:path')
const nodeModule = require('node:module')

function cacheFolder() {
  if (process.platform === 'win32' || typeof process.getuid !== 'function') return null
  const own = process.env.XDG_CACHE_HOME
  const folder = join(own && isAbsolute(own) ? own : join(homedir(), '.cache'), 'samebits', 'compiled')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const stat = lstatSync(folder)
    return stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & 0o077) === 0 ? folder : null
  } catch {
    return null // no home, or a read-only one: then without
  }
}

if (typeof nodeModule.enableCompileCache === 'function') {
  const folder = cacheFolder()
  if (folder !== null) nodeModule.enableCompileCache(folder)
}
require('../dist/samebits.cjs')
