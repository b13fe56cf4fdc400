/** The network as this machine is set up for it: proxies of the environment, and the authorities that the system trusts. */
import type { Fetch } from '@samebits/updater'

export interface Network {
  readonly fetch: Fetch
  /** Authorities to trust besides, PEM; before the first request. */
  trustAuthorities(pem: string): void
}

/**
 * A network that goes through the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, and accepts what Node, the operating system
 * and `trustAuthorities` trust. It is set up on the first request: most commands make none.
 */
export function createNetwork(env: NodeJS.ProcessEnv): Network {
  let proxies: Promise<void> | null = null
  let authorities: Promise<void> | null = null
  const own: string[] = []
  return {
    trustAuthorities: (pem) => void own.push(pem),
    async fetch(url, init) {
      proxies ??= useProxies(env)
      if (url.startsWith('https:') || own.length > 0) authorities ??= trustSystem(own)
      await Promise.all([proxies, authorities])
      return await fetch(url, init)
    },
  }
}

async function useProxies(env: NodeJS.ProcessEnv): Promise<void> {
  const { setGlobalProxyFromEnv } = await import('node:http')
  setGlobalProxyFromEnv(env)
}

async function trustSystem(own: readonly string[]): Promise<void> {
  const { getCACertificates, setDefaultCACertificates } = await import('node:tls')
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...own])])
}
