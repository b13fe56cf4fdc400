/** Keys that are in a token: whether it is there, lets itself be logged in to, and signs under the key that this log is known by. */
import { nodeCrypto } from '@samebits/core/node'
import { type DistantKey, isDistant, KeyRefusedError, KeyUnavailableError, type LogKey } from '../signer.ts'
import { type Finding, fail, ok } from './finding.ts'

const check = 'token'

export function checkTokens(keys: readonly LogKey[]): Promise<Finding[]> {
  return Promise.all(keys.filter(isDistant).map(checkToken))
}

/** Signs what is no checkpoint of any log. */
async function checkToken(key: DistantKey): Promise<Finding> {
  const message = Buffer.from('samebits-log doctor')
  try {
    const signature = await key.sign(message)
    if (nodeCrypto.verify(key, message, signature)) return ok(check, 'the token signs under the key of this log')
    return fail(check, 'the token signs, and not under the key of this log', 'See that --pkcs11 names the right key.')
  } catch (error) {
    if (error instanceof KeyUnavailableError)
      return fail(check, error.message, 'The log only reads until the token is back: see that it is there.')
    if (error instanceof KeyRefusedError)
      return fail(
        check,
        error.message,
        'See that PIN, token and key are right; --try-pin logs in once where it counts a wrong PIN.',
      )
    throw error
  }
}
