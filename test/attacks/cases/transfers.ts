/** DIGEST_MISMATCH, SIZE_EXCEEDED and TRANSPORT: what happens to bytes on their way. */
import { mkdir, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { formatUpdateBundle, utf8 } from '@samebits/core'
import { serve } from '../../../updater/test-support/loopback.ts'
import { cosigners } from '../../support/world-scene.ts'
import { artifact, artifactBytes } from '../../support/world-statements.ts'
import { ends, type Group, not, type Row, refusing } from '../case.ts'
import { type Outcome, runCommandLine, runLibrary } from '../programs.ts'
import { notes, type Stage } from '../stage.ts'
import { firstIndices } from '../tools.ts'
import { type Hostile, sendBytes } from '../web.ts'

const good = artifactBytes('1.2.0')
const evil = utf8(new TextDecoder().decode(good).replace('n', 'N'))

/** The second release is out, its artifact answered by these bytes. */
function artifactAs(bytes: Uint8Array): Row['arrange'] {
  return async (stage) => {
    const { last } = await stage.usual()
    stage.put(`${last.id}/notes`, bytes)
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** What `matches` is answered by something hostile, counted anew in each run. */
function answering(matches: (path: string) => boolean, answer: Answer): () => Hostile {
  return () => {
    let count = 0
    return (request, response) => {
      if (!matches(request.url ?? '')) return false
      count += 1
      answer(request, response, count)
      return true
    }
  }
}

const isArtifact = (path: string) => path.endsWith('/notes')
const isFeed = (path: string) => path.endsWith('.samebits.json')
const isTile = (path: string) => /^\/log\/tile\/\d/.test(path)
const isLog = (path: string) => path.startsWith('/log/')
const isAnything = () => true

/** The second release is out, and somebody answers in between. */
function between(matches: (path: string) => boolean, answer: Answer): Row['arrange'] {
  return async (stage) => {
    await stage.usual()
    stage.hostile = answering(matches, answer)
  }
}

/** The same, and the bundle brings no proof from the stored tree: the log must. */
function withoutProof(matches: (path: string) => boolean, answer: Answer): Row['arrange'] {
  return async (stage) => {
    await stage.usual()
    stage.offer = stage.bundle({ from: [] })
    stage.hostile = answering(matches, answer)
  }
}

/** The first half, then silence for ever; what is asked for afterwards comes from elsewhere, under the same entity tag. */
const halfThen =
  (rest: Uint8Array): Answer =>
  (request, response, count) => {
    const etag = '"one"'
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (count === 1) {
      response.writeHead(200, { 'content-length': good.length, etag })
      response.write(good.subarray(0, 8), () => setTimeout(() => response.destroy(), 20))
    } else if (from > 0) {
      const range = `bytes ${from}-${good.length - 1}/${good.length}`
      response.writeHead(206, { 'content-range': range, etag }).end(rest.subarray(from))
    } else response.writeHead(200, { 'content-length': rest.length, etag }).end(rest)
  }

/** A piece of an earlier download, as if it had been interrupted. */
async function plantPart(stage: Stage, bytes: Uint8Array): Promise<void> {
  const staged = join(stage.home, 'app', '.samebits', 'staged')
  const { sha256 } = artifact('1.2.0')
  const url = `${stage.feed}/${stage.scene.last.id}/notes`
  const etag = `"${sha256}"`
  await mkdir(staged, { recursive: true, mode: 0o700 })
  await writeFile(join(staged, `${sha256}.part`), bytes)
  await writeFile(join(staged, `${sha256}.part.json`), JSON.stringify({ url, validator: etag }))
}

const part = () => {
  const { size, sha256 } = artifact('1.2.0', 'any')
  return notes('1.2.0', { name: 'notes.pak', platform: 'any', partOf: 'notes', size, sha256 })
}

const digest = refusing('DIGEST_MISMATCH', [
  ['one altered byte', artifactAs(evil)],
  ['another file altogether of that length', artifactAs(new Uint8Array(good.length))],
  ['truncated', artifactAs(good.subarray(0, -1))],
  ['empty', artifactAs(new Uint8Array())],
  ['appended', artifactAs(utf8(`${new TextDecoder().decode(good)}!`)), { result: 'SIZE_EXCEEDED' }],
  [
    'a file changed between two ranges of a resumed download',
    between(isArtifact, halfThen(evil.map((byte, at) => (at > 7 ? byte ^ 1 : byte)))),
  ],
  [
    'a compressed answer that expands to something else',
    between(isArtifact, (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(evil))
    }),
  ],
  [
    'an altered part of the installer',
    async (stage) => {
      const scene = await stage.installed()
      const { id } = scene.publish({ artifacts: [notes('1.2.0'), part()] })
      stage.put(`${id}/notes.pak`, new Uint8Array(part().size))
    },
  ],
  [
    'an altered file beside the bundle, offline',
    async (stage) => {
      await stage.usual()
      stage.goOffline()
    },
    {
      during: async (_stage, home) => {
        await writeFile(join(home, 'hand', 'notes'), evil)
        return () => undefined
      },
    },
  ],
  not('an interrupted download that goes on honestly', between(isArtifact, halfThen(good))),
  not('a wrong partial file planted before a resume: fetched once more from its start', async (stage) => {
    await stage.usual()
    await plantPart(stage, new Uint8Array(8))
  }),
  not('a part of the installer that is named: it is installed too', async (stage) => {
    const scene = await stage.installed()
    scene.publish({ artifacts: [notes('1.2.0'), part()] })
  }),
  not(
    'a second payload file that the statement does not name: never asked for',
    async (stage) => {
      const { last } = await stage.usual()
      stage.put(`${last.id}/notes.dll`, evil)
      stage.hostile = answering(
        (path) => path.endsWith('.dll'),
        () => {
          throw new Error('the client asks for it')
        },
      )
    },
    {
      async after(stage) {
        if (stage.web.requests.some(({ path }) => path.endsWith('.dll'))) throw new Error('it was asked for')
      },
    },
  ),
])

const endless: Answer = (_, response) => {
  response.writeHead(200)
  const timer = setInterval(() => response.write(Buffer.alloc(65_536, 0x7b)), 1)
  response.on('close', () => clearInterval(timer))
}

const size = refusing('SIZE_EXCEEDED', [
  ['a body past the signed length', artifactAs(new Uint8Array(good.length + 1))],
  ['a body chunked without end', between(isArtifact, endless)],
  [
    'a length that lies',
    between(isArtifact, (_, response) => {
      response.writeHead(200, { 'content-length': 1_000_000_000 })
      response.write(good)
    }),
  ],
  [
    'a bundle past its cap',
    async (stage) => {
      await stage.usual()
      stage.offer = new Uint8Array(4 * 1024 * 1024 + 1).fill(0x7b)
    },
  ],
  ['a bundle without end', between(isFeed, endless)],
  [
    'a bundle with more than 256 entries',
    async (stage) => {
      const { log } = await stage.usual()
      log.pad(300)
      const { views } = stage.bundle({ indices: Array.from({ length: 250 }, (_, at) => at), from: [] })
      const second = log.view({ witnesses: cosigners, indices: Array.from({ length: 10 }, (_, at) => at) })
      const [a, b] = [formatUpdateBundle({ views, trust: [] }), formatUpdateBundle({ views: [second], trust: [] })].map(
        (bytes) => new TextDecoder().decode(bytes),
      )
      const inner = /"views":\[(.*)\]\}$/s.exec(b ?? '')?.[1] ?? ''
      stage.offer = utf8((a ?? '').replace(/\]\}$/, `,${inner}]}`))
    },
  ],
])

const page = '<html><body>Please log in to the network</body></html>'

const transport = refusing('TRANSPORT', [
  [
    'an empty but successful feed answer, where a newer release is known',
    async (stage) => {
      await stage.usual()
      stage.offer = new Uint8Array()
    },
  ],
  [
    'an empty but successful feed answer, in offered mode',
    async (stage) => {
      await stage.installed({ history: { mode: 'offered', expires: '2030-01-01' } })
      stage.offer = new Uint8Array()
    },
  ],
  [
    'no bundle at all, in offered mode',
    async (stage) => {
      await stage.installed({ history: { mode: 'offered', expires: '2030-01-01' } })
      stage.offer = null
    },
  ],
  [
    'no bundle at all, where a newer release is known',
    async (stage) => {
      await stage.usual()
      stage.offer = null
    },
  ],
  [
    'a redirect loop on the artifact',
    between(isArtifact, (request, response) => {
      response.writeHead(302, { location: request.url ?? '' }).end()
    }),
  ],
  [
    'a redirect loop on everything',
    between(isAnything, (request, response) => {
      response.writeHead(302, { location: request.url ?? '' }).end()
    }),
  ],
  [
    'a redirect to http on another machine',
    between(isArtifact, (_, response) => {
      response.writeHead(302, { location: 'http://updates.example.com/notes' }).end()
    }),
  ],
  [
    'a redirect to a file',
    between(isArtifact, (_, response) => {
      response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    }),
  ],
  [
    'a redirect that carries a password',
    between(isArtifact, (_, response) => {
      response.writeHead(302, { location: 'https://user:secret@updates.example.com/notes' }).end()
    }),
  ],
  ['an artifact that the feed does not have', between(isArtifact, (_, response) => void response.writeHead(404).end())],
  [
    'a connection that is cut in the artifact, every time',
    between(isArtifact, (_, response) => {
      response.writeHead(200, { 'content-length': good.length })
      response.write(good.subarray(0, 3), () => response.destroy())
    }),
  ],
  [
    'silence past the idle timeout',
    impatient(between(isArtifact, (_, response) => void response.writeHead(200).flushHeaders())),
  ],
  ['a slow drip past the total timeout', impatient(withoutProof(isTile, drip))],
  ['a proof answered by 500', withoutProof(isTile, (_, response) => void response.writeHead(500).end())],
  ['a proof answered by 407', withoutProof(isTile, (_, response) => void response.writeHead(407).end())],
  ['a proof answered by HTML', withoutProof(isTile, (_, response) => void response.end(page))],
  ['a corrupt tile: never a fork', withoutProof(isTile, (_, response) => void response.end(new Uint8Array(32 * 9)))],
  [
    'a captive portal',
    between(isAnything, (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(page)),
  ],
  [
    'a captive portal that redirects',
    between(isAnything, (request, response) => {
      if (request.url === '/login') response.end(page)
      else response.writeHead(302, { location: '/login' }).end()
    }),
  ],
  ['a proxy that wants a password', between(isAnything, (_, response) => void response.writeHead(407).end())],
  ['everything answered by 500', between(isAnything, (_, response) => void response.writeHead(500).end('no'))],
  ['nobody there', between(isAnything, (_, response) => void response.destroy())],
  [
    'TLS that fails',
    async (stage) => {
      await stage.usual()
      stage.feeds = [stage.feed.replace('http:', 'https:')]
    },
  ],
  [
    'offline without a bundle',
    async (stage) => {
      await stage.usual()
      stage.goOffline()
      stage.offer = null
    },
  ],
  ends(
    'PROOF_MISSING',
    'a proof answered by 404',
    withoutProof(isTile, (_, response) => void response.writeHead(404).end()),
  ),
  ends('current', 'not: an empty feed in complete mode, where nothing newer is known', async (stage) => {
    await stage.installed()
    stage.offer = null
  }),
  not('the log away, where the bundle is enough and a mirror answers', async (stage) => {
    const mirrors = [`${stage.web.url}/mirror/`]
    const scene = await stage.usual({ over: { mirrors } })
    stage.web.show('mirror', scene.log, scene.log.checkpoint({ witnesses: cosigners }))
    stage.hostile = answering(isLog, (_, response) => void response.writeHead(404).end())
  }),
  not('a corrupt tile, where a mirror has the right one', async (stage) => {
    const mirrors = [`${stage.web.url}/mirror/`]
    const scene = await stage.usual({ over: { mirrors } })
    stage.web.show('mirror', scene.log, scene.log.checkpoint({ witnesses: cosigners }))
    stage.offer = stage.bundle({ from: [] })
    stage.hostile = answering(isTile, (_, response) => void response.end(new Uint8Array(32 * 9)))
  }),
  not('one feed of two that is a captive portal', async (stage) => {
    await stage.usual()
    stage.feeds = [`${stage.web.url}/portal`, stage.feed]
    stage.hostile = answering(
      (path) => path.startsWith('/portal'),
      (_, response) => void response.end(page),
    )
  }),
  not('one feed of two that goes on offering the release before', async (stage) => {
    const scene = await stage.usual()
    const old = formatUpdateBundle(stage.bundle({ indices: firstIndices(scene) }))
    stage.web.files.set('old/stable.samebits.json', old)
    stage.feeds = [`${stage.web.url}/old`, stage.feed]
  }),
  not(
    'an artifact answered by 503 once',
    between(isArtifact, (request, response, count) => {
      if (count === 1) response.writeHead(503).end()
      else sendBytes(request, response, good)
    }),
  ),
  not('credentials are not sent across origins', async (stage) => void (await stage.usual()), {
    acts: (stage, home) =>
      strangerSeesNothing(stage, () =>
        runLibrary(stage, home, { feedHeaders: { authorization: 'Bearer secret', cookie: 'a=b' } }),
      ),
    runs: (program, stage, home) =>
      strangerSeesNothing(stage, async () => {
        await writeFile(join(home, 'headers'), 'authorization: Bearer secret\ncookie: a=b\n')
        return await runCommandLine(program, stage, home, ['--feed-headers', 'headers'])
      }),
  }),
])

/** The command line is told not to wait as long as for people. */
function impatient(arrange: Row['arrange']): Row['arrange'] {
  return async (stage) => {
    await arrange(stage)
    stage.ask = { ...stage.ask, patience: ['--idle-timeout', '1s', '--answer-timeout', '2s', '--tries', '1'] }
  }
}

function drip(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write('x'), 200)
  response.on('close', () => clearInterval(timer))
}

/** The feed redirects to another origin, which must not see what the application sends to the feed. */
async function strangerSeesNothing(stage: Stage, run: () => Promise<Outcome>): Promise<Outcome> {
  const stranger = await serve((_, response) => void response.end(good))
  try {
    stage.hostile = answering(
      isArtifact,
      (_, response) => void response.writeHead(302, { location: `${stranger.url}/notes` }).end(),
    )
    const outcome = await run()
    const [seen] = stranger.requests
    if (seen === undefined) throw new Error('the redirect was not followed')
    if (seen.headers['authorization'] !== undefined || seen.headers['cookie'] !== undefined)
      throw new Error('credentials were sent')
    return outcome
  } finally {
    await stranger.close()
  }
}

export const transfers: readonly Group[] = [digest, size, transport]
