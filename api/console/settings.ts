import type { z } from 'zod';
import type { Problem } from '../../domain/problem';
import { locales } from '../../i18n';
import type { organization } from '../schemas/organizations';
import { type Conflict, editedForm } from './conflict';
import { refusable } from './demand';
import type { FieldSpec, Form } from './forms';
import type { Screens } from './index';
import type { Page } from './page';
import { changedFields } from './shown';
import { consoleView } from './views';

type OrganizationBody = z.infer<typeof organization>;

interface SettingsData {
  form: Form;
  version: string;
  was: string;
  conflict: Conflict | null;
  zones: string[];
  id: string;
  preset: string;
  plan: string;
  licences: number | null;
}

const settingsView = consoleView<SettingsData>('settings');

/** What the organization is called, and its calendar. Plan and licences are the operator's to change. */
export function settingsScreens({ get, post }: Screens): void {
  get('/console/settings', (page) => showSettings(page));
  post(
    '/console/settings',
    (page) =>
      refusable(
        async () => {
          const changed = changedFields(page, specsOf(page, await page.ask<OrganizationBody>('GET O')));
          const body = Object.fromEntries([...changed].map((name) => [name, page.field(name).trim()]));
          if (changed.size > 0)
            await page.ask('PATCH O', { body, headers: { 'if-match': page.field('version') || '*' } });
          page.go('/console/settings', 'settingsSaved');
        },
        (problem) => showSettings(page, problem),
      ),
    (page) => showSettings(page, null, true),
  );
}

function specsOf(page: Page, saved: OrganizationBody): FieldSpec[] {
  // A language may name a country, too: it stays what it is until another one is chosen.
  const languages = [...new Set([...locales, saved.locale])].map((value) => ({
    value,
    label: locales.some((locale) => locale === value) ? page.t(`console.settings.locales.${value}`) : value,
  }));
  return (
    [
      { name: 'name', required: true, value: saved.name },
      { name: 'timeZone', required: true, value: saved.timeZone },
      { name: 'locale', kind: 'select', choices: languages, value: saved.locale },
    ] satisfies FieldSpec[]
  ).map((spec) => ({ ...spec, words: `console.settings.fields.${spec.name}` }));
}

async function showSettings(page: Page, problem: Problem | null = null, again = false): Promise<void> {
  const { body, etag = '' } = await page.reply('GET O');
  const saved = body as OrganizationBody;
  const data: SettingsData = {
    ...editedForm(page, specsOf(page, saved), { etag, reload: '/console/settings', problem, again }),
    zones: Intl.supportedValuesOf('timeZone'),
    id: saved.id,
    preset: page.t(`console.settings.presets.${saved.preset}`),
    plan: page.t(`console.licences.plans.${saved.plan}`),
    licences: saved.licences,
  };
  if (problem) page.showAgain(settingsView, data, problem);
  else page.show(settingsView, data);
}
