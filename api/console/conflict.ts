import type { Field, Form } from './forms';
import type { Page } from './page';

/** What somebody else has saved since the form was opened, beside what is typed; shown by the partial `conflict`. */
export interface Conflict {
  rows: { label: string; now: string; yours: string }[];
  /** Where the saved version is, for whoever gives up their own. */
  reload: string;
}

/** @param saved the same form with what is saved now */
export function conflictOf(page: Page, typed: Form, saved: Form, reload: string): Conflict {
  const rows = Object.values(saved.fields).flatMap((field) => {
    const now = shown(page, field);
    const yours = shown(page, typed.fields[field.name] ?? field);
    return now === yours ? [] : [{ label: field.label, now, yours }];
  });
  return { rows, reload };
}

function shown(page: Page, { kind, checked, choices, value }: Field): string {
  if (kind === 'checkbox') return page.t(checked ? 'console.yes' : 'console.no');
  const chosen = choices.filter((choice) => choice.chosen).map(({ label }) => label);
  return (choices.length > 0 ? chosen.join(', ') : value.trim()) || page.t('console.changed.nothing');
}
