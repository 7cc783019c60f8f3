import { temporal } from '@temporalio/proto';
import { median, type Stage } from './stage';

const count = 30;

/** What an invitation costs in Temporal: events and bytes of its history, while it waits and once it is accepted. */
export async function history(stage: Stage): Promise<object> {
  const { id, key } = await stage.organization();
  const waiting: { events: number; bytes: number }[] = [];
  const accepted: { events: number; bytes: number }[] = [];
  for (let index = 0; index < count; index += 1) {
    const email = `h-${index}@bench.test`;
    const created = await stage.call('POST', `/v1/organizations/${id}/invitations`, { email }, key);
    const { workflowId } = created.body as { workflowId: string };
    let token: string | undefined;
    while (!token) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const mail = (await stage.mailTo(email)).replaceAll('=\r\n', '');
      token = /\/invitations\/([A-Za-z0-9_-]{71,})/.exec(mail)?.[1];
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    waiting.push(await sizeOf(stage, workflowId));
    await stage.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: `Bench-Horse-${index}-x` });
    await stage.temporal.workflow.getHandle(workflowId).result();
    accepted.push(await sizeOf(stage, workflowId));
  }
  const figures = (sizes: typeof waiting) => ({
    'events (most)': Math.max(...sizes.map((size) => size.events)),
    'bytes (median)': median(sizes.map((size) => size.bytes)),
  });
  return { 'sent and waiting': figures(waiting), accepted: figures(accepted) };
}

async function sizeOf(stage: Stage, workflowId: string): Promise<{ events: number; bytes: number }> {
  const { events } = await stage.temporal.workflow.getHandle(workflowId).fetchHistory();
  const bytes = (events ?? []).reduce(
    (sum, event) => sum + temporal.api.history.v1.HistoryEvent.encode(event).finish().length,
    0,
  );
  return { events: events?.length ?? 0, bytes };
}
