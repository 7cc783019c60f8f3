import type { Request } from 'express';
import { z } from 'zod';
import { isConsolePath } from './signed-in';

const declinePath = /^\/profile\/invitations\/[0-9a-f-]{36}\/decline$/;

/**
 * What somebody has typed into a form whose session had ended, on its way through signing in and back to the form. It
 * travels in hidden fields of their own browser, is stored nowhere, and comes back to be looked at: nothing is done with
 * it before the form is sent again.
 */
const keptForm = z.object({
  path: z
    .string()
    .max(300)
    .refine(
      (path) => isConsolePath(path) || path === '/profile' || path === '/profile/email' || declinePath.test(path),
    ),
  // As much as the longest field of a route: a template's HTML.
  fields: z.array(z.tuple([z.string().max(100), z.string().max(102_400)])).max(500),
});
export type KeptForm = z.infer<typeof keptForm>;

/** For bodies that bring such a form along. */
export const keptFormLimit = '1mb';

/** A password is typed anew, and a file is chosen anew; the rest is kept. The console has none, but rules for them. */
const isKept = (path: string, name: string, text: string): boolean =>
  (isConsolePath(path) || !/password/i.test(name)) && !text.startsWith('data:image/');

/** The form of this request; null where there is nothing worth keeping. */
export function keepForm(request: Request): string | null {
  const path = request.originalUrl.split('?')[0] ?? '';
  const fields = Object.entries((request.body ?? {}) as Record<string, unknown>).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((text) =>
      typeof text === 'string' && isKept(path, name, text) ? [[name, text]] : [],
    ),
  );
  const kept = keptForm.safeParse({ path, fields });
  return kept.success && fields.length > 0 ? JSON.stringify(kept.data) : null;
}

/** The same, read from a hidden field; null for anything that we have not made. */
export function readKept(text: string): KeptForm | null {
  if (text === '') return null;
  try {
    return keptForm.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** As the view `go-on` takes it. */
export const goOnData = ({ path, fields }: KeptForm) => ({
  action: path,
  fields: fields.filter(([name]) => name !== 'redisplay').map(([name, value]) => ({ name, value })),
});
