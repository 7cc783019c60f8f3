import type { MailParts } from './mail-templates';

/** Everything that can be wrong with a template of an organization's own. What it is called is `templateFaults.<code>` of the catalogue. */
export const templateFaultCodes = [
  // Of a part as a whole.
  'noText',
  'empty',
  'subjectTooLong',
  'tooLong',
  'tooManyNodes',
  'mask',
  'missingInHtml',
  'missingInText',
  // Of the language.
  'unfinished',
  'notUnderstood',
  'closedByAnother',
  'tooDeep',
  'blockParameters',
  'partial',
  'unknownTag',
  'unescaped',
  'unknownHelper',
  'linesArgument',
  'linesInSubject',
  'secretInSubject',
  'unknownBlock',
  'blockArgument',
  'unknownVariable',
  'noVariable',
  // Of the HTML around it.
  'blockInTag',
  'onlyColour',
  'onlyAddress',
  'inStyleSheet',
  'tornBlock',
  'ambiguous',
  // Of what it would become.
  'emptySubject',
  'tooLarge',
  'notFillable',
] as const;

export type TemplateFaultCode = (typeof templateFaultCodes)[number];

/** What its words tell: names and examples as they stand in templates. */
export type TemplateFaultValues = Record<string, string | number>;

export interface TemplateFault {
  part: keyof MailParts;
  code: TemplateFaultCode;
  values: TemplateFaultValues;
  /** Where, counted from 1; neither: in the part as a whole. */
  line?: number;
  column?: number;
}
