import { z } from 'zod';
import type { FieldSpec } from './forms';
import type { Page } from './page';

const shownSchema = z.record(z.string(), z.array(z.string()));
type Shown = z.infer<typeof shownSchema>;

/** In one order, as boxes have none. */
const listed = (values: readonly string[]): string[] =>
  values
    .map((text) => text.trim().replace(/\r\n?/g, '\n'))
    .filter((text) => text !== '')
    .sort();

const valuesOf = (specs: readonly FieldSpec[]): Shown =>
  Object.fromEntries(specs.map(({ name, value }) => [name, listed([value ?? ''].flat())]));

/** For the hidden field `was` of a form: what it shows before anybody types. */
export const shownIn = (specs: readonly FieldSpec[]): string => JSON.stringify(valuesOf(specs));

/**
 * Fields in which somebody has typed something other than the form had shown them. Whatever they left alone is not theirs
 * to say: it may have been changed meanwhile. A form that does not tell what it showed is compared with what holds now.
 * @param together fields that say one thing: who changes one of them says all
 */
export function changedFields(
  page: Page,
  specs: readonly FieldSpec[],
  together: readonly (readonly string[])[] = [],
): Set<string> {
  const was = { ...valuesOf(specs), ...readShown(page.field('was')) };
  const changed = specs
    .map(({ name }) => name)
    .filter((name) => was[name]?.join('\n') !== listed(page.fields(name)).join('\n'));
  return new Set(changed.flatMap((name) => together.find((names) => names.includes(name)) ?? name));
}

/** What holds now with what was ticked and unticked: what the form did not show is never taken away. */
export function mergeBoxes(page: Page, name: string, now: readonly string[]): string[] {
  const shown = readShown(page.field('was'))[name] ?? now;
  const ticked = page.fields(name);
  const kept = now.filter((value) => ticked.includes(value) || !shown.includes(value));
  return [...new Set([...kept, ...ticked.filter((value) => !shown.includes(value) || now.includes(value))])];
}

function readShown(text: string): Shown {
  try {
    return shownSchema.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}
