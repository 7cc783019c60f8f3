import { manyChoices } from './forms';
import type { Page } from './page';

/** Of which group people are shown: chosen from a list, or typed where there are many. */
export interface GroupFilter {
  groupId: string | null;
  /** The field of the filter; null where there is no group. */
  field: {
    /** null: too many for a list, their names would be most of the page. */
    choices: { value: string; label: string; chosen: boolean }[] | null;
    typed: string;
    trouble: string | null;
  } | null;
}

/** @param names of the groups that the person may know of, by id */
export function groupFilter(page: Page, names: ReadonlyMap<string, string>): GroupFilter {
  const asked = page.query('groupId');
  const typed = page.query('group').trim();
  const found = typed === '' ? [] : called(names, typed);
  const groupId = typed === '' ? asked || null : found.length === 1 ? (found[0] ?? null) : null;
  if (names.size === 0) return { groupId, field: null };
  const choices = [...names].map(([value, label]) => ({ value, label, chosen: value === groupId }));
  const trouble = typed !== '' && groupId === null;
  return {
    groupId,
    field: {
      choices: names.size > manyChoices ? null : choices,
      typed: typed || (names.get(asked) ?? ''),
      trouble: trouble ? page.t(`console.filters.${found.length === 0 ? 'groupUnknown' : 'groupSeveral'}`) : null,
    },
  };
}

/** The group of this name, else those that have it in theirs. */
function called(names: ReadonlyMap<string, string>, typed: string): string[] {
  const wanted = typed.toLowerCase();
  const all = [...names].map(([id, name]) => ({ id, name: name.toLowerCase() }));
  const exactly = all.filter(({ name }) => name === wanted);
  return (exactly.length > 0 ? exactly : all.filter(({ name }) => name.includes(wanted))).map(({ id }) => id);
}
