/** `npm run test:long`: everything in every variant. In `npm test` variants take turns, and crowds are smaller. */
export const long = process.env['USHER_TEST_LONG'] === 'yes';

/** Those of a list that it is this variant's turn to look at. */
export const turnsOf = <T>(list: readonly T[], variant: number, variants: number): T[] =>
  list.filter((_, index) => long || index % variants === variant);
