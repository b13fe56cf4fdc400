import { formatVkey } from '@samebits/core'
import { describe, expect, it } from 'vitest'
import { parseConfig } from './config-format.ts'
import { resolveConfig } from './monitor-config.ts'

const key = (type: number) =>
  formatVkey({ name: 'pixel_transparency_log', keyId: 0x72c87cdb, type, publicKey: new Uint8Array(91).fill(1) })
const resolved = async (config: object) =>
  resolveConfig(parseConfig(JSON.stringify({ format: 1, ...config }), 'monitor.json'), 'monitor.json')

describe('a configuration', () => {
  it('with a log whose signatures cannot be verified here is refused', async () => {
    await expect(resolved({ logs: [{ keys: [key(2)], url: 'https://example.com/pixel' }] })).rejects.toThrow(
      'monitor.json: the key pixel_transparency_log of pixel_transparency_log is of type 0x02: only Ed25519 (0x01) and ML-DSA-44 (0x06) can be verified',
    )
  })

  it.each([-1, 17, 1.5, '1'])('with %j proxies in front is refused', async (trustedProxies) => {
    await expect(resolved({ logs: [], listen: { port: 0, trustedProxies } })).rejects.toThrow('listen.trustedProxies')
  })
})
