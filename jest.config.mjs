/** @type {import('jest').Config} */
const config = {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.[tj]s$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(jose|openid-client|oauth4webapi|temporal-polyfill|temporal-utils)/)'],
  testSequencer: '<rootDir>/test/support/sequencer.js',
  testEnvironment: '<rootDir>/test/support/environment.js',
  runtime: '<rootDir>/test/support/runtime.js',
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Only for what hangs: on a busy machine a mail may go out at its second try, a minute later.
  testTimeout: 300_000,
  // For two cores: one in three mostly waits (sequencer.js), and PostgreSQL and Temporal work beside them.
  maxWorkers: 3,
  // Every file leaves some of what it loaded behind, and a large heap is slow.
  workerIdleMemoryLimit: '800MB',
  watchPathIgnorePatterns: ['<rootDir>/dist[./]', '<rootDir>/.usher'],
  modulePathIgnorePatterns: ['<rootDir>/dist[./]', '<rootDir>/.usher'],
  reporters: ['default', '<rootDir>/test/support/summary-reporter.js'],
};

export default config;
