import { describe, expect, it } from 'vitest'
import { parseConfig } from './config-format.ts'

describe('the configuration of a monitor', () => {
  it.each([
    [{ format: 1, pollIntervall: '1m' }, 'did you mean pollInterval?'],
    [{ format: 1, logs: [{ keys: ['k'], mirors: [] }] }, 'did you mean mirrors?'],
    [{ format: 1, limits: { silentafter: '1h' } }, 'did you mean silentAfter?'],
    [{ format: 1, sinks: [{ kind: 'webhook', name: 'w', url: 'https://x', secret: 's' }] }, 'sinks.0'],
    [{ format: 1, colour: 'blue' }, 'colour'],
    [{ format: 2 }, 'format'],
    [[], 'the file'],
  ])('%j is refused: %s', (content, detail) => {
    expect(() => parseConfig(JSON.stringify(content), 'monitor.json')).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(detail) }),
    )
  })
})
