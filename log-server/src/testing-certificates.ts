/** Certificates for tests, made by openssl: an authority, and pairs of its for this machine. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const hasOpenssl = spawnSync('openssl', ['version']).error === undefined

export class TestAuthority {
  readonly #folder: string
  /** Its own certificate, PEM. */
  readonly pem: string

  constructor(folder: string) {
    this.#folder = folder
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key']
    this.#openssl('req', '-x509', ...key, '-out', 'ca.crt', '-subj', '/CN=test authority', '-days', '2')
    this.pem = readFileSync(join(folder, 'ca.crt'), 'utf8')
  }

  /** `NAME.crt` and `NAME.key`, the key for its owner alone, for 127.0.0.1 and `name`. */
  issue(name: string, days = 30): { readonly cert: string; readonly key: string } {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`]
    const names = ['-addext', `subjectAltName=IP:127.0.0.1,DNS:${name}`]
    const from = ['-CA', 'ca.crt', '-CAkey', 'ca.key']
    this.#openssl(
      'req',
      '-x509',
      ...key,
      ...from,
      '-out',
      `${name}.crt`,
      '-subj',
      `/CN=${name}`,
      ...names,
      '-days',
      `${days}`,
    )
    return { cert: join(this.#folder, `${name}.crt`), key: join(this.#folder, `${name}.key`) }
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: 'pipe' })
  }
}
