/** Names that people type, refused as a command line refuses them. The grammars are core's (docs/formats.md). */
import { isArtifactName, isChannel, isMediaType, isPlatform, isProduct, isVersion } from '@samebits/core'
import { ProgramError } from '@samebits/host'

const nameRule = 'Use up to 128 letters, digits, ".", "_", "+" and "-", a letter or digit first.'

/** @throws ProgramError USAGE, as all of these */
export function checkProduct(product: string): string {
  return check(
    isProduct(product),
    `"${product}" is no product name`,
    'Use lower-case letters, digits, "." and "-", in segments joined by "/", as in example.com/notes.',
    product,
  )
}

export function checkChannel(channel: string): string {
  return check(isChannel(channel), `"${channel}" is no channel name`, nameRule, channel)
}

export function checkArtifactName(name: string): string {
  return check(isArtifactName(name), `"${name}" cannot be the name of an artifact`, nameRule, name)
}

export function checkPlatform(platform: string): string {
  return check(
    isPlatform(platform),
    `"${platform}" is no platform`,
    'Use "any", or process.platform and process.arch as in linux-x64.',
    platform,
  )
}

export function checkVersion(version: string): string {
  return check(
    isVersion(version),
    `"${version}" is no version`,
    'Use Semantic Versioning 2.0.0 without a leading "v" and without build metadata, as in 1.2.0 or 1.2.0-rc.1.',
    version,
  )
}

export function checkMediaType(mediaType: string): string {
  return check(
    isMediaType(mediaType),
    `"${mediaType}" is no media type`,
    'Use type/subtype in lower case without parameters, as in application/gzip.',
    mediaType,
  )
}

function check(valid: boolean, detail: string, remedy: string, value: string): string {
  if (!valid) throw new ProgramError({ code: 'USAGE', detail, remedy })
  return value
}
