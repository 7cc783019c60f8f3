import type { Request } from 'express';
import { type FieldError, Problem } from '../domain/problem';
import type { TemplateFault } from '../domain/template-fault';
import { pickLocale, translator } from '../i18n';

/** What is wrong with a template, in the language of whoever asks: people write templates, and they read it. // E3 */
export function templateProblem(request: Request, faults: readonly TemplateFault[]): Problem {
  const t = translator(pickLocale(request.get('accept-language')));
  const errors = faults.map(({ part, code, values, line, column }): FieldError => {
    const fault = t(`templateFaults.${code}`, values);
    if (line === undefined || column === undefined) return { pointer: `/${part}`, message: fault };
    return { pointer: `/${part}`, message: t('templateFaults.at', { line, column, fault }), line, column };
  });
  const told = errors.map(({ pointer, message }) => `${pointer.slice(1)}: ${message}`).join(' ');
  return new Problem('BAD_INPUT', t('templateFaults.detail', { faults: told.slice(0, 1_000) }), { errors });
}
