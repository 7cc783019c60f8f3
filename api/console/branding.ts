import type { z } from 'zod';
import type { Problem } from '../../domain/problem';
import type { branding } from '../schemas/email-templates';
import { type Conflict, editedForm } from './conflict';
import { refusable } from './demand';
import { type FieldSpec, type Form, typedOrNull } from './forms';
import type { Screens } from './index';
import type { Page } from './page';
import { changedFields } from './shown';
import { consoleView } from './views';

type BrandingBody = z.infer<typeof branding>;

interface BrandingData {
  form: Form;
  version: string;
  was: string;
  conflict: Conflict | null;
  logo: string | null;
  logoFault: string | null;
}

const brandingView = consoleView<BrandingData>('branding');

/** Logo, colour and sender name of mails and of the pages behind links. */
export function brandingScreens({ get, post }: Screens): void {
  get('/console/branding', (page) => showBranding(page));
  post(
    '/console/branding',
    (page) =>
      refusable(
        async () => {
          const chosen = page.field('logo');
          const changed = changedFields(page, specsOf(await page.ask<BrandingBody>('GET O/branding')));
          const body = {
            ...(chosen && { logo: chosen }),
            ...(page.field('removeLogo') === 'yes' && !chosen && { logo: null }),
            ...typedOrNull(page, ...['colour', 'senderName'].filter((name) => changed.has(name))),
          };
          if (Object.keys(body).length > 0)
            await page.ask('PUT O/branding', { body, headers: { 'if-match': page.field('version') || '*' } });
          page.go('/console/branding', 'brandingSaved');
        },
        (problem) => showBranding(page, problem),
      ),
    (page) => showBranding(page, null, true),
  );
}

const specsOf = ({ colour, senderName }: BrandingBody): FieldSpec[] =>
  (
    [
      { name: 'removeLogo', kind: 'checkbox', value: '' },
      { name: 'colour', value: colour ?? '' },
      { name: 'senderName', value: senderName ?? '' },
    ] satisfies FieldSpec[]
  ).map((spec) => ({ ...spec, words: `console.branding.fields.${spec.name}` }));

async function showBranding(page: Page, problem: Problem | null = null, again = false): Promise<void> {
  const { body, etag = '' } = await page.reply('GET O/branding');
  const saved = body as BrandingBody;
  const asked = ['removeLogo'];
  const logoRefused = problem?.options.errors?.some(({ pointer }) => pointer.startsWith('/logo')) ?? false;
  const data: BrandingData = {
    ...editedForm(page, specsOf(saved), { etag, reload: '/console/branding', problem, again, asked }),
    logo: saved.logo,
    logoFault: logoRefused ? page.t('console.branding.logoInvalid') : null,
  };
  if (problem) page.showAgain(brandingView, data, problem);
  else page.show(brandingView, data);
}
