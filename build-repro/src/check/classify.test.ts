import { describe, expect, it } from 'vitest'
import { plainConditions } from '../build/conditions.ts'
import { classifyText } from './classify.ts'
import type { Kind } from './difference.ts'
import type { Side } from './side.ts'
import { variationNames, vary } from './variations.ts'

const plain = { ...plainConditions, clockAhead: 0 }
const world = { processors: 2, searchPath: '/usr/bin:/bin', locale: 'et_EE.UTF-8' }
// 2026-11-28 00:15:30 UTC; the other clock shows 2028-01-02 05:22:41 UTC, 18:07:41 local time.
const first: Side = { conditions: plain, startedAt: 1_795_824_930, finishedAt: 1_795_824_933 }
const second: Side = { ...first, conditions: vary(plain, new Set(variationNames), world) }

describe('what a pair of lines differs in', () => {
  it.each<[Kind, string, string]>([
    ['timestamp', 'Sat Nov 28 00:15:30 UTC 2026', 'Sun Jan  2 18:07:41 +1245 2028'],
    ['timestamp', 'built 2026-11-28T00:15:31Z', 'built 2028-01-02T05:22:43Z'],
    ['timestamp', 'Copyright (C) 2026 me', 'Copyright (C) 2028 me'],
    ['timestamp', 'time=1795824931', 'time=1830403363'],
    ['timestamp', 'time=1795824931', 'time=1795824932'],
    ['timestamp', '"at": 1795824931512', '"at": 1830403363007'],
    ['timestamp', 'app-20261128.tar', 'app-20280102.tar'],
    ['content', 'time=1234567890', 'time=1234567899'],
    ['content', 'version 2026', 'version 2029'],
    ['content', 'Copyright 1999', 'Copyright 2028'],
    ['timezone', 'Thu, 04 Mar 2021 05:06:07 +0000', 'Thu, 04 Mar 2021 17:51:07 +1245'],
    ['timezone', '2021-03-04 05:06', '2021-03-04 17:51'],
    ['path', '/build/source/main.c', '/srv/elsewhere/below/another-tree/main.c'],
    ['path', 'cache=/build-home/.cache', 'cache=/var/lib/another-home/.cache'],
    [
      'path',
      '-I/build/source/a -I/build/source/b',
      '-I/srv/elsewhere/below/another-tree/a -I/srv/elsewhere/below/another-tree/b',
    ],
    ['hostname', 'built on samebits', 'built on another-machine'],
    ['user', 'builder@example', 'somebody@example'],
    ['user', 'uid=1000 gid=1000', 'uid=12345 gid=54321'],
    ['order', 'b c a', 'a b c'],
    ['order', 'x,y', 'y,x'],
    ['environment', 'PATH=/usr/bin:/bin', 'PATH=/bin:/usr/bin:/nowhere/at/all'],
    ['random', 'id 6f1ed002ab5595859014ebf0951522d9', 'id d41d8cd98f00b204e9800998ecf8427e'],
    ['random', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '16fd2706-8baf-433b-82eb-8c7fada847da'],
    ['content', 'yes', 'no'],
    ['content', 'a b', 'a c'],
  ])('%s: %j and %j', (kind, a, b) => {
    expect(classifyText(a, b, first, second)).toBe(kind)
  })

  it.each<[Kind, string, string]>([
    // 2026-11-28 00:15 UTC is 13:00 in the other zone; some minutes have passed.
    ['timezone', 'at 00:15', 'at 13:02'],
    ['timestamp', 'at 00:15', 'at 00:17'],
    ['timezone', 'Sat Nov 28 00:15:30 UTC 2026', 'Sat Nov 28 13:02:07 +1245 2026'],
    ['timestamp', '2026-11-28T00:15:31Z', '2026-11-28T00:17:02Z'],
  ])('%s where only the zone is another, a little later: %j and %j', (kind, a, b) => {
    const startedAt = first.startedAt + 90
    const later: Side = { conditions: vary(plain, new Set(['timezone']), world), startedAt, finishedAt: startedAt + 30 }
    expect(classifyText(a, b, first, later)).toBe(kind)
  })

  it('timezone where it is another day there', () => {
    // 2026-11-28 12:00 UTC is 2026-11-29 00:45 in the other zone.
    const noon: Side = { conditions: plain, startedAt: 1_795_867_200, finishedAt: 1_795_867_203 }
    const there: Side = { ...noon, conditions: vary(plain, new Set(['timezone']), world) }
    expect(classifyText('built 20261128', 'built 20261129', noon, there)).toBe('timezone')
  })
})
