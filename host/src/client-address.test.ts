import { describe, expect, it } from 'vitest'
import { clientGroup, clientOf } from './client-address.ts'

describe('the client behind an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s is %s', (address, client) => {
    expect(clientGroup(address)).toBe(client)
  })
})

describe('the client behind proxies', () => {
  it.each<[string, number, string | string[] | undefined, string]>([
    ['is who connects, where there is none', 0, undefined, '10.0.0.1'],
    ['is who connects, whatever it claims, where there is none', 0, '192.0.2.1', '10.0.0.1'],
    ['is whom the proxy saw', 1, '192.0.2.1', '192.0.2.1'],
    ['is whom the proxy saw, whatever that one claimed', 1, '198.51.100.9, 192.0.2.1', '192.0.2.1'],
    ['is whom the first of two saw', 2, '198.51.100.9, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['is told in several lines', 2, ['198.51.100.9, 192.0.2.1', '10.0.0.2'], '192.0.2.1'],
    ['is the farthest that is told, where there are fewer proxies', 3, '192.0.2.1', '192.0.2.1'],
    ['is who connects, where the proxy tells nothing', 1, undefined, '10.0.0.1'],
    ['is who connects, where what is told is no address', 1, 'unknown', '10.0.0.1'],
    ['is a /64 of IPv6', 1, '2001:db8:1:2::9', '2001:db8:1:2'],
  ])('%s', (_what, proxies, forwarded, client) => {
    const headers = { 'x-forwarded-for': forwarded }
    expect(clientOf({ socket: { remoteAddress: '::ffff:10.0.0.1' }, headers }, proxies)).toBe(client)
  })
})
