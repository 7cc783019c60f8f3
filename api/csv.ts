/** What spreadsheets take for the beginning of a formula. */
const formula = /^[=+\-@\t\r\n]/;

/** One field as RFC 4180 has it; what a spreadsheet would calculate is kept as text by an apostrophe in front. */
export function csvField(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  const literal = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(literal) ? `"${literal.replaceAll('"', '""')}"` : literal;
}

/** One line, its end included. */
export const csvLine = (values: (string | number | null)[]): string => `${values.map(csvField).join(',')}\r\n`;
