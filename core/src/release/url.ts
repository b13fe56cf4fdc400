/** URLs that files name as places to ask: mirrors and feeds. */
import { platform } from '../platform.ts'
import { type Read, ShapeError, text } from './shape.ts'

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * An https base URL without user, query and fragment, kept verbatim. Plain http is accepted for this machine only.
 * What is fetched there is verified all the same: https keeps what is asked private.
 */
export const httpsUrl: Read<string> = (value, at) => {
  const written = text(2048)(value, at)
  if (!/^[a-z]+:\/\/[!-~]+$/.test(written) || !platform.URL.canParse(written)) {
    throw new ShapeError(at, 'not an absolute URL')
  }
  const { protocol, hostname, username, password, search, hash } = new platform.URL(written)
  const secure = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
  if (!secure) throw new ShapeError(at, 'not an https URL')
  if (username !== '' || password !== '' || search !== '' || hash !== '' || /[?#\\]/.test(written)) {
    throw new ShapeError(at, 'a base URL has no user, query or fragment')
  }
  return written
}
