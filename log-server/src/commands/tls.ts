/** The options of TLS, as the files that they name. */
import { ProgramError } from '@samebits/host'
import type { LogServerOptions } from '../options.ts'
import { TlsFiles } from '../tls-files.ts'
import { type CommandIo, credentialsFolder } from './io.ts'

/** Null for plain HTTP. @throws ProgramError CONFIG_INVALID, KEY_FILE, TLS_FILES */
export async function openTls(io: CommandIo, { tlsCert, tlsKey }: LogServerOptions): Promise<TlsFiles | null> {
  if (tlsCert === '' && tlsKey === '') return null
  if (tlsCert === '' || tlsKey === '')
    throw new ProgramError({
      code: 'CONFIG_INVALID',
      detail: `${tlsCert === '' ? '--tls-key' : '--tls-cert'} stands alone`,
      remedy: 'Name both files, or neither for plain HTTP.',
    })
  return TlsFiles.open({ cert: tlsCert, key: tlsKey, credentials: credentialsFolder(io) })
}
