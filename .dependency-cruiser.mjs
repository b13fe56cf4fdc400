const pkgs = '(?:core|host|identity|updater|verifier-cli|log-server|monitor|build-repro|web)'
const apps = '(?:verifier-cli|log-server|monitor|build-repro|web)'
const only = (name, what, where) => ({
  name,
  severity: 'error',
  from: { path: `^${pkgs}/src/`, pathNot: [where, '\\.test\\.ts$'] },
  to: { path: `(?:^|/)node_modules/(?:@types/)?${what}(?:/|$)` },
})
/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'core-is-pure',
      severity: 'error',
      from: { path: '^core/src/', pathNot: ['\\.test\\.ts$', '^core/src/node\\.ts$'] },
      to: { pathNot: ['^core/src/', '(?:^|/)node_modules/(?:@types/)?(?:@noble|zod|semver|canonicalize)/'] },
    },
    {
      name: 'noble-is-portable',
      comment: 'only the portable entry loads noble, so that a program on Node does not pay for it',
      severity: 'error',
      from: { path: '^core/src/', pathNot: ['\\.test\\.ts$', '^core/src/portable\\.ts$'] },
      to: { path: '(?:^|/)node_modules/@noble/' },
    },
    {
      name: 'core-node-entry',
      comment: 'core/src/node.ts alone may import node:crypto',
      severity: 'error',
      from: { path: '^core/src/node\\.ts$' },
      to: { pathNot: ['^core/src/', '^(?:node:)?crypto$'] },
    },
    {
      name: 'host-stands-alone',
      severity: 'error',
      from: { path: '^host/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypesNot: ['core', 'local'] },
    },
    {
      name: 'identity-on-core',
      severity: 'error',
      from: { path: '^identity/src/' },
      to: { path: `^${pkgs}/`, pathNot: '^(?:core|identity)/src/' },
    },
    {
      name: 'sigstore-verifies-in-identity',
      severity: 'error',
      from: { path: `^${pkgs}/src/`, pathNot: ['^identity/src/', '\\.test\\.ts$'] },
      to: { path: '(?:^|/)node_modules/@sigstore/verify/' },
    },
    {
      name: 'identity-is-a-peer',
      comment: 'who trusts keys alone installs nothing of Sigstore: only this entry of the updater reaches it',
      severity: 'error',
      from: { path: '^updater/src/', pathNot: ['^updater/src/identity\\.ts$', '\\.test\\.ts$'] },
      to: { path: '^identity/' },
    },
    {
      name: 'updater-on-core',
      severity: 'error',
      from: { path: '^updater/src/' },
      to: { path: `^${pkgs}/`, pathNot: '^(?:core|host|identity|updater)/src/' },
    },
    {
      name: 'apps-never-apps',
      severity: 'error',
      from: { path: `^(${apps})/` },
      to: { path: `^${apps}/`, pathNot: '^$1/' },
    },
    {
      name: 'only-cli-on-updater',
      severity: 'error',
      from: { path: '^(?:log-server|monitor|build-repro|web)/' },
      to: { path: '^updater/' },
    },
    {
      name: 'inside-by-export',
      severity: 'error',
      from: { path: `^(${pkgs})/` },
      to: { path: `^${pkgs}/src/`, pathNot: ['^$1/', `^${pkgs}/src/index\\.ts$`, '^core/src/(?:node|portable)\\.ts$'] },
    },
    only('express-in-http', '(?:express|helmet|express-rate-limit|compression)', 'http'),
    only('sql-in-store', '(?:better-sqlite3|pg)', '-store\\.ts$'),
    {
      name: 'node-sqlite',
      severity: 'error',
      from: { pathNot: '^host/src/lock\\.ts$' },
      to: { path: '^(?:node:)?sqlite$' },
    },
    only('tokens-in-their-process', 'pkcs11js', '^log-server/src/token/(?:main|session)\\.ts$'),
    only('commander-in-commands', 'commander', '(?:^|/)(?:main|commands?)\\.ts$|/commands/'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Tests may import what they like; that code does not import tests is a rule of the linter.
    exclude: { path: '(?:^|/)(?:dist|coverage)/|\\.test\\.ts$' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: {
      conditionNames: ['samebits-source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
    combinedDependencies: false,
  },
}
