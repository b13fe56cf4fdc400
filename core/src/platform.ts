/**
 * The few globals that browsers and Node share and that `core` uses. The compiler knows neither the DOM nor Node
 * here (`types: []`, `lib: es2024`), so that nothing else of either slips in; this is the one place that names them.
 */
interface Encoder {
  encode(text: string): Uint8Array
}

interface Decoder {
  decode(bytes: Uint8Array): string
}

/** The parts of a WHATWG URL that are read here. */
export interface UrlLike {
  readonly href: string
  readonly protocol: string
  readonly hostname: string
  readonly username: string
  readonly password: string
  readonly search: string
  readonly hash: string
}

interface Platform {
  readonly TextEncoder: new () => Encoder
  readonly TextDecoder: new (label: 'utf-8', options: { fatal: true; ignoreBOM: true }) => Decoder
  readonly URL: { new (url: string, base?: string): UrlLike; canParse(url: string, base?: string): boolean }
}

export const platform: Platform = globalThis as unknown as Platform
