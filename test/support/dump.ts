import type { TestUsher } from './usher';

/** Every row of every table and the state of every sequence, as text; tables found in the catalogue, so none is forgotten. */
export async function dump(usher: TestUsher, { without = [] as string[] } = {}): Promise<Record<string, string[]>> {
  const { rows } = await usher.owner.raw<{ rows: { name: string; columns: string }[] }>(
    `select quote_ident(relname) as name, case relkind when 'r' then 't' else 'row(last_value, is_called)' end as columns
     from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S') order by 1`,
  );
  const content: Record<string, string[]> = {};
  for (const { name, columns } of rows.filter((table) => !without.includes(table.name))) {
    const all = await usher.owner.raw<{ rows: { line: string }[] }>(
      `select (${columns})::text as line from ${name} t order by 1`,
    );
    content[name] = all.rows.map(({ line }) => line);
  }
  return content;
}
