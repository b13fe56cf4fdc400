import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AdmissionConfig, AdmissionFileError, loadAdmission, parseAdmissionFile } from './admission-file.ts'
import { AdmissionSource, type ChangeNotices, type SourceEvents } from './admission-source.ts'
import { member, origin, product, trustFile } from './testing.ts'

const parse = (text: string) => parseAdmissionFile(Buffer.from(text))

describe('parseAdmissionFile', () => {
  test.each([
    ['{"format":1,"mode":"product","products":{"example.com/notes":"trust.json"}}', 'product', 1],
    ['{ "products": {}, "mode": "open",\n "format": 1 }', 'open', 0],
    ['{"format":1,"mode":"raw","products":{}}', 'raw', 0],
    ['{"format":1,"mode":"product","products":{"a":"/etc/t","b":"../t","constructor":"t"}}', 'product', 3],
  ])('reads %s', (text, mode, products) => {
    expect(parse(text)).toMatchObject({ mode, products: expect.any(Map) })
    expect(parse(text).products.size).toBe(products)
  })

  test.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['null', 'null'],
    ['no format', '{"mode":"open","products":{}}'],
    ['another format', '{"format":2,"mode":"open","products":{}}'],
    ['a format in text', '{"format":"1","mode":"open","products":{}}'],
    ['no mode', '{"format":1,"products":{}}'],
    ['an unknown mode', '{"format":1,"mode":"closed","products":{}}'],
    ['no products', '{"format":1,"mode":"open"}'],
    ['products in a list', '{"format":1,"mode":"product","products":["a"]}'],
    ['mode product without a product', '{"format":1,"mode":"product","products":{}}'],
    ['mode raw with products', '{"format":1,"mode":"raw","products":{"a":"t"}}'],
    ['mode open with products', '{"format":1,"mode":"open","products":{"a":"t"}}'],
    ['an unknown member', '{"format":1,"mode":"open","products":{},"extra":1}'],
    ['a member twice', '{"format":1,"mode":"open","mode":"open","products":{}}'],
    ['a product twice', '{"format":1,"mode":"product","products":{"a":"t","a":"u"}}'],
    ['a product that is none', '{"format":1,"mode":"product","products":{"../a":"t"}}'],
    ['a product in upper case', '{"format":1,"mode":"product","products":{"A":"t"}}'],
    ['an empty path', '{"format":1,"mode":"product","products":{"a":""}}'],
    ['a path with NUL', '{"format":1,"mode":"product","products":{"a":"t\\u0000"}}'],
    ['a path that is no text', '{"format":1,"mode":"product","products":{"a":1}}'],
    ['a trailing comma', '{"format":1,"mode":"open","products":{},}'],
    ['a comment', '{"format":1,/* */"mode":"open","products":{}}'],
  ])('refuses %s', (_what, text) => {
    expect(() => parse(text)).toThrow(FormatError)
  })

  test('throws nothing else, whatever it is given', () => {
    const value = fc.oneof(fc.json(), fc.string()).map((text) => Buffer.from(text))
    fc.assert(
      fc.property(fc.oneof(value, fc.uint8Array()), (bytes) => {
        try {
          parseAdmissionFile(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
    )
  })
})

const [root, alice] = [member('root'), member('alice')]
const roles = { authority: [root], publishers: [alice] }

describe('files on a disk', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'samebits-admission-file-'))
    path = join(folder, 'admission.json')
    mkdirSync(join(folder, 'notes'))
    writeFileSync(join(folder, 'notes', 'trust.json'), trustFile(roles))
    write({ [product]: 'notes/trust.json' })
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const write = (products: Record<string, string>, mode = 'product') =>
    writeFileSync(path, JSON.stringify({ format: 1, mode, products }))
  const options = () => ({ path, origin, hasher: nodeCrypto, readFile: (file: string) => readFile(file) })

  describe('loadAdmission', () => {
    test('reads trust files beside the admission file', async () => {
      const { mode, products } = await loadAdmission(options())
      expect([mode, products.get(product)?.version]).toEqual(['product', 1])
    })

    test.each<[string, () => void, string]>([
      ['no admission file', () => rmSync(path), 'admission.json: cannot be read (ENOENT)'],
      [
        'a folder in its place',
        () => {
          rmSync(path)
          mkdirSync(path)
        },
        'admission.json: cannot be read (EISDIR)',
      ],
      ['a missing trust file', () => write({ [product]: 'none.json' }), 'none.json: cannot be read (ENOENT)'],
      ['a trust file that is none', () => writeFileSync(join(folder, 'notes', 'trust.json'), '{}'), 'trust.json: '],
      ['a trust file of another product', () => write({ 'example.com/x': 'notes/trust.json' }), `is for ${product}`],
    ])('refuses %s, and names the file', async (_what, spoil, message) => {
      spoil()
      await expect(loadAdmission(options())).rejects.toThrow(message)
      await expect(loadAdmission(options())).rejects.toBeInstanceOf(AdmissionFileError)
    })
  })

  describe('AdmissionSource', () => {
    const still: ChangeNotices = { watch: () => () => undefined, every: () => () => undefined }
    const recorder = (changed: SourceEvents['changed'] = async () => undefined) => {
      const seen: AdmissionConfig[] = []
      const broken: string[] = []
      const events: SourceEvents = {
        async changed(config) {
          await changed(config)
          seen.push(config)
        },
        broken: (error) => void broken.push(error.message),
      }
      return { seen, broken, events }
    }
    const second = (more = {}) => trustFile({ ...roles, version: 2, ...more })

    test('sees a trust file that changed, once', async () => {
      const source = await AdmissionSource.open({ ...options(), notices: still })
      const { seen, broken, events } = recorder()
      await source.look(events)
      writeFileSync(join(folder, 'notes', 'trust.json'), second())
      await source.look(events)
      await source.look(events)
      expect([seen.length, broken]).toEqual([1, []])
      expect(source.current.products.get(product)?.version).toBe(2)
    })

    test.each<[string, () => void]>([
      ['a torn file', () => writeFileSync(path, '{"format":1,')],
      ['a file that is gone', () => rmSync(path)],
      ['a broken trust file', () => writeFileSync(join(folder, 'notes', 'trust.json'), 'x')],
      ['another mode', () => write({}, 'open')],
    ])('keeps what it has over %s, and says so once', async (_what, spoil) => {
      const source = await AdmissionSource.open({ ...options(), notices: still })
      const before = source.current
      const { seen, broken, events } = recorder()
      spoil()
      for (let looks = 0; looks < 3; looks++) await source.look(events)
      expect([seen.length, broken.length]).toEqual([0, 1])
      expect(source.current).toBe(before)
      write({ [product]: 'notes/trust.json' })
      writeFileSync(join(folder, 'notes', 'trust.json'), second())
      await source.look(events)
      expect(source.current.products.get(product)?.version).toBe(2)
    })

    test('keeps what it has where the new file contradicts the log', async () => {
      const source = await AdmissionSource.open({ ...options(), notices: still })
      const { broken, events } = recorder(() => Promise.reject(new AdmissionFileError(product, 'contradicts')))
      writeFileSync(join(folder, 'notes', 'trust.json'), second())
      await source.look(events)
      await source.look(events)
      expect([broken.length, source.current.products.get(product)?.version]).toEqual([1, 1])
    })

    test('tries a file again that could not be put in force', async () => {
      const source = await AdmissionSource.open({ ...options(), notices: still })
      let full = true
      const { seen, broken, events } = recorder(async () => {
        if (full) throw new Error('disk full')
      })
      writeFileSync(join(folder, 'notes', 'trust.json'), second())
      await source.look(events)
      expect([seen.length, broken.length]).toEqual([0, 1])
      full = false
      await source.look(events)
      expect([seen.length, source.current.products.get(product)?.version]).toEqual([1, 2])
    })

    test('looks when told, and no more once stopped', async () => {
      const ticks: (() => void)[] = []
      let ended = 0
      const noted = (tick: () => void) => {
        ticks.push(tick)
        return () => void ended++
      }
      const notices: ChangeNotices = {
        watch: (_folder, changed) => noted(changed),
        every: (_milliseconds, work) => noted(work),
      }
      const source = await AdmissionSource.open({ ...options(), notices })
      const { seen, events } = recorder()
      source.follow(events)
      const replacement = join(folder, 'new.json')
      writeFileSync(replacement, second())
      renameSync(replacement, join(folder, 'notes', 'trust.json'))
      for (const tick of ticks) tick()
      await source.look(events)
      expect([ticks.length, seen.length]).toEqual([2, 1])
      source.stop()
      expect(ended).toBe(2)
    })
  })
})
