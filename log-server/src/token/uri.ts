/**
 * Where a key lies in a token, as an RFC 7512 URI:
 *
 *     pkcs11:token=samebits;object=example.com%2Flog?module-path=/usr/lib/softhsm/libsofthsm2.so
 *
 * Of the path attributes `token`, `manufacturer`, `model`, `serial` (of the token), `object` and `id` (of the key) are followed;
 * `type` may say `private`. Everything else is refused, the PIN above all (RFC 7512 §7): a URI is an argument, which everybody on the
 * machine may read.
 */
import { FormatError } from '@samebits/core'

/** What must be equal; attributes that are not named are not looked at. */
export interface TokenUri {
  /** Path of the PKCS#11 module. */
  readonly module: string
  readonly token: Readonly<Partial<Record<'label' | 'manufacturerID' | 'model' | 'serialNumber', string>>>
  /** CKA_LABEL of the key. */
  readonly label?: string
  /** CKA_ID of the key. */
  readonly id?: Uint8Array
}

/** By their names in the URI (RFC 7512 §2.3) and in CK_TOKEN_INFO. */
const tokenAttributes = {
  token: 'label',
  manufacturer: 'manufacturerID',
  model: 'model',
  serial: 'serialNumber',
} as const

/** @throws FormatError `pkcs11 URI` */
export function parseTokenUri(text: string): TokenUri {
  if (!text.startsWith('pkcs11:')) throw fault('it does not begin with pkcs11:')
  const [path = '', query = '', ...more] = text.slice('pkcs11:'.length).split('?')
  if (more.length > 0) throw fault('it has two queries')
  const [inPath, inQuery] = [attributes(path, ';'), attributes(query, '&')]
  const module = inQuery.get('module-path')
  if (module === undefined || !module.toString().startsWith('/')) throw fault('module-path is no absolute path')
  refuseOthers(inPath, inQuery)
  const token = Object.entries(tokenAttributes).flatMap(([name, field]) => {
    const value = inPath.get(name)
    return value === undefined ? [] : [[field, value.toString()] as const]
  })
  if (token.length === 0) throw fault('no token is named (token, serial, manufacturer or model)')
  const [label, id] = [inPath.get('object'), inPath.get('id')]
  if (label === undefined && id === undefined) throw fault('no key is named (object or id)')
  return {
    ...{ module: module.toString(), token: Object.fromEntries(token) },
    ...(label !== undefined && { label: label.toString() }),
    ...(id !== undefined && { id: Uint8Array.from(id) }),
  }
}

function refuseOthers(path: ReadonlyMap<string, Buffer>, query: ReadonlyMap<string, Buffer>): void {
  for (const name of query.keys()) {
    if (name === 'pin-value' || name === 'pin-source')
      throw fault(`${name} does not belong here: give the PIN with --pkcs11-pin-file or in the environment`)
    if (name !== 'module-path') throw fault(`${name} is not followed`)
  }
  for (const [name, value] of path) {
    if (name === 'type' && value.toString() === 'private') continue
    if (!Object.hasOwn(tokenAttributes, name) && name !== 'object' && name !== 'id')
      throw fault(`${name} is not followed`)
  }
}

/** Names once each, values percent-decoded (RFC 7512 §2.3: `id` holds bytes, everything else UTF-8). */
function attributes(text: string, separator: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const part of text === '' ? [] : text.split(separator)) {
    const [, name = '', value = ''] =
      /^([a-z-]+)=((?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&/?|]|%[0-9A-Fa-f]{2})*)$/.exec(part) ?? []
    if (name === '' || value === '') throw fault(`${JSON.stringify(part)} is no attribute`)
    if (found.has(name)) throw fault(`${name} stands twice`)
    const bytes = Buffer.from(
      value.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      'latin1',
    )
    if (name !== 'id' && !Buffer.from(bytes.toString()).equals(bytes)) throw fault(`${name} is no UTF-8`)
    found.set(name, bytes)
  }
  return found
}

function fault(detail: string): FormatError {
  return new FormatError('pkcs11 URI', detail)
}
