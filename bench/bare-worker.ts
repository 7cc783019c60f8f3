import { NativeConnection, Worker } from '@temporalio/worker';

/** The worker of the bare loop, in a process of its own like ours; says how many local activities have run. */
async function main(): Promise<void> {
  let done = 0;
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: process.argv[2] ?? '' }),
    taskQueue: 'bare',
    workflowsPath: require.resolve('./bare-workflow'),
    activities: {
      nothing: () => {
        done += 1;
        return Promise.resolve();
      },
    },
    maxCachedWorkflows: 500,
  });
  const running = worker.run();
  process.on('message', () => process.send?.(done));
  process.on('disconnect', () => worker.shutdown());
  process.send?.('ready');
  await running;
  process.exit(0);
}

void main();
