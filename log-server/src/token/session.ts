/**
 * A session with a PKCS#11 token (OASIS PKCS #11 v3.0): finding a key pair, making one, and signing with CKM_EDDSA. Every call blocks
 * until the module answers, so this runs in a process of its own (`main.ts`).
 *
 * A PIN is given to a token once. Where the token says that wrong ones were entered since the last good one
 * (CKF_USER_PIN_COUNT_LOW) it is not even tried, whatever restarts this program: some tokens lock themselves after three.
 */
import type { Handle, PKCS11, Template } from 'pkcs11js'
import type { Failure } from './messages.ts'
import type { TokenUri } from './uri.ts'

/** Constants of the specification that are needed here (pkcs11t.h). */
const flags = { RW_SESSION: 0x2, SERIAL_SESSION: 0x4 }
const tokenFlags = {
  LOGIN_REQUIRED: 0x4,
  USER_PIN_COUNT_LOW: 0x10000,
  USER_PIN_FINAL_TRY: 0x20000,
  USER_PIN_LOCKED: 0x40000,
}
const attribute = {
  ...{ CLASS: 0x0, TOKEN: 0x1, PRIVATE: 0x2, LABEL: 0x3, KEY_TYPE: 0x100, ID: 0x102, SENSITIVE: 0x103 },
  ...{ SIGN: 0x108, VERIFY: 0x10a, EXTRACTABLE: 0x162, EC_PARAMS: 0x180, EC_POINT: 0x181 },
}
const objectClass = { PUBLIC_KEY: 2, PRIVATE_KEY: 3 }
const CKK_EC_EDWARDS = 0x40
const mechanism = { EC_EDWARDS_KEY_PAIR_GEN: 0x1055, EDDSA: 0x1057 }
const CKU_USER = 1
const CKR_USER_ALREADY_LOGGED_IN = 0x100
/** Codes after which a PIN, or this token, must not be tried again: PIN_INCORRECT, _INVALID, _LEN_RANGE, _EXPIRED, _LOCKED, MECHANISM_INVALID. */
const lasting: ReadonlySet<number> = new Set([0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0x70])
/** id-Ed25519, 1.3.101.112 (RFC 8410 §3), in DER. */
const ed25519Params = Buffer.from('06032b6570', 'hex')
const signatureBytes = 64
const publicKeyBytes = 32

/** Something about the token or the key is not as it must be. */
export class TokenFault extends Error {
  override readonly name = 'TokenFault'
  readonly mayPass: boolean
  constructor(detail: string, mayPass: boolean) {
    super(detail)
    this.mayPass = mayPass
  }
}

/** Any error of a token as what the log is told. Messages of modules hold no PIN: only the name and number of the code are passed on. */
export function failureOf(error: unknown): Failure {
  if (error instanceof TokenFault) return { mayPass: error.mayPass, detail: error.message }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : null
  if (code === null) return { mayPass: false, detail: error instanceof Error ? error.message : String(error) }
  const name = /^CKR_[A-Z_]+/.exec((error as Error).message)?.[0] ?? `CKR 0x${code.toString(16)}`
  return { mayPass: !lasting.has(code), detail: `the token answers ${name}` }
}

export class TokenSession {
  readonly #pkcs11: PKCS11
  readonly #session: Handle
  #key: Handle | null = null

  /** Opens the one token that the URI names, and logs in. */
  constructor(pkcs11: PKCS11, uri: TokenUri, pin: string, tryPin: boolean) {
    this.#pkcs11 = pkcs11
    const slot = this.#slotOf(uri)
    this.#session = pkcs11.C_OpenSession(slot, flags.RW_SESSION | flags.SERIAL_SESSION)
    const { flags: state } = pkcs11.C_GetTokenInfo(slot)
    if ((state & tokenFlags.USER_PIN_LOCKED) !== 0) throw new TokenFault('the PIN of the token is locked', false)
    const wrong = (state & (tokenFlags.USER_PIN_COUNT_LOW | tokenFlags.USER_PIN_FINAL_TRY)) !== 0
    if (wrong && !tryPin)
      throw new TokenFault('a wrong PIN was given to the token before, so that none was tried now', false)
    if ((state & tokenFlags.LOGIN_REQUIRED) !== 0) this.#login(pin)
  }

  #login(pin: string): void {
    try {
      this.#pkcs11.C_Login(this.#session, CKU_USER, pin)
    } catch (error) {
      const already = error instanceof Error && 'code' in error && error.code === CKR_USER_ALREADY_LOGGED_IN
      if (!already) throw error
    }
  }

  #slotOf({ token }: TokenUri): Handle {
    const found = this.#pkcs11.C_GetSlotList(true).filter((slot) => {
      const info = this.#pkcs11.C_GetTokenInfo(slot)
      return Object.entries(token).every(([name, value]) => padded(info[name as keyof typeof token]) === value)
    })
    const [slot] = found
    if (slot === undefined) throw new TokenFault('there is no such token', true)
    if (found.length > 1) throw new TokenFault('several tokens fit the URI: name its serial', false)
    return slot
  }

  /** Finds the key pair. @returns the raw public key */
  find(uri: TokenUri): Buffer {
    const privateKey = this.#one(objectClass.PRIVATE_KEY, uri)
    const publicKey = this.#one(objectClass.PUBLIC_KEY, uri)
    if (privateKey === null || publicKey === null)
      throw new TokenFault(
        `the token holds no Ed25519 ${privateKey === null ? 'key' : 'public key'} of this name`,
        true,
      )
    this.#key = privateKey
    const [point] = this.#pkcs11.C_GetAttributeValue(this.#session, publicKey, [{ type: attribute.EC_POINT }])
    return rawPoint(point?.value as Buffer)
  }

  /** Makes the key pair that {@link find} then finds. */
  generate(uri: TokenUri, id: Buffer): void {
    for (const kind of Object.values(objectClass))
      if (this.#one(kind, uri) !== null) throw new TokenFault('the token holds a key of this name already', false)
    const named = [
      { type: attribute.TOKEN, value: true },
      { type: attribute.KEY_TYPE, value: CKK_EC_EDWARDS },
      { type: attribute.ID, value: uri.id === undefined ? id : Buffer.from(uri.id) },
      ...(uri.label === undefined ? [] : [{ type: attribute.LABEL, value: uri.label }]),
    ]
    const secret = [
      { type: attribute.PRIVATE, value: true },
      { type: attribute.SENSITIVE, value: true },
      { type: attribute.EXTRACTABLE, value: false },
      { type: attribute.SIGN, value: true },
    ]
    const open = [
      { type: attribute.VERIFY, value: true },
      { type: attribute.EC_PARAMS, value: ed25519Params },
    ]
    const how = { mechanism: mechanism.EC_EDWARDS_KEY_PAIR_GEN }
    this.#pkcs11.C_GenerateKeyPair(this.#session, how, [...named, ...open], [...named, ...secret])
  }

  /** Pure Ed25519 (RFC 8032 §5.1), 64 bytes. */
  sign(message: Uint8Array): Buffer {
    if (this.#key === null) throw new TokenFault('no key was found yet', false)
    this.#pkcs11.C_SignInit(this.#session, { mechanism: mechanism.EDDSA }, this.#key)
    return this.#pkcs11.C_Sign(this.#session, Buffer.from(message), Buffer.alloc(signatureBytes))
  }

  #one(kind: number, { label, id }: TokenUri): Handle | null {
    const template: Template = [
      { type: attribute.CLASS, value: kind },
      { type: attribute.KEY_TYPE, value: CKK_EC_EDWARDS },
      ...(label === undefined ? [] : [{ type: attribute.LABEL, value: label }]),
      ...(id === undefined ? [] : [{ type: attribute.ID, value: Buffer.from(id) }]),
    ]
    this.#pkcs11.C_FindObjectsInit(this.#session, template)
    const found = this.#pkcs11.C_FindObjects(this.#session, 2)
    this.#pkcs11.C_FindObjectsFinal(this.#session)
    if (found.length > 1) throw new TokenFault('several keys fit the URI: name their id', false)
    return found[0] ?? null
  }
}

/** Fields of CK_TOKEN_INFO are filled up with blanks. */
function padded(value: string): string {
  return value.replace(/[ \0]+$/, '')
}

/** CKA_EC_POINT is the DER of an octet string, in modules of the older drafts the bytes themselves. */
function rawPoint(point: Buffer): Buffer {
  if (point.length === publicKeyBytes) return point
  if (point.length === publicKeyBytes + 2 && point[0] === 4 && point[1] === publicKeyBytes) return point.subarray(2)
  throw new TokenFault('the public key in the token is no Ed25519 point', false)
}
