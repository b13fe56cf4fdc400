import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const source = {
  resolve: { conditions: ['samebits-source'] },
  ssr: {
    resolve: {
      conditions: ['samebits-source', 'node', 'module-sync'],
      externalConditions: ['samebits-source', 'node', 'module-sync'],
    },
  },
}
const unit = ['core', 'host', 'identity', 'updater', 'verifier-cli', 'log-server', 'monitor', 'build-repro'].map(
  (name) => ({
    ...source,
    test: { name, root: name, include: ['src/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
  }),
)
/** `--mode branches`: every branch of `decide`, and of its room all but those of cases that no caller can make. */
const branches = {
  include: ['**/src/decision/*.ts'],
  reporter: ['text'],
  thresholds: { '**/src/decision/{decide,judge,inclusion,freshness,heads}.ts': { branches: 100 }, branches: 99 },
}

export default defineConfig(({ mode }) => ({
  test: {
    // Many tests wait for the processes that they start: one worker more than processors keeps those busy.
    maxWorkers: availableParallelism() + 1,
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: 'reports/tests.json' }]] : ['default'],
    projects: [
      ...unit,
      {
        ...source,
        test: {
          name: 'e2e',
          // Real processes on a machine that others use: in CI one more try, which the report shows.
          retry: process.env['CI'] ? 1 : 0,
          root: 'test',
          include: ['**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['**/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/main.ts'],
      reporter: ['text', 'json-summary'],
      ...(mode === 'branches' ? branches : {}),
    },
  },
}))
