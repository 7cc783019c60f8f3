import type { Problem } from '../../domain/problem';
import { hasText } from '../../i18n';
import type { Page } from './page';
import { consoleView } from './views';

/** The form belongs to another organization; back null: it cannot be gone on with. */
export interface SwitchBack {
  back: { id: string; name: string; kept: string } | null;
}

interface RefusalData {
  status: number;
  title: string;
  /** What to do about it; null where nothing can be said. */
  help: string | null;
  back: SwitchBack['back'];
  requestId: string;
}

const refusalView = consoleView<RefusalData>('refusal');

/** What an action was refused for, and what to do: `errors.<CODE>` and `console.help.<CODE>`. */
export function refusalWords(page: Page, { code }: Problem): { title: string; help: string | null } {
  const help = `console.help.${code}`;
  return { title: page.t(`errors.${code}`), help: hasText(page.locale, help) ? page.t(help) : null };
}

/** A whole screen that says no. */
export function showRefusal(page: Page, problem: Problem, switched?: SwitchBack): void {
  const words = refusalWords(page, problem);
  page.show(
    refusalView,
    {
      status: problem.status,
      title: switched ? page.t('console.refusals.switched.title') : words.title,
      help: switched ? page.t('console.refusals.switched.help') : words.help,
      back: switched?.back ?? null,
      requestId: page.request.id as string,
    },
    problem.status,
  );
}
