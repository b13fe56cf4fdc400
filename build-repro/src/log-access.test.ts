import { merkleRoot, parsePolicy, toBase64, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import { checkExtends, ForkFound, type Log, newestTree, openLog } from './log-access.ts'
import type { Fetch } from './machine.ts'
import { testMachine } from './testing.ts'
import { testLog } from './testing-log.ts'

const entries = (count: number, tag = '') => Array.from({ length: count }, (_, at) => utf8(`entry ${at} ${tag}`))
const rootOf = (leaves: Uint8Array[]) => toBase64(merkleRoot(nodeCrypto, nodeCrypto.leafHashes(leaves)))
const at = (leaves: Uint8Array[], size: number) => ({ size, root: rootOf(leaves.slice(0, size)) })

function open(policyText: string, fetch: Fetch): Log {
  const policy = parsePolicy(nodeCrypto, policyText)
  return openLog({ machine: testMachine({ fetch }).machine, policy, signal: new AbortController().signal })
}

describe('the newest tree of a log', () => {
  it.each([0, 1, 2, 255, 256, 257, 600])('is read at size %d', async (size) => {
    const served = testLog('example.com/log', entries(size))
    const tree = await newestTree(open(served.policyText, served.fetch))
    expect(tree.size).toBe(size)
    expect(toBase64(tree.signed.checkpoint.root)).toBe(rootOf(served.entries))
    expect(tree.quorum).toMatchObject({ logOk: true, satisfied: true })
  })

  it('comes after a while from a log that is down at first', async () => {
    const served = testLog('example.com/log', entries(3))
    let calls = 0
    const flaky: Fetch = (url, init) =>
      ++calls < 4 ? Promise.reject(new TypeError('refused')) : served.fetch(url, init)
    const log = open(served.policyText, flaky)
    expect((await log.patiently(() => newestTree(log))).size).toBe(3)
  })

  it.each<[string, Fetch]>([
    ['nothing', () => Promise.reject(new TypeError('connection refused'))],
    ['HTML', async () => new Response('<html>Welcome</html>', { headers: { 'content-type': 'text/html' } })],
    ['404', async () => new Response('', { status: 404 })],
    ['500', async () => new Response('', { status: 500 })],
    ['an empty answer', async () => new Response('')],
    ['bytes that are no text', async () => new Response(Uint8Array.of(0xff, 0xfe, 0))],
    ['a redirect to http', async () => new Response('', { status: 302, headers: { location: 'http://example.com/' } })],
    ['too much', async () => new Response('x'.repeat(1 << 20))],
  ])('ends as undecided where the log answers with %s', async (_, fetch) => {
    const log = open(testLog().policyText, fetch)
    await expect(log.patiently(() => newestTree(log))).rejects.toMatchObject({ code: 'TRANSPORT', exitCode: 20 })
  })

  it.each<[string, ReturnType<typeof testLog>]>([
    ['signed by another key', testLog('example.com/log', entries(3))],
    ['of another log', testLog('example.com/other', entries(3))],
  ])('is refused when it is %s', async (_, shown) => {
    const log = open(testLog('example.com/log').policyText, shown.fetch)
    await expect(log.patiently(() => newestTree(log))).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      exitCode: 10,
    })
  })

  it.each(['', 'not a url'])('is never asked for at the URL "%s"', (url) => {
    const text = testLog().policyText.replace('https://log.example.com', url.replaceAll(' ', '-'))
    expect(() => open(text, fetch)).toThrow(expect.objectContaining({ code: 'TRUST_INVALID' }))
  })
})

describe('a tree against the ones known before', () => {
  it('passes where it extends them all', async () => {
    const served = testLog('example.com/log', entries(600))
    const tree = await newestTree(open(served.policyText, served.fetch))
    await checkExtends(
      tree,
      [1, 2, 3, 255, 256, 257, 599, 600].map((size) => at(served.entries, size)),
    )
  })

  it.each([1, 2, 3, 256, 257, 600])('is a fork where the one of size %d was another', async (size) => {
    const served = testLog('example.com/log', entries(600))
    const tree = await newestTree(open(served.policyText, served.fetch))
    const other = at(entries(600, 'other'), size)
    await expect(checkExtends(tree, [at(served.entries, 5), other])).rejects.toBeInstanceOf(ForkFound)
  })

  it('is no fork, only behind, where it is smaller', async () => {
    const served = testLog('example.com/log', entries(3))
    const tree = await newestTree(open(served.policyText, served.fetch))
    await expect(checkExtends(tree, [at(entries(9), 9)])).rejects.toMatchObject({ name: 'Retryable' })
  })

  it('is no fork where the log serves tiles that are not its own', async () => {
    const served = testLog('example.com/log', entries(600))
    const lying = testLog('example.com/log', entries(600, 'other'))
    const fetch: Fetch = (url, init) => (url.endsWith('/checkpoint') ? served.fetch(url, init) : lying.fetch(url, init))
    const log = open(served.policyText, fetch)
    const tree = await newestTree(log)
    await expect(log.patiently(() => checkExtends(tree, [at(served.entries, 5)]))).rejects.toMatchObject({
      code: 'TRANSPORT',
    })
  })
})
