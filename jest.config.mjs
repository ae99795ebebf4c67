export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^node-paligemma$': '<rootDir>/lib/index.ts',
    '^node-paligemma/support$': '<rootDir>/lib/support.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  // Models compute on all processors already; two at once slow each other down to a quarter.
  maxWorkers: 1,
  testTimeout: 60_000,
  setupFilesAfterEnv: ['<rootDir>/test/helpers/running.mjs'],
  modulePathIgnorePatterns: ['<rootDir>/build/'], // packages that are made there have the names of these
  globalSetup: '<rootDir>/test/helpers/setup.mjs',
  globalTeardown: '<rootDir>/test/helpers/teardown.mjs',
};
