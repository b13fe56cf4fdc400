/** A check told three ways: for people at a terminal, as a page, and as data. */
import type { CheckResult } from './check.ts'
import { describePlace } from './difference.ts'
import type { Explained } from './explain.ts'

/** What each cause means, in a sentence. */
function describeCause({ cause, kind }: Explained): string {
  switch (cause.kind) {
    case 'variation':
      return `${cause.variations.join(' alone, or ')} alone brings it out`
    case 'together':
      return `${cause.variations.join(' and ')} together bring it out`
    case 'by-itself':
      return 'differs by itself: two builds under the same conditions are not equal'
    case 'follows':
      return kind === 'build-id'
        ? 'follows from the other differences in this file'
        : 'the digest of another part that differs'
    case 'unknown':
      return 'no cause was looked for, or none came out again'
  }
}

/** What usually helps, by kind. */
const remedies: Readonly<Record<string, string>> = {
  timestamp: 'Use SOURCE_DATE_EPOCH instead of the clock (reproducible-builds.org/specs/source-date-epoch).',
  timezone: 'Format times in UTC.',
  path: 'Map the path away: -ffile-prefix-map, -trimpath, --remap-path-prefix; or store relative paths.',
  hostname: 'Leave the machine out of the artifact.',
  user: 'Leave the user out: tar --owner=0 --group=0 --numeric-owner.',
  mode: 'Set modes explicitly: install -m, tar --mode, or umask 022 in the build.',
  order: 'Sort what a folder lists: tar --sort=name, LC_ALL=C sort, sorted(os.listdir()).',
  locale: 'Sort and format in a fixed locale: LC_ALL=C.',
  environment: 'Let the build read only variables that the recipe sets.',
  parallelism: 'Let the result not depend on which job ends first.',
  random: 'Derive names and keys from the content, or seed them with SOURCE_DATE_EPOCH.',
  'build-id': 'It is a digest of what the linker saw: make debug paths and inputs equal, or set --build-id=none.',
}

export function textReport(result: CheckResult): readonly string[] {
  const { differences, variety, builds } = result
  const lines = [
    verdict(result),
    `engine      ${result.plain.engine.name} ${result.plain.engine.version}, image ${result.plain.image.facts.id}`,
  ]
  lines.push(`varied      ${variety.variations.join(', ')}`)
  for (const { variation, why } of variety.unvaried) lines.push(`not varied  ${variation}: ${why}`)
  for (const { name, sha256 } of equalOutputs(result)) lines.push(`equal       ${name} ${sha256}`)
  for (const each of differences) {
    lines.push(
      '',
      describePlace(each),
      `  ${each.kind}: ${describeCause(each)}${each.count > 1 ? `; ${each.count} such places` : ''}`,
    )
    lines.push(`  plain   ${each.a}`, `  varied  ${each.b}`)
    const remedy = remedies[each.kind]
    if (remedy !== undefined && each.cause.kind !== 'follows') lines.push(`  ${remedy}`)
  }
  if (differences.length > 0) lines.push('', `${builds} builds; their logs and outputs are kept`)
  return lines
}

function verdict({ reproducible, plain, differences }: CheckResult): string {
  const count = plain.outputs.length
  if (reproducible)
    return `reproducible: ${count === 1 ? 'one artifact' : `${count} artifacts`}, bit for bit under every variation`
  const differing = new Set(differences.map(({ where }) => where[0])).size
  return `NOT reproducible: ${differing} of ${count} artifacts`
}

/** As data; stable field names. */
export function jsonReport(result: CheckResult): object {
  const { plain, varied, variety, reproducible, differences, builds } = result
  return {
    reproducible,
    engine: plain.engine,
    image: { id: plain.image.facts.id, digest: plain.image.digest },
    epoch: plain.epoch,
    objections: plain.objections,
    varied: variety.variations,
    unvaried: variety.unvaried,
    outputs: plain.outputs.map(({ name, size, sha256 }, at) => ({
      name,
      size,
      sha256,
      varied: varied.outputs[at]?.sha256,
    })),
    differences: differences.map((each) => ({ ...each, explanation: describeCause(each) })),
    logs: { plain: plain.log, varied: varied.log },
    builds,
  }
}

/** One page without scripts and without anything from elsewhere. */
export function htmlReport(result: CheckResult, diffoscope: string | null): string {
  const { differences, variety, plain } = result
  const rows = differences.map(
    (each) =>
      `<tr><td>${escapeHtml(describePlace(each))}<td><b>${escapeHtml(each.kind)}</b><br>${escapeHtml(describeCause(each))}` +
      `<td><pre>${escapeHtml(each.a)}</pre><td><pre>${escapeHtml(each.b)}</pre></tr>`,
  )
  const facts = [
    `engine ${plain.engine.name} ${plain.engine.version}`,
    `image ${plain.image.facts.id}`,
    `varied: ${variety.variations.join(', ')}`,
    ...variety.unvaried.map(({ variation, why }) => `not varied: ${variation} (${why})`),
    ...equalOutputs(result).map(({ name, sha256 }) => `equal: ${name} ${sha256}`),
  ]
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(verdict(result))}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { border: 1px solid #8888; padding: .4rem .6rem; text-align: left; vertical-align: top }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere } td { overflow-wrap: anywhere }
:root { color-scheme: light dark }
</style>
<h1>${escapeHtml(verdict(result))}</h1>
<ul>${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join('')}</ul>
${rows.length === 0 ? '' : `<table><tr><th>where<th>what, and why<th>plain<th>varied</tr>\n${rows.join('\n')}\n</table>`}
${diffoscope === null ? '' : `<h2>diffoscope</h2><pre>${escapeHtml(diffoscope)}</pre>`}
</html>
`
}

function equalOutputs({ plain, varied }: CheckResult) {
  return plain.outputs.filter(({ sha256 }, at) => varied.outputs[at]?.sha256 === sha256)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
