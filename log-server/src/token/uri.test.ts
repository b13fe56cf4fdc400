import { describe, expect, it } from 'vitest'
import { parseTokenUri } from './uri.ts'

const module = '/usr/lib/softhsm/libsofthsm2.so'
const query = `?module-path=${module}`

describe('a PKCS#11 URI', () => {
  it.each([
    ['a token and a name', 'token=samebits;object=log', { token: { label: 'samebits' }, label: 'log' }],
    [
      'an escaped name',
      'token=s%C3%A9same;object=example.com%2Flog',
      { token: { label: 'sésame' }, label: 'example.com/log' },
    ],
    ['a serial and an id', 'serial=0a1b;id=%00%FF', { token: { serialNumber: '0a1b' }, id: Uint8Array.of(0, 255) }],
    [
      'everything',
      'manufacturer=M;model=N;object=log;type=private',
      { token: { manufacturerID: 'M', model: 'N' }, label: 'log' },
    ],
  ])('names %s', (_what, path, wanted) => {
    expect(parseTokenUri(`pkcs11:${path}${query}`)).toEqual({ module, ...wanted })
  })

  it.each([
    ['', 'begin'],
    ['pkcs12:token=a;object=b', 'begin'],
    ['pkcs11:token=a;object=b', 'module-path'],
    ['pkcs11:token=a;object=b?module-path=softhsm.so', 'absolute'],
    [`pkcs11:object=b${query}`, 'no token'],
    [`pkcs11:token=a${query}`, 'no key'],
    [`pkcs11:token=a;token=b;object=c${query}`, 'twice'],
    [`pkcs11:token=a;object=b;slot-id=1${query}`, 'slot-id'],
    [`pkcs11:token=a;object=b;type=cert${query}`, 'type'],
    [`pkcs11:token=a;object=b${query}&pin-value=1234`, '--pkcs11-pin-file'],
    [`pkcs11:token=a;object=b${query}&pin-source=file:/pin`, '--pkcs11-pin-file'],
    [`pkcs11:token=a;object=b${query}&module-name=softhsm`, 'module-name'],
    [`pkcs11:token=a;object=b${query}?x=y`, 'two queries'],
    [`pkcs11:token=a;object=%ff${query}`, 'UTF-8'],
    [`pkcs11:token=a;object=%f${query}`, 'no attribute'],
    [`pkcs11:token=a;object=a b${query}`, 'no attribute'],
    [`pkcs11:token=;object=a${query}`, 'no attribute'],
    [`pkcs11:token=a;;object=b${query}`, 'no attribute'],
  ])('is refused: %s', (text, why) => {
    expect(() => parseTokenUri(text)).toThrow(why)
  })

  it('is never quoted with a PIN in it', () => {
    expect(() => parseTokenUri(`pkcs11:token=a;object=b${query}&pin-value=13579`)).not.toThrow('13579')
  })
})
