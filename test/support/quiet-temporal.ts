import { DefaultLogger, Runtime } from '@temporalio/worker';

let installed = false;

/** One line per worker that starts or stops is one too many among test results. */
export function quietTemporal(): void {
  if (installed) return;
  installed = true;
  Runtime.install({ logger: new DefaultLogger(process.env['USHER_TEST_LOG'] ? 'INFO' : 'ERROR') });
}
