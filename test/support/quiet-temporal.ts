import { DefaultLogger, Runtime } from '@temporalio/worker';

// One line per worker that starts or stops is one too many among test results.
Runtime.install({ logger: new DefaultLogger(process.env['USHER_TEST_LOG'] ? 'INFO' : 'ERROR') });
