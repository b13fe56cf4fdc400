/** What of a Dockerfile can become something else tomorrow: images by tag, downloads without a checksum. */

const pinned = /@sha256:[0-9a-f]{64}$/
/** Not fetched from anywhere. */
const nothing = 'scratch'

/**
 * Every image and download of a Dockerfile that is not named by its digest, as written. Variables in an image's name are not
 * followed: a name that holds one floats.
 */
export function floatingImages(text: string): readonly string[] {
  const stages = new Set<string>()
  const floating = new Set<string>()
  const see = (image: string) => {
    if (image !== nothing && !stages.has(image.toLowerCase()) && !/^[0-9]+$/.test(image) && !pinned.test(image))
      floating.add(image)
  }
  for (const frontend of text.matchAll(/^\s*#\s*(?:syntax)\s*=\s*(\S+)/gim)) see(frontend[1] ?? '')
  for (const { keyword, words } of instructions(text)) {
    if (keyword === 'FROM') {
      const [image = '', as, stage] = words.filter((word) => !word.startsWith('--'))
      see(image)
      if (as?.toLowerCase() === 'as' && stage !== undefined) stages.add(stage.toLowerCase())
    }
    for (const word of words) {
      if (keyword === 'COPY' && word.startsWith('--from=')) see(word.slice(7))
      if (keyword === 'RUN' && word.startsWith('--mount=')) for (const image of mountedImages(word)) see(image)
      if (keyword === 'ADD' && isDownload(word) && !words.some((each) => /^--checksum=sha256:[0-9a-f]{64}$/.test(each)))
        floating.add(word)
    }
  }
  return [...floating]
}

function mountedImages(option: string): readonly string[] {
  return option
    .slice(8)
    .split(',')
    .flatMap((part) => (part.startsWith('from=') ? [part.slice(5)] : []))
}

function isDownload(word: string): boolean {
  return /^(https?|ftp):\/\//i.test(word) || /^git@/i.test(word) || /\.git(#|$)/i.test(word)
}

interface Instruction {
  readonly keyword: string
  readonly words: readonly string[]
}

/** Lines joined where they continue; comments dropped; ONBUILD taken as what it will run. */
function instructions(text: string): readonly Instruction[] {
  const continues = /^\s*#\s*escape\s*=\s*`/im.test(text) ? '`' : '\\'
  const lines: string[] = []
  let open = ''
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*#/.test(line)) continue
    const trimmed = line.trimEnd()
    if (trimmed.endsWith(continues)) {
      open += `${trimmed.slice(0, -1)} `
      continue
    }
    lines.push(open + trimmed)
    open = ''
  }
  if (open !== '') lines.push(open)
  return lines.flatMap((line) => {
    const [first, ...rest] = line.trim().split(/\s+/)
    const words = first?.toUpperCase() === 'ONBUILD' ? rest : [first ?? '', ...rest]
    return words[0] === undefined || words[0] === '' ? [] : [{ keyword: words[0].toUpperCase(), words: words.slice(1) }]
  })
}
