import type { Page } from './page';

/** For operators, where they have said where they look: a workflow in the Temporal UI. // F1 */
export function workflowHref(page: Page, workflowId: string): string | null {
  const ui = page.services.temporalUi;
  if (!ui || !page.may('settings.manage')) return null;
  // It shows the workflows of every organization.
  if (ui.organizationId !== '*' && ui.organizationId !== page.organization.id) return null;
  return `${ui.url}/namespaces/${encodeURIComponent(ui.namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}
