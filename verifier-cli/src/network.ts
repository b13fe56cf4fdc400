/** The network as this machine is set up for it: proxies of the environment, and the authorities that the system trusts. */
import type { Fetch } from '@samebits/updater'

/**
 * A fetch that goes through the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, and accepts what Node and the operating system
 * trust. It is set up on the first request: most commands make none.
 */
export function networkFetch(env: NodeJS.ProcessEnv): Fetch {
  let proxies: Promise<void> | null = null
  let authorities: Promise<void> | null = null
  return async (url, init) => {
    proxies ??= useProxies(env)
    if (url.startsWith('https:')) authorities ??= trustSystem()
    await Promise.all([proxies, authorities])
    return await fetch(url, init)
  }
}

async function useProxies(env: NodeJS.ProcessEnv): Promise<void> {
  const { setGlobalProxyFromEnv } = await import('node:http')
  setGlobalProxyFromEnv(env)
}

async function trustSystem(): Promise<void> {
  const { getCACertificates, setDefaultCACertificates } = await import('node:tls')
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...getCACertificates('system')])])
}
