const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

const marked = new WeakSet();
const { compileFunction } = vm;
vm.compileFunction = (code, parameters, { parsingContext, ...options } = {}) =>
  compileFunction(code, parameters, {
    ...options,
    ...(parsingContext && !marked.has(parsingContext) && { parsingContext }),
  });

/**
 * Every file runs in the context of its process, not in one of its own, so that a `Date` of a library that was loaded before
 * (runtime.js) is the same `Date` as the file's.
 */
module.exports = class OneContext extends TestEnvironment {
  constructor(...given) {
    super(...given);
    this.own = this.global;
    this.global = globalThis;
    marked.add(this.context);
    this.env = { ...process.env };
  }

  async teardown() {
    for (const name of Object.keys(process.env)) if (!(name in this.env)) delete process.env[name];
    Object.assign(process.env, this.env);
    await super.teardown();
  }
};
