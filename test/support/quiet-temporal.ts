import { DefaultLogger, Runtime } from '@temporalio/worker';

/** Of a process: its test files share the library (runtime.js), which knows one runtime. */
const installed = Symbol.for('usher.quiet-temporal');

/** One line per worker that starts or stops is one too many among test results. */
export function quietTemporal(): void {
  if (Reflect.has(process, installed)) return;
  Reflect.set(process, installed, true);
  Runtime.install({ logger: new DefaultLogger(process.env['USHER_TEST_LOG'] ? 'INFO' : 'ERROR') });
}
