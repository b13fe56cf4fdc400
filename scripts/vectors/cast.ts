/** Who appears in the vectors: one log with its two keys, three witnesses, a stranger. */
import { ed25519, mlDsa44, type NamedKey } from './tools.ts'

export const ORIGIN = 'log.example.com/test'
export const TIME = 1_795_000_000

export const log01: NamedKey = { name: ORIGIN, type: 1, key: ed25519('log') }
export const log06: NamedKey = { name: ORIGIN, type: 6, key: mlDsa44('log') }
/** Ed25519 witnesses. */
export const alder: NamedKey = { name: 'alder.example/witness', type: 4, key: ed25519('alder') }
export const birch: NamedKey = { name: 'birch.example/witness', type: 4, key: ed25519('birch') }
/** An ML-DSA-44 witness. */
export const cedar: NamedKey = { name: 'cedar.example/witness', type: 6, key: mlDsa44('cedar') }
/** A key that no one lists. */
export const stranger: NamedKey = { name: 'stranger.example', type: 4, key: ed25519('stranger') }
