import type { Problem } from '../../domain/problem';
import { type Field, type FieldSpec, type Form, formOf } from './forms';
import type { Page } from './page';
import { changedFields, mergeBoxes, shownIn } from './shown';

/** What somebody else has saved since the form was opened, beside what is typed; shown by the partial `conflict`. */
export interface Conflict {
  rows: { label: string; now: string; yours: string }[];
  /** Where the saved version is, for whoever gives up their own. */
  reload: string;
}

interface Edited {
  form: Form;
  version: string;
  /** What the form shows before anybody types. */
  was: string;
  conflict: Conflict | null;
}

/**
 * A form for what is there already. After a conflict it stands for what holds now, with what the person has changed
 * themselves; shown again for any other reason, it is still about the version that it was opened with.
 * @param asked fields that are a wish of the moment and no part of what is saved
 * @param atForm the refusal in the fields of the form
 */
export function editedForm(
  page: Page,
  specs: readonly FieldSpec[],
  at: {
    etag: string;
    reload: string;
    problem: Problem | null;
    again: boolean;
    asked?: readonly string[];
    together?: readonly (readonly string[])[];
    atForm?: (problem: Problem) => Problem;
  },
): Edited {
  const { etag, reload, problem, again, asked = [], together, atForm = (refused) => refused } = at;
  if (problem?.code !== 'PRECONDITION_FAILED') {
    const typed = again || problem !== null;
    return {
      form: formOf(page, specs, typed, problem && atForm(problem)),
      version: typed ? page.field('version') : etag,
      was: typed ? page.field('was') : shownIn(specs),
      conflict: null,
    };
  }
  const changed = changedFields(page, specs, together);
  const mine = specs.map((spec) => {
    if (spec.kind !== 'checkboxes') return spec;
    changed.delete(spec.name);
    return { ...spec, value: mergeBoxes(page, spec.name, [spec.value ?? []].flat()) };
  });
  const form = formOf(page, mine, changed);
  const compared = specs.filter(({ name }) => !asked.includes(name));
  return { form, version: etag, was: shownIn(specs), conflict: conflictOf(page, form, formOf(page, compared), reload) };
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
