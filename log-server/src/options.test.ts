import { ProgramError } from '@samebits/host'
import { describe, expect, it } from 'vitest'
import { environmentName, flagName, optionNames, optionSpecs, resolveOptions } from './options.ts'

const none = { file: null, environment: {}, flags: {} }
const file = (content: unknown) => ({ path: 'log.json', content })

describe('options', () => {
  it('are their defaults when nothing is said', () => {
    for (const name of optionNames) expect(resolveOptions(none)[name]).toBe(optionSpecs[name].default)
  })

  it('have one order: default, file, environment, flag', () => {
    const port = (sources: Partial<Parameters<typeof resolveOptions>[0]>) =>
      resolveOptions({ ...none, ...sources }).port
    expect(port({ file: file({ port: 1 }) })).toBe(1)
    expect(port({ file: file({ port: 1 }), environment: { SAMEBITS_LOG_PORT: '2' } })).toBe(2)
    expect(port({ file: file({ port: 1 }), environment: { SAMEBITS_LOG_PORT: '2' }, flags: { port: '3' } })).toBe(3)
  })

  /** Three values that an option takes, none of them its default. */
  const valuesOf = (name: (typeof optionNames)[number]): (string | number | boolean)[] => {
    const spec = optionSpecs[name]
    switch (spec.kind) {
      case 'text':
        return ['one', 'two', 'three']
      case 'choice':
        return [0, 1, 2].map((at) => spec.choices[at % spec.choices.length] ?? '')
      case 'switch':
        return [true, false, true]
      case 'integer':
        return [spec.min, spec.max, spec.min + 1]
    }
  }

  it.each(optionNames)('%s can be said in the file, in the environment and as a flag, the later winning', (name) => {
    const [first, second, third] = valuesOf(name)
    const text = (value: unknown) => (typeof value === 'boolean' ? value : String(value))
    const inFile = { ...none, file: file({ [name]: first }) }
    const inEnvironment = { ...inFile, environment: { [environmentName(name)]: String(second) } }
    expect(resolveOptions(inFile)[name]).toBe(first)
    expect(resolveOptions(inEnvironment)[name]).toBe(second)
    expect(resolveOptions({ ...inEnvironment, flags: { [name]: text(third) } })[name]).toBe(third)
  })

  it.each([
    [{ file: file({ prot: 1 }) }, 'did you mean port?'],
    [{ file: file({ 'data-dir': 'x' }) }, 'did you mean dataDir?'],
    [{ file: file({ '--port': 1 }) }, 'did you mean port?'],
    [{ file: file({ retiringPolicies: 'x' }) }, 'an unknown option "retiringPolicies"'],
    [{ environment: { SAMEBITS_LOG_PROT: '1' } }, 'did you mean SAMEBITS_LOG_PORT?'],
  ])('%j is refused: %s', (sources, detail) => {
    expect(() => resolveOptions({ ...none, ...sources })).toThrow(detail)
  })

  it.each([
    ['dataDir', '--data-dir', 'SAMEBITS_LOG_DATA_DIR'],
    ['requestTimeoutMs', '--request-timeout-ms', 'SAMEBITS_LOG_REQUEST_TIMEOUT_MS'],
    ['port', '--port', 'SAMEBITS_LOG_PORT'],
  ] as const)('%s has three names', (name, flag, variable) => {
    expect([flagName(name), environmentName(name)]).toEqual([flag, variable])
  })

  it('take numbers as text and as numbers of JSON', () => {
    expect(resolveOptions({ ...none, file: file({ port: '80' }) }).port).toBe(80)
    expect(resolveOptions({ ...none, file: file({ port: 80 }) }).port).toBe(80)
  })

  it.each([
    [{ flags: { witnessFailOpen: true } }, true],
    [{ environment: { SAMEBITS_LOG_WITNESS_FAIL_OPEN: 'true' } }, true],
    [{ file: file({ witnessFailOpen: true }) }, true],
    [{ file: file({ witnessFailOpen: true }), environment: { SAMEBITS_LOG_WITNESS_FAIL_OPEN: 'false' } }, false],
  ])('take a switch from %j', (sources, expected) => {
    expect(resolveOptions({ ...none, ...sources }).witnessFailOpen).toBe(expected)
  })

  it('leave variables of others, and the one that names the file, alone', () => {
    const environment = { PATH: '/bin', SAMEBITS_LOG_CONFIG: 'x', SAMEBITS_DEBUG: '1', SAMEBITS_LOG_HOST: undefined }
    expect(resolveOptions({ ...none, environment })).toEqual(resolveOptions(none))
  })

  it.each([
    ['an unknown name in the file', { file: file({ prot: 1 }) }],
    ['a kebab-case name in the file', { file: file({ 'data-dir': 'x' }) }],
    ['a name that every object has', { file: file(JSON.parse('{"__proto__": 1, "constructor": 2}')) }],
    ['a file that is an array', { file: file([]) }],
    ['a file that is null', { file: file(null) }],
    ['a file that is text', { file: file('port') }],
    ['an unknown variable', { environment: { SAMEBITS_LOG_PROT: '1' } }],
    ['an empty number', { environment: { SAMEBITS_LOG_PORT: '' } }],
    ['a number with a sign', { flags: { port: '+1' } }],
    ['a number with a leading zero', { flags: { port: '01' } }],
    ['a number in hexadecimal', { flags: { port: '0x10' } }],
    ['a fraction', { flags: { port: '1.5' } }],
    ['a fraction in JSON', { file: file({ port: 1.5 }) }],
    ['a number with a unit', { flags: { requestTimeoutMs: '30s' } }],
    ['a number below its limit', { flags: { maxLeafBytes: '0' } }],
    ['a number above its limit', { flags: { port: '65536' } }],
    ['an entry limit past the format', { flags: { maxLeafBytes: '65536' } }],
    ['a re-signing interval past a tenth of an hour', { flags: { resignSeconds: '361' } }],
    ['another mode', { flags: { mode: 'Raw' } }],
    ['a mode that is an object', { file: file({ mode: {} }) }],
    ['a switch that is neither true nor false', { environment: { SAMEBITS_LOG_WITNESS_FAIL_OPEN: 'yes' } }],
    ['an empty switch', { environment: { SAMEBITS_LOG_WITNESS_FAIL_OPEN: '' } }],
    ['a switch that is a number', { file: file({ witnessFailOpen: 1 }) }],
    ['true where text belongs', { file: file({ dataDir: true }) }],
    ['a boolean', { file: file({ port: true }) }],
    ['null', { file: file({ dataDir: null }) }],
  ])('refuse %s', (_what, sources) => {
    expect(() => resolveOptions({ ...none, ...sources })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(() => resolveOptions({ ...none, ...sources })).toThrow(ProgramError)
  })
})
