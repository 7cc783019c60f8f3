import type { Problem } from '../../domain/problem';
import { hasText } from '../../i18n';
import type { Page } from './page';
import { type Refusal, refusalWords } from './refusal';

/** A field of a form as the partial `field` draws it. */
export interface Field {
  name: string;
  id: string;
  kind: FieldKind;
  label: string;
  hint: string | null;
  required: boolean;
  value: string;
  checked: boolean;
  choices: {
    value: string;
    label: string;
    hint: string | null;
    chosen: boolean;
    id: string;
    name: string;
    within: string | null;
  }[];
  error: string | null;
  autocomplete: string;
  readonly: boolean;
  describedBy: string | null;
  rows: number;
  /** So many to choose from that they are searched. */
  many: boolean;
}

export type FieldKind =
  | 'text'
  | 'email'
  | 'search'
  | 'number'
  | 'textarea'
  | 'select'
  | 'checkbox'
  | 'checkboxes'
  | 'radios'
  | 'instant'
  | 'time';

export interface FieldSpec {
  name: string;
  kind?: FieldKind;
  /** What stands in the field before anybody typed; for `checkboxes` several. */
  value?: string | string[] | null;
  required?: boolean;
  /** One that only some people may have is sent by a name of its own, and stands in a class of its own. */
  choices?: readonly { value: string; label: string; hint?: string | null; name?: string; within?: string | null }[];
  autocomplete?: string;
  readonly?: boolean;
  /** Words other than `console.fields.<name>`. */
  words?: string;
  rows?: number;
  /** false: the hint in the catalogue does not hold here. */
  hint?: false;
}

/** A whole form: its fields by name, what was wrong with it, and whether to say so. */
export interface Form {
  fields: Record<string, Field>;
  /** null: nothing was refused. Shown by the partial `refused`. */
  refused: (Refusal & { errors: { id: string; label: string; message: string }[] }) | null;
}

type Typed = boolean | ReadonlySet<string>;

/**
 * @param typed shown instead of the values: what somebody has sent, refused or to be shown again; in these fields or in all
 * @param problem why it was refused
 */
export function formOf(
  page: Page,
  specs: readonly FieldSpec[],
  typed: Typed = false,
  problem: Problem | null = null,
): Form {
  const errors = problem ? errorsOf(page, specs, problem) : {};
  const fields = Object.fromEntries(specs.map((spec) => [spec.name, toField(page, spec, typed, errors[spec.name])]));
  if (!problem) return { fields, refused: null };
  const named = Object.values(fields).filter(({ error }) => error !== null);
  const words = refusalWords(page, problem);
  const mere = problem.code === 'BAD_INPUT';
  return {
    fields,
    refused: {
      ...words,
      title: mere && named.length > 0 ? page.t('common.errorSummary') : words.title,
      help: mere && named.length > 0 ? null : words.help,
      errors: named.map(({ id, label, error, choices }) => ({
        id: choices[0]?.id ?? id,
        label,
        message: error ?? '',
      })),
    },
  };
}

/** More boxes than one sees at a glance. */
export const manyChoices = 20;

function toField(page: Page, spec: FieldSpec, typed: Typed, error: string | undefined): Field {
  const { name, kind = 'text' } = spec;
  const words = spec.words ?? `console.fields.${name}`;
  const given = spec.value ?? '';
  const isTyped = typeof typed === 'boolean' ? typed : typed.has(name);
  const values = isTyped ? page.fields(name) : typeof given === 'string' ? [given] : given;
  const text = (key: string) => (hasText(page.locale, key) ? page.t(key) : null);
  const hint = spec.hint === false ? null : text(`${words}.hint`);
  const describedBy = [error !== undefined && `${name}-error`, hint !== null && `${name}-hint`].filter(Boolean);
  return {
    name,
    id: name,
    kind,
    label: page.t(`${words}.label`),
    hint,
    required: spec.required ?? false,
    value: values[0] ?? '',
    checked: values[0] === 'yes',
    choices: (spec.choices ?? []).map(
      ({ value, label, hint: about = null, name: own = name, within = null }, index) => ({
        value,
        label,
        hint: about,
        chosen: (isTyped ? page.fields(own) : values).includes(value),
        id: `${name}-${index}`,
        name: own,
        within,
      }),
    ),
    error: error ?? null,
    autocomplete: spec.autocomplete ?? 'off',
    readonly: spec.readonly ?? false,
    describedBy: describedBy.length > 0 ? describedBy.join(' ') : null,
    rows: spec.rows ?? 4,
    many: kind === 'checkboxes' && (spec.choices ?? []).length > manyChoices,
  };
}

/** What the API says of an entry in English, by what it means for a person. The first that fits. */
const faults: [RegExp, string][] = [
  [/is missing|must not be (empty|blank)|is mandatory|required/i, 'required'],
  [/at most [\d,]+/i, 'tooLong'],
  [/^Addresses of this domain/, 'domain'],
  [/future|past|before|after/i, 'time'],
  [/already|taken/i, 'taken'],
  [/not allow|only people|role/i, 'forbidden'],
];

/** The first fault of each field, in the person's language. */
function errorsOf(page: Page, specs: readonly FieldSpec[], problem: Problem): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { pointer, message } of problem.options.errors ?? []) {
    const name = pointer.split('/')[1] ?? '';
    const spec = specs.find((field) => field.name === name);
    if (!spec || found[name] !== undefined) continue;
    // What is refused for the state of things is said as such: the entry itself is well written.
    if (problem.status === 409) {
      found[name] = page.t(`errors.${problem.code}`);
      continue;
    }
    const blank = page.fields(name).every((text) => text.trim() === '');
    const kind = blank ? 'required' : (faults.find(([pattern]) => pattern.test(message))?.[1] ?? 'invalid');
    const own = `${spec.words ?? `console.fields.${name}`}.${kind}`;
    const count = /at most ([\d,]+)/.exec(message)?.[1] ?? null;
    found[name] = page.t(hasText(page.locale, own) ? own : `console.faults.${kind}`, { count });
  }
  return found;
}

/** What was typed, for a body: a field that was left empty is left out. */
export function typedOrNothing(page: Page, ...names: string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = page.field(name).trim();
      return text === '' ? [] : [[name, text]];
    }),
  );
}

/** The same for a body that changes something: a field that was emptied is null. */
export function typedOrNull(page: Page, ...names: string[]): Record<string, string | null> {
  return Object.fromEntries(names.map((name) => [name, page.field(name).trim() || null]));
}
