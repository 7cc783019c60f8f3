import type { z } from 'zod';
import type { FieldError, Problem } from '../../domain/problem';
import { notFound } from '../../domain/problem';
import { hasText } from '../../i18n';
import { toProblem } from '../middleware/problems';
import type { emailTemplate, renderedTemplate, templateList, templateVersionPage } from '../schemas/email-templates';
import { actorName } from './actors';
import { type Conflict, conflictOf } from './conflict';
import { demand, refusable } from './demand';
import { type FieldSpec, type Form, formOf } from './forms';
import { showFaults, showMailParts } from './frames';
import type { Screens } from './index';
import { mailName } from './mail-names';
import type { Page } from './page';
import { nextPage, queryOf } from './paging';
import { consoleView } from './views';

type TemplateBody = z.infer<typeof emailTemplate>;
type VersionPageBody = z.infer<typeof templateVersionPage>;

interface TemplatesData {
  rows: {
    name: string;
    type: string;
    languages: { language: string; path: string; own: boolean; updatedAt: string | null }[];
  }[];
}

const templatesView = consoleView<TemplatesData>('email-templates');

interface EditorData {
  name: string;
  language: string;
  path: string;
  own: boolean;
  updatedAt: string | null;
  form: Form;
  version: string;
  conflict: Conflict | null;
  faults: { part: string; message: string }[];
  variables: { code: string; meaning: string; example: string; mandatory: boolean; optional: boolean }[];
  /** Where a test mail of what stands in the form went. */
  testSentTo: string | null;
}

const editorView = consoleView<EditorData>('email-template');
const resetView = consoleView<{ name: string; language: string; path: string; version: string }>(
  'email-template-reset',
);

interface VersionsData {
  name: string;
  language: string;
  path: string;
  version: string;
  rows: {
    number: number;
    at: string;
    by: string;
    current: boolean;
    reset: boolean;
    subject: string | null;
    html: string | null;
    text: string | null;
  }[];
  next: string | null;
  previous: string | null;
  first: string | null;
}

const versionsView = consoleView<VersionsData>('email-template-versions');

const one = 'O/email-templates/{type}/{locale}';
const base = '/console/email-templates/:type/:locale';

const paramsOf = (page: Page) => ({ type: page.param('type'), locale: page.param('locale') });
const pathOf = (page: Page): string => `/console/email-templates/${page.param('type')}/${page.param('locale')}`;
const partsOf = (page: Page) => ({
  subject: page.field('subject'),
  html: page.field('html'),
  text: page.field('text'),
});

/** Two parts of 100 KB, as forms write them: what is too long is said at its field, and stays there. */
const templateLimit = '1mb';

/** Mails in the organization's own words. // E3 */
export function emailTemplatesScreens({ get, post, frame }: Screens): void {
  get('/console/email-templates', async (page) => {
    const { items } = await page.ask<z.infer<typeof templateList>>('GET O/email-templates');
    const types = [...new Set(items.map(({ type }) => type))];
    page.show(templatesView, {
      rows: types.map((type) => ({
        name: mailName(page, type),
        type,
        languages: items
          .filter((item) => item.type === type)
          .map(({ locale, overridden, updatedAt }) => ({
            language: page.t(`console.settings.locales.${locale}`),
            path: `/console/email-templates/${type}/${locale}`,
            own: overridden,
            updatedAt: overridden ? updatedAt : null,
          })),
      })),
    });
  });

  get(base, (page) => showEditor(page));
  post(
    base,
    (page) =>
      refusable(
        async () => {
          const headers = { 'if-match': page.field('version') || '*' };
          await page.ask(`PUT ${one}`, { params: paramsOf(page), body: partsOf(page), headers });
          page.go(pathOf(page), 'templateSaved');
        },
        (problem) => showEditor(page, { problem, typed: true }),
      ),
    (page) => showEditor(page, { typed: true }),
    templateLimit,
  );

  post(
    `${base}/test`,
    (page) =>
      refusable(
        async () => {
          const { to } = await page.ask<{ to: string }>(`POST ${one}/test`, {
            params: paramsOf(page),
            body: partsOf(page),
          });
          // Not led elsewhere: what is typed is not saved yet.
          await showEditor(page, { typed: true, testSentTo: to });
        },
        (problem) => showEditor(page, { problem, typed: true }),
      ),
    (page) => showEditor(page, { typed: true }),
    templateLimit,
  );

  // Into the frame beside the editor: what is stored to begin with, then what is typed.
  frame('get', `${base}/preview`, (page) => showPreview(page, undefined));
  frame('post', `${base}/preview`, (page) => showPreview(page, partsOf(page)), templateLimit);

  get(`${base}/reset`, async (page) => {
    const { version } = await readTemplate(page);
    page.show(resetView, { ...titleOf(page), path: pathOf(page), version });
  });
  post(`${base}/reset`, async (page) => {
    await page.ask(`DELETE ${one}`, {
      params: paramsOf(page),
      headers: { 'if-match': page.field('version') || '*' },
    });
    page.go(pathOf(page), 'templateReset');
  });

  get(`${base}/versions`, async (page) => {
    const { version, body } = await readTemplate(page);
    const versions = await page.ask<VersionPageBody>(`GET ${one}/versions`, {
      params: paramsOf(page),
      query: { limit: '10', ...queryOf(page, 'cursor') },
    });
    page.show(versionsView, {
      ...titleOf(page),
      path: pathOf(page),
      version,
      rows: versions.items.map(({ version: number, createdAt, createdBy, reset, subject, html, text }) => ({
        number,
        at: createdAt,
        by: actorName(page, createdBy.type, createdBy.displayName),
        current: number === body.version,
        reset,
        subject,
        html,
        text,
      })),
      ...nextPage(page, versions.nextCursor),
    });
  });
  post(`${base}/versions`, async (page) => {
    const number = Number(page.field('number'));
    const found = await findVersion(page, number);
    await page.ask(`PUT ${one}`, {
      params: paramsOf(page),
      body: found,
      headers: { 'if-match': page.field('version') || '*' },
    });
    page.go(pathOf(page), 'templateSaved');
  });
}

async function findVersion(page: Page, number: number): Promise<{ subject: string; html: string; text: string }> {
  let cursor: string | null = '';
  while (cursor !== null) {
    const versions: VersionPageBody = await page.ask<VersionPageBody>(`GET ${one}/versions`, {
      params: paramsOf(page),
      query: { limit: '50', ...(cursor && { cursor }) },
    });
    const found = versions.items.find(({ version }) => version === number);
    if (found) {
      const { subject, html, text } = found;
      if (subject === null || html === null || text === null) throw notFound('version');
      return { subject, html, text };
    }
    cursor = versions.nextCursor;
  }
  throw notFound('version');
}

async function readTemplate(page: Page): Promise<{ body: TemplateBody; version: string }> {
  const { body, etag } = await page.reply(`GET ${one}`, { params: paramsOf(page) });
  return { body: body as TemplateBody, version: etag ?? '' };
}

const titleOf = (page: Page) => ({
  name: mailName(page, page.param('type')),
  language: page.t(`console.settings.locales.${page.param('locale')}`),
});

/** What is wrong with each part; the line and column are said with it. */
const faultsOf = (page: Page, errors: FieldError[] = []) =>
  errors.map(({ pointer, message }) => {
    const name = pointer.split('/')[1] ?? '';
    const key = `console.templates.fields.${name}.label`;
    return { part: hasText(page.locale, key) ? page.t(key) : name, message };
  });

interface Shown {
  problem?: Problem;
  typed?: boolean;
  testSentTo?: string;
}

async function showEditor(page: Page, { problem, typed = false, testSentTo }: Shown = {}): Promise<void> {
  const { body, version } = await readTemplate(page);
  const specs: FieldSpec[] = (
    [
      { name: 'subject', required: true, value: body.subject },
      { name: 'html', kind: 'textarea', rows: 20, required: true, value: body.html },
      { name: 'text', kind: 'textarea', rows: 14, required: true, value: body.text },
    ] satisfies FieldSpec[]
  ).map((spec) => ({ ...spec, words: `console.templates.fields.${spec.name}` }));
  const conflicting = problem?.code === 'PRECONDITION_FAILED';
  const form = formOf(page, specs, typed, conflicting ? null : (problem ?? null));
  const data: EditorData = {
    ...titleOf(page),
    path: pathOf(page),
    own: body.overridden,
    updatedAt: body.overridden ? body.updatedAt : null,
    form,
    version: typed && !conflicting ? page.field('version') : version,
    conflict: conflicting ? conflictOf(page, form, formOf(page, specs), pathOf(page)) : null,
    faults: problem?.code === 'BAD_INPUT' ? faultsOf(page, problem.options.errors) : [],
    variables: body.variables.map(({ name, meaning, example, mandatory, optional }) => ({
      code: `{{${name}}}`,
      meaning: hasText(page.locale, `console.templates.meanings.${name}`)
        ? page.t(`console.templates.meanings.${name}`)
        : meaning,
      example,
      mandatory,
      optional,
    })),
    testSentTo: testSentTo ?? null,
  };
  if (problem) page.showAgain(editorView, data, problem);
  else page.show(editorView, data);
}

/** The mail with both of its parts, or what keeps it from being one. */
async function showPreview(page: Page, body: object | undefined): Promise<void> {
  demand(page, 'templates.manage');
  try {
    const mail = await page.ask<z.infer<typeof renderedTemplate>>(`POST ${one}/preview`, {
      params: paramsOf(page),
      body,
    });
    showMailParts(page.response, page.locale, mail, page.param('locale'));
  } catch (error) {
    const problem = toProblem(error);
    if (problem.code !== 'BAD_INPUT') throw error;
    showFaults(page.response, page.locale, faultsOf(page, problem.options.errors));
  }
}
