import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Bundles the workflows once, at build time: a worker starts faster, and every worker of a release runs the same code. */
async function bundleWorkflows(): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve('../workflows'),
    // Its progress would tear ours.
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(join(__dirname, '..', 'workflow-bundle.js'), code);
}

void bundleWorkflows().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
