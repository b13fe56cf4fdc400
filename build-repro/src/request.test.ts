import { describe, expect, it } from 'vitest'
import { artifactsOf, mediaTypeOf } from './request.ts'

const sha256 = 'ab'.repeat(32)
const files = (...names: string[]) => names.map((name) => ({ name, path: `/tmp/${name}`, size: 3, sha256 }))
const none = { platforms: [], mediaTypes: [], parts: [] }

describe('the artifacts of a release', () => {
  it.each([
    ['one file, nothing said', files('a.tgz'), none, [['any', 'application/gzip']]],
    [
      'one platform for all',
      files('a.tgz', 'b.zip'),
      { ...none, platforms: ['linux-x64'] },
      [
        ['linux-x64', 'application/gzip'],
        ['linux-x64', 'application/zip'],
      ],
    ],
    [
      'one platform each',
      files('a.tgz', 'b.tgz'),
      { ...none, platforms: ['linux-x64', 'darwin-arm64'] },
      [
        ['linux-x64', 'application/gzip'],
        ['darwin-arm64', 'application/gzip'],
      ],
    ],
    [
      'one media type each',
      files('a', 'b'),
      { ...none, mediaTypes: ['a/b', 'c/d'] },
      [
        ['any', 'a/b'],
        ['any', 'c/d'],
      ],
    ],
  ])('are named by %s', (_, measured, options, expected) => {
    expect(artifactsOf(measured, options).map(({ platform, mediaType }) => [platform, mediaType])).toEqual(expected)
  })

  it('let parts look like their installer', () => {
    const artifacts = artifactsOf(files('setup.exe', 'core.exe'), { ...none, parts: ['core.exe=setup.exe'] })
    expect(artifacts.map(({ partOf }) => partOf)).toEqual([undefined, 'setup.exe'])
  })

  it.each([
    ['two files of one platform and type', files('a.tgz', 'b.tgz'), none],
    ['one name twice', files('a.tgz', 'a.tgz'), none],
    ['names that differ by case alone', files('a.tgz', 'A.TGZ'), { ...none, platforms: ['linux-x64', 'linux-arm64'] }],
    ['too few platforms', files('a', 'b', 'c'), { ...none, platforms: ['linux-x64', 'linux-arm64'] }],
    ['too many platforms', files('a'), { ...none, platforms: ['linux-x64', 'linux-arm64'] }],
    ['a platform that is none', files('a'), { ...none, platforms: ['Linux x64'] }],
    ['a media type that is none', files('a'), { ...none, mediaTypes: ['text'] }],
    ['a media type with a parameter', files('a'), { ...none, mediaTypes: ['text/plain; charset=utf-8'] }],
    ['a hidden file', files('.a'), none],
    ['a name with a space', files('a b'), none],
    ['a name with a backtick', files('a`b'), none],
    ['a name with a percent sign', files('%PATH%'), none],
    ['a name of 129 bytes', files('a'.repeat(129)), none],
    ['a name that Windows opens as a device', files('con.exe'), none],
    ['a part of nothing', files('a'), { ...none, parts: ['a'] }],
    ['a part of a file that is not there', files('a'), { ...none, parts: ['a=b'] }],
    ['a part of a part', files('a', 'b', 'c'), { ...none, parts: ['a=b', 'b=c'] }],
    ['a part of itself', files('a'), { ...none, parts: ['a=a'] }],
  ])('are refused for %s', (_, measured, options) => {
    expect(() => artifactsOf(measured, options)).toThrow(expect.objectContaining({ code: 'USAGE', exitCode: 64 }))
  })
})

it.each([
  ['notes-1.0.0-linux-x64.tar.gz', 'application/gzip'],
  ['Notes.AppImage', 'application/vnd.appimage'],
  ['notes', 'application/octet-stream'],
])('%s is %s', (name, type) => {
  expect(mediaTypeOf(name)).toBe(type)
})
