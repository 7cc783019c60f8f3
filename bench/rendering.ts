import Handlebars from 'handlebars';
import { createMailTemplates } from '../activities/email/mail-templates';
import type { InvitationMail } from '../activities/email/mail-types';
import { renderInvitationMail } from '../activities/email/render';
import { exampleValues } from '../domain/mail-template';
import { median } from './stage';

const rounds = 15;
const roundMs = 400;

const mail: InvitationMail = {
  type: 'user-invitation',
  locale: 'en',
  organizationName: 'Nordlicht Energie',
  inviterName: 'Mara Lindqvist',
  firstName: 'Ada',
  lastName: 'Lovelace',
  message: 'Welcome!\nI am looking forward to working with you.',
  link: 'https://usher.example/invitations/example',
  expiresAt: new Date('2026-12-21T13:05:00Z'),
  timeZone: 'Europe/Berlin',
  senderAddress: 'no-reply@usher.example',
};

/**
 * Mails made in a second on one core: the built-in, the same as an organization's own template, and bare Handlebars with that
 * template and values that are strings already. In turns, each of three parts; the first round of each is not counted.
 */
export function rendering(): object {
  const source = createMailTemplates('https://usher.example').builtIn('user-invitation', 'en');
  const own = { ...source, key: 'bench' };
  const bareHandlebars = Handlebars.create();
  bareHandlebars.registerHelper(
    'lines',
    (text: string) => new Handlebars.SafeString(Handlebars.escapeExpression(text).replaceAll('\n', '<br>\n')),
  );
  const bare = {
    subject: bareHandlebars.compile(source.subject, { noEscape: true }),
    html: bareHandlebars.compile(source.html),
    text: bareHandlebars.compile(source.text, { noEscape: true }),
  };
  const values = exampleValues('user-invitation', 'en');
  const contenders: Record<string, () => unknown> = {
    'bare Handlebars': () => [bare.subject(values), bare.html(values), bare.text(values)],
    'built-in': () => renderInvitationMail(mail),
    'own template': () => renderInvitationMail({ ...mail, own }),
  };
  const rates = Object.fromEntries(Object.keys(contenders).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1)
    for (const [name, make] of Object.entries(contenders)) {
      const rate = perSecond(make);
      if (round > 0) rates[name]?.push(rate);
    }
  const bareRate = median(rates['bare Handlebars'] ?? []);
  return Object.fromEntries(
    Object.entries(rates).map(([name, all]) => [
      name,
      { 'mails per second': Math.round(median(all)), ratio: (median(all) / bareRate).toFixed(2) },
    ]),
  );
}

function perSecond(make: () => unknown): number {
  const begun = process.cpuUsage();
  const until = performance.now() + roundMs;
  let made = 0;
  // Of this process's time on the processor: others use it, too.
  for (; performance.now() < until; made += 1) make();
  const { user, system } = process.cpuUsage(begun);
  return made / ((user + system) / 1e6);
}
