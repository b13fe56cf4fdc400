/** Names that people type: products, channels, platforms, artifacts, versions (docs/formats.md, first paragraphs). */
import { ProgramError } from '@samebits/host'

const productPattern = /^[a-z0-9.-]+(?:\/[a-z0-9.-]+)*$/
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/

/** The name of a product in file names: `/` becomes `_`. */
export function productFileName(product: string): string {
  return product.replaceAll('/', '_')
}

/** Refuses what is no product name; segments `.` and `..` too, since a product names files and URL segments. */
export function checkProduct(product: string): string {
  const dots = product.split('/').some((segment) => segment === '.' || segment === '..')
  if (product.length > 255 || dots || !productPattern.test(product))
    throw refuse(
      `"${product}" is no product name`,
      'Use lower-case letters, digits, "." and "-", in segments joined by "/", as in example.com/notes.',
    )
  return product
}

export function checkChannel(channel: string): string {
  if (!namePattern.test(channel)) throw refuse(`"${channel}" is no channel name`, nameRule)
  return channel
}

export function checkArtifactName(name: string): string {
  if (!namePattern.test(name)) throw refuse(`"${name}" cannot be an artifact's name`, nameRule)
  return name
}

/** `<process.platform>-<process.arch>`, or `any`. */
export function checkPlatform(platform: string): string {
  if (platform !== 'any' && !/^[a-z0-9]{1,32}-[a-z0-9]{1,32}$/.test(platform))
    throw refuse(`"${platform}" is no platform`, 'Use "any", or process.platform and process.arch as in linux-x64.')
  return platform
}

const nameRule = 'Use up to 128 letters, digits, ".", "_", "+" and "-", a letter or digit first.'

function refuse(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy })
}
