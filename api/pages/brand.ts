import { createHash } from 'node:crypto';
import { Router } from 'express';
import type { Organization } from '../../db/models/organization';
import { brandingOf, logoUrl } from '../../db/queries/find-branding';
import { contrast, textColourOn } from '../../domain/branding';
import { notFound } from '../../domain/problem';

/** What an organization's pages look like to people whom it has sent a link. */
export interface Brand {
  organizationName: string;
  /** `#rrggbb` */
  colour: string | null;
  /** Where its picture is. */
  logo: string | null;
}

export function brandOf(organization: Organization): Brand {
  const branding = brandingOf(organization);
  return { organizationName: organization.name, colour: branding.colour, logo: logoUrl('', organization.id, branding) };
}

/** Of the cards that buttons lie on, as `--surface` in usher.css. */
const surfaces = { light: '#ffffff', dark: '#17181c' };
/** A button that is as light or dark as its card needs an edge. // WCAG 1.4.11 */
const leastContrast = 3;

/** The pages' policy lets no style in but files of our own: so a colour is one. It tells nothing but the colour. */
function stylesheet(colour: string): string {
  const text = textColourOn(colour);
  const away = text === '#ffffff' ? '#000000' : '#ffffff';
  const edge = (scheme: keyof typeof surfaces) =>
    contrast(colour, surfaces[scheme]) < leastContrast
      ? `@media (prefers-color-scheme: ${scheme}) { button.primary, .button.primary, .tile { border: 1px solid var(--line-strong); } }\n`
      : '';
  return (
    `button.primary, .button.primary, .tile { background: ${colour}; color: ${text}; }\n` +
    `button.primary:hover, .button.primary:hover { background: color-mix(in srgb, ${colour} 88%, ${away}); }\n` +
    edge('light') +
    edge('dark')
  );
}

const versionOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 10);

/** The stylesheet's address, which changes with its content, so that it may be cached for good. */
export const stylesheetUrl = (colour: string): string =>
  `/brand/${colour.slice(1)}.css?v=${versionOf(stylesheet(colour))}`;

export function brandRouter(): Router {
  return Router().get('/brand/:file', (request, response) => {
    response.locals.route = '/brand/{colour}.css';
    const [, colour] = /^([0-9a-f]{6})\.css$/.exec(request.params.file) ?? [];
    if (!colour) throw notFound('stylesheet');
    response
      .set({ 'Content-Type': 'text/css; charset=utf-8', 'Cache-Control': 'public, max-age=31536000, immutable' })
      .send(stylesheet(`#${colour}`));
  });
}
