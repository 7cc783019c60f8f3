import { logoUrl } from '../../db/queries/find-branding';
import { type Branding, defaultColour, textColourOn } from '../../domain/branding';
import { cleanTemplate, exampleValues, type FillTemplate } from '../../domain/mail-template';
import { mailTemplateNames, type MailParts, type MailTemplateName } from '../../domain/mail-templates';
import type { Locale } from '../../i18n';
import { hasBuiltIn, renderExample, unfilledTemplate } from './render';

/** What the API shows of mail templates; the same code that the worker renders with. */
export function createMailTemplates(baseUrl: string) {
  const builtIns = new Map<string, MailParts>();
  return {
    types: mailTemplateNames.filter(hasBuiltIn),

    builtIn(type: MailTemplateName, locale: Locale): MailParts {
      const key = `${type} ${locale}`;
      const known = builtIns.get(key);
      if (known) return known;
      const parts = unfilledTemplate(type, locale);
      // As it would be kept if somebody saved it.
      const builtIn = { ...parts, html: cleanTemplate(type, parts.html) };
      builtIns.set(key, builtIn);
      return builtIn;
    },

    preview(
      type: MailTemplateName,
      locale: Locale,
      own: FillTemplate | null,
      { id, name, branding }: { id: string; name: string; branding: Branding },
    ): MailParts {
      const brandColour = branding.colour ?? defaultColour;
      return renderExample(type, locale, own, {
        ...exampleValues(type, locale),
        organizationName: name,
        logo: logoUrl(baseUrl, id, branding) ?? '',
        brandColour,
        brandTextColour: textColourOn(brandColour),
      });
    },
  };
}
