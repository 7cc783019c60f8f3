import type { z } from 'zod';
import type { Problem } from '../../domain/problem';
import type { branding } from '../schemas/email-templates';
import { type Conflict, conflictOf } from './conflict';
import { refusable } from './demand';
import { type FieldSpec, type Form, formOf } from './forms';
import type { Screens } from './index';
import type { Page } from './page';
import { consoleView } from './views';

interface BrandingData {
  form: Form;
  version: string;
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
          const body = {
            ...(chosen && { logo: chosen }),
            ...(page.field('removeLogo') === 'yes' && !chosen && { logo: null }),
            colour: page.field('colour').trim() || null,
            senderName: page.field('senderName').trim() || null,
          };
          await page.ask('PUT O/branding', { body, headers: { 'if-match': page.field('version') || '*' } });
          page.go('/console/branding', 'brandingSaved');
        },
        (problem) => showBranding(page, problem),
      ),
    (page) => showBranding(page, null, true),
  );
}

async function showBranding(page: Page, problem: Problem | null = null, again = false): Promise<void> {
  const { body, etag } = await page.reply('GET O/branding');
  const { logo, colour, senderName } = body as z.infer<typeof branding>;
  const specs: FieldSpec[] = (
    [
      { name: 'removeLogo', kind: 'checkbox', value: '' },
      { name: 'colour', value: colour ?? '' },
      { name: 'senderName', value: senderName ?? '' },
    ] satisfies FieldSpec[]
  ).map((spec) => ({ ...spec, words: `console.branding.fields.${spec.name}` }));
  const conflicting = problem?.code === 'PRECONDITION_FAILED';
  const form = formOf(page, specs, again || problem !== null, conflicting ? null : problem);
  const compared = specs.filter(({ name }) => name !== 'removeLogo');
  const logoRefused = problem?.options.errors?.some(({ pointer }) => pointer.startsWith('/logo')) ?? false;
  const data: BrandingData = {
    form,
    version: again ? page.field('version') : (etag ?? ''),
    conflict: conflicting ? conflictOf(page, form, formOf(page, compared), '/console/branding') : null,
    logo,
    logoFault: logoRefused ? page.t('console.branding.logoInvalid') : null,
  };
  if (problem) page.showAgain(brandingView, data, problem);
  else page.show(brandingView, data);
}
