import type { Problem } from '../../domain/problem';
import { type SeatCount, usedSeats } from '../../domain/seats';
import { hasText } from '../../i18n';
import type { Page } from './page';
import { consoleView } from './views';

/** The form belongs to another organization; back null: it cannot be gone on with. */
export interface SwitchBack {
  back: { id: string; name: string; kept: string } | null;
}

/** Why something was refused, in words. */
export interface Refusal {
  title: string;
  /** How the seats are used, a sentence each; empty where it is about something else. // D2 */
  numbers: string[];
  /** What to do about it; null where nothing can be said. */
  help: string | null;
  /** Where to do it. */
  link: { href: string; label: string } | null;
}

interface RefusalData extends Refusal {
  status: number;
  back: SwitchBack['back'];
  requestId: string;
}

const refusalView = consoleView<RefusalData>('refusal');

/** What an action was refused for, and what to do: `errors.<CODE>` and `console.help.<CODE>`. */
export function refusalWords(page: Page, { code }: Problem): Refusal {
  const help = `console.help.${code}`;
  const seats = code === 'NO_SEAT' ? page.refusedSeats : null;
  return {
    title: page.t(`errors.${code}`),
    numbers: seats ? seatNumbers(page, seats) : [],
    help: hasText(page.locale, help) ? page.t(help) : null,
    link: linkOf(page, code, seats !== null),
  };
}

/** Where something can be done about it, for whoever may look there. */
function linkOf(page: Page, code: Problem['code'], aboutSeats: boolean): Refusal['link'] {
  if (aboutSeats && page.may('users.manage'))
    return { href: '/console/licences', label: page.t('console.sections.licences') };
  if (code === 'ADDRESS_SUPPRESSED' && page.may('logs.read'))
    return { href: '/console/suppressed-addresses', label: page.t('console.emails.suppressed') };
  return null;
}

/** The same in the sentence that the next screen shows, for `page.go`. */
export function refusalNotice(page: Page, problem: Problem): Record<string, string> {
  const { title, help, link } = refusalWords(page, problem);
  return { title, help: help ?? '', ...link };
}

function seatNumbers(page: Page, seats: SeatCount): string[] {
  const { licences, members, multiGroupGuests, invited } = seats;
  return [
    page.t('console.seats.licences', { used: usedSeats(seats, 'licence'), licences, members, multiGroupGuests }),
    page.t('console.seats.singleGroup', { used: usedSeats(seats, 'single-group'), licences }),
    page.t('console.seats.invited', { count: invited }),
  ];
}

/** A whole screen that says no. */
export function showRefusal(page: Page, problem: Problem, switched?: SwitchBack): void {
  const words = refusalWords(page, problem);
  page.show(
    refusalView,
    {
      ...words,
      status: problem.status,
      title: switched ? page.t('console.refusals.switched.title') : words.title,
      help: switched ? page.t('console.refusals.switched.help') : words.help,
      back: switched?.back ?? null,
      requestId: page.request.id as string,
    },
    problem.status,
  );
}
