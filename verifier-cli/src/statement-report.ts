/** What a statement says, as labelled lines. */
import type { Artifact, Statement } from '@samebits/core'
import { utc } from './screen.ts'

type Row = readonly [label: string, text: string]

export function statementRows(statement: Statement): Row[] {
  const product: Row = ['product', statement.product]
  switch (statement.kind) {
    case 'release':
      return [
        product,
        ['release', `${statement.version}, ${statement.channel} ${statement.sequence}`],
        ['previous', statement.previous ?? 'none'],
        ...statement.artifacts.map(artifactRow),
        ...statement.builds.map(
          ({ artifacts, source, sourceDateEpoch }): Row => [
            'build',
            `${artifacts.join(', ')} from ${source.uri} at ${source.gitCommit}, epoch ${utc(sourceDateEpoch)}`,
          ],
        ),
        ...(statement.notes === undefined ? [] : [['notes', statement.notes] as const]),
      ]
    case 'rebuild':
      return [
        product,
        ['builder', statement.builder.id],
        ['source', statement.source.uri],
        ...(statement.release === undefined ? [] : [['release', statement.release] as const]),
        ...statement.subjects.map(({ name, sha256 }): Row => ['got', `${name} ${sha256}`]),
      ]
    case 'revocation':
      return [
        product,
        ['severity', statement.severity],
        ['reason', statement.reason],
        ...statement.ids.map((id): Row => ['revokes', id]),
      ]
    case 'waiver':
      return [product, ['waives the rebuilders of', statement.id], ['reason', statement.reason]]
    case 'trust':
      return [
        product,
        ['trust version', String(statement.version)],
        ['body', `${statement.sha256}, ${statement.size} bytes`],
      ]
  }
}

function artifactRow({ name, platform, size, sha256, partOf }: Artifact): Row {
  return [
    'artifact',
    `${name} for ${platform}, ${size} bytes, SHA-256 ${sha256}${partOf === undefined ? '' : `, part of ${partOf}`}`,
  ]
}
