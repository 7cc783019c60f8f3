const { createRequire, isBuiltin } = require('node:module');
const { default: Runtime } = require('jest-runtime');

/**
 * Libraries that keep nothing of those who use them are loaded once per process, not once per test file: loading all of them
 * takes longer than most tests. Usher's own code is loaded anew for every file, and so is what a test mocks (jest.mock).
 */
const shared =
  /^(@temporalio|@grpc|@zxcvbn-ts|@node-rs|ajv|ajv-formats|axe-core|bowser|cli-progress|connect-pg-simple|express|express-session|handlebars|helmet|html-to-text|i18next|knex|luxon|nodemailer|objection|otpauth|pg|pino|pino-http|playwright-core|prom-client|qrcode|rate-limiter-flexible|smtp-server|supertest|yaml)(\/|$)/;

module.exports = class SharingRuntime extends Runtime {
  requireModuleOrMock(from, name) {
    if (shared.test(name) && !isBuiltin(name)) return createRequire(from)(name);
    return super.requireModuleOrMock(from, name);
  }
};
