import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { routes } from '../../api/app';
import { confirmationBinding, resetBinding } from '../../domain/account';
import { accountToken, parseKeyRing } from '../../domain/token';
import { readOtpauth } from '../support/authenticator';
import { type Visitor, visitor } from '../support/people';
import { tokenOf } from '../support/token';
import { goodPassword, type Reply, startUsher, type TestUsher } from '../support/usher';

/* eslint-disable @typescript-eslint/no-explicit-any */
const dsnKey = 'the-key-of-the-mail-provider-'.repeat(2);
let usher: TestUsher;
let document: any;
let ajv: Ajv2020;
beforeAll(async () => {
  usher = await startUsher({ worker: false, env: { USHER_DSN_KEY: dsnKey } });
  document = (await usher.call('GET', '/openapi.json', undefined, { key: null })).body;
  ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addFormat('idn-email', /^[^@\s]+@[^@\s]+$/);
  ajv.addSchema(document as object, 'openapi');
});
afterAll(() => usher.stop());

/** The shape of an OpenAPI 3.1 document, as far as this one uses it: unknown keywords and missing parts are refused. */
const shape = {
  type: 'object',
  required: ['openapi', 'info', 'paths', 'components', 'servers'],
  properties: {
    openapi: { pattern: '^3\\.1\\.\\d+$' },
    info: {
      type: 'object',
      required: ['title', 'version'],
      properties: { title: { type: 'string', minLength: 1 }, version: { type: 'string', minLength: 1 } },
    },
    servers: { type: 'array', items: { type: 'object', required: ['url'] } },
    paths: {
      type: 'object',
      propertyNames: { pattern: '^/' },
      additionalProperties: {
        type: 'object',
        propertyNames: { enum: ['get', 'post', 'put', 'patch', 'delete', 'parameters'] },
        additionalProperties: { $ref: '#/$defs/operation' },
      },
    },
    components: {
      type: 'object',
      properties: {
        schemas: { type: 'object', propertyNames: { pattern: '^[\\w.-]+$' }, additionalProperties: { type: 'object' } },
        securitySchemes: {
          type: 'object',
          additionalProperties: {
            type: 'object',
            required: ['type'],
            properties: { type: { enum: ['http', 'apiKey'] } },
          },
        },
        parameters: { type: 'object' },
      },
      additionalProperties: false,
    },
  },
  $defs: {
    operation: {
      type: 'object',
      required: ['responses', 'summary', 'tags'],
      properties: {
        summary: { type: 'string', minLength: 1 },
        tags: { type: 'array', items: { type: 'string' } },
        security: { type: 'array' },
        parameters: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name', 'in', 'schema'],
            properties: { in: { enum: ['path', 'query', 'header'] }, schema: { type: 'object' } },
            if: { properties: { in: { const: 'path' } } },
            then: { required: ['required'], properties: { required: { const: true } } },
          },
        },
        requestBody: { type: 'object', required: ['content'], properties: { content: { $ref: '#/$defs/content' } } },
        responses: {
          type: 'object',
          minProperties: 2,
          propertyNames: { pattern: '^[1-5]\\d\\d$' },
          additionalProperties: {
            type: 'object',
            required: ['description'],
            properties: {
              description: { type: 'string' },
              content: { $ref: '#/$defs/content' },
              headers: { type: 'object', additionalProperties: { type: 'object', required: ['schema'] } },
            },
            additionalProperties: false,
          },
        },
      },
      additionalProperties: false,
    },
    content: {
      type: 'object',
      propertyNames: { enum: ['application/json', 'application/problem+json', 'message/rfc822', 'text/plain'] },
      additionalProperties: { type: 'object', required: ['schema'], properties: { schema: { type: 'object' } } },
    },
  },
};

const pointerPart = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
const faults = (pointer: string, value: unknown): string[] => {
  const validate = ajv.getSchema(`openapi#${pointer}`);
  if (!validate) throw new Error(`there is no schema at ${pointer}`);
  return validate(value) ? [] : [ajv.errorsText(validate.errors)];
};
const operations = (): { method: string; path: string; operation: any }[] =>
  Object.entries(document.paths as object).flatMap(([path, methods]) =>
    Object.entries(methods as object).map(([method, operation]) => ({ method, path, operation })),
  );

test('the document is OpenAPI 3.1', () => {
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(shape);
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
});

test('every schema in it is one of JSON Schema 2020-12, and every reference leads somewhere', () => {
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    expect(document.components.schemas).toHaveProperty([name ?? '']);
  expect(Object.keys(document.components.schemas as object).length).toBeGreaterThan(15);
  for (const [name, schema] of Object.entries(document.components.schemas as object)) {
    expect({ name, valid: ajv.validateSchema(schema as object) }).toEqual({ name, valid: true });
    expect(ajv.getSchema(`openapi#/components/schemas/${pointerPart(name)}`)).toBeDefined();
  }
});

test('its patterns are JSON Schema’s, without the flags of JavaScript', () => {
  const patterns = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(
    ([, text]) => JSON.parse(text ?? '') as string,
  );
  expect(patterns.length).toBeGreaterThan(0);
  for (const pattern of patterns) {
    expect(pattern).not.toMatch(/\$\/\w*$/);
    expect(() => new RegExp(pattern, 'u')).not.toThrow();
  }
});

test('it lists every route, and no other', () => {
  const listed = operations().map(({ method, path }) => `${method} ${path}`);
  expect(listed.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
});

test('each operation names the parameters of its path, its refusals, and whether it needs a key', () => {
  for (const { path, operation } of operations()) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? []).filter((parameter: any) => parameter.in === 'path');
    expect(declared.map((parameter: any) => parameter.name)).toEqual(inPath);
    expect(operation.responses).toHaveProperty('400');
    expect(operation.responses).toHaveProperty('429');
    const open = /^\/v1\/(invitation-tokens|auth)\//.test(path);
    const byKey = path.startsWith('/v1/me') ? [] : [{ key: [] }];
    const keyOnly = ['/v1/organizations', '/v1/figures'].includes(path) || path.startsWith('/v1/provider-events');
    const bySession = keyOnly ? [] : [{ session: [] }];
    expect({ path, security: operation.security }).toEqual({
      path,
      security: open ? undefined : [...byKey, ...bySession],
    });
  }
});

describe('a walk through every route', () => {
  interface Step {
    operation: string;
    status: number;
    problems: string[];
  }
  const steps: Step[] = [];

  /** Calls, and holds request and answer against the document. */
  async function step(
    method: string,
    path: string,
    body?: unknown,
    caller: string | Visitor | null = usher.platformKey,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const answer =
      caller === null || typeof caller === 'string'
        ? await usher.call(method, path, body, { key: caller, headers })
        : await caller.call(method, path, body);
    const plain = path.replace(/\?.*/, '');
    const template = Object.keys(document.paths as object)
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .find((candidate) => new RegExp(`^${candidate.replace(/\{\w+\}/g, '[^/]+')}$`).test(plain));
    const problems: string[] = [];
    const verb = method.toLowerCase();
    const operation = template && document.paths[template]?.[verb];
    if (!template || !operation) throw new Error(`${method} ${path} is not in the document`);
    const at = `/paths/${pointerPart(template)}/${verb}`;
    const response = operation.responses[answer.status];
    if (!response) problems.push(`status ${answer.status} is not declared`);
    else if (response.content) {
      const type = (answer.headers['content-type'] ?? '').replace(/;.*/, '');
      if (!response.content[type]) problems.push(`content type ${type} is not declared`);
      else
        problems.push(
          ...faults(`${at}/responses/${answer.status}/content/${pointerPart(type)}/schema`, answer.body),
          ...undeclared(response.content[type].schema, answer.body),
        );
    } else if (answer.text !== '') problems.push('an answer where none is declared');
    const takesJson = operation.requestBody?.content['application/json'];
    if (answer.status < 300 && body !== undefined && takesJson)
      problems.push(...faults(`${at}/requestBody/content/application~1json/schema`, body));
    if (answer.status === 400 && body !== undefined && takesJson && answer.body.code === 'BAD_INPUT')
      expect({ path, refused: faults(`${at}/requestBody/content/application~1json/schema`, body).length > 0 }).toEqual({
        path,
        refused: true,
      });
    for (const header of Object.keys((response?.headers as object) ?? {}))
      if (!answer.headers[header.toLowerCase()]) problems.push(`header ${header} is missing`);
    steps.push({ operation: `${verb} ${template}`, status: answer.status, problems });
    return answer;
  }

  /** As it would be mailed to her. */
  async function accountTokenOf(purpose: 'password-reset' | 'email-confirmation'): Promise<string> {
    const row = await usher.owner('accounts').first().where({ username: 'ada.walk' });
    const account = {
      passwordHash: row.password_hash,
      email: row.email,
      invitedEmail: row.invited_email,
      activatedAt: row.activated_at,
      pendingEmail: row.pending_email,
      sessionEpoch: row.session_epoch,
    };
    const binding = purpose === 'password-reset' ? resetBinding(account) : confirmationBinding(account);
    const claim = { accountId: row.id as string, expiresAt: new Date(Date.now() + 60_000) };
    return accountToken(parseKeyRing(usher.env['USHER_SECRET'] ?? ''), purpose, claim, binding);
  }

  /** Fields of an answer that its schema does not name. */
  function undeclared(schema: any, value: unknown, at = ''): string[] {
    const resolved = schema.$ref ? document.components.schemas[schema.$ref.replace(/.*\//, '')] : schema;
    const branch = (resolved.anyOf ?? []).find((option: any) => option.properties || option.$ref) ?? resolved;
    const known = branch.$ref ? document.components.schemas[branch.$ref.replace(/.*\//, '')] : branch;
    if (Array.isArray(value)) return value.flatMap((item) => undeclared(known.items ?? {}, item, at));
    if (!value || typeof value !== 'object' || !known.properties) return [];
    return Object.entries(value).flatMap(([name, item]) =>
      known.properties[name]
        ? undeclared(known.properties[name], item, `${at}/${name}`)
        : [`${at}/${name} is not declared`],
    );
  }

  test('every answer on the way is as its schema says', async () => {
    const fields = { name: 'Walk', preset: 'licensed-guests', timeZone: 'Europe/Berlin', locale: 'de', licences: 15 };
    const administrator = { email: 'admin@walk.test', firstName: 'Ad', lastName: 'Min' };
    const created = await step('POST', '/v1/organizations', { ...fields, administrator });
    const o = `/v1/organizations/${created.body.id}`;
    await step('GET', o);
    await step('PATCH', o, { name: 'Walked', licences: null, plan: 'premium' });
    await step('GET', `${o}/figures`);
    await step('GET', '/v1/figures');
    await step('GET', `${o}/policy`);
    await step('PATCH', `${o}/policy`, {
      reminders: ['P7D'],
      redirectOrigins: ['https://app.test'],
      applyToPending: true,
    });
    const key = (await step('POST', `${o}/api-keys`, { name: 'walk', expiresAt: '2099-01-01T00:00:00+01:00' })).body;
    await step('GET', `${o}/api-keys`);
    const full = {
      kind: 'guest',
      email: 'ada@walk.test',
      username: 'ada.walk',
      firstName: 'Ada',
      lastName: 'Lovelace',
      guestType: 'partner',
      message: 'Hello\nthere',
      locale: 'en',
      accessEndsAt: '2099-01-01T00:00:00Z',
      externalId: 'x-1',
      metadata: { nested: { list: [1, null, 'a'] } },
      redirectUrl: 'https://app.test/welcome',
      permissions: ['reports.read'],
    };
    const guest = (await step('POST', `${o}/invitations`, full, key.key as string)).body;
    const invitations = `${o}/invitations`;
    for (const path of ['', '?status=pending&kind=guest&q=ada&limit=1', `/${guest.id}`, `/${guest.id}/timeline`])
      await step('GET', invitations + path);
    await step('PATCH', `${invitations}/${guest.id}`, { email: 'ada@bücher.example', firstName: null });
    await step('POST', `${invitations}/${guest.id}/resend`);
    const draft = (await step('POST', invitations, { firstName: 'No', lastName: 'Mail', kind: 'guest' })).body;
    await step('POST', `${invitations}/${draft.id}/send`);
    await step('POST', `${invitations}/${draft.id}/link`);
    const later = (await step('POST', invitations, { email: 'later@walk.test', send: false })).body;
    await step('POST', `${invitations}/${later.id}/send`);
    const link = async (invitation: { id: string }) => {
      const { generation } = (await usher.call('GET', `${invitations}/${invitation.id}`)).body as {
        generation: number;
      };
      return `/v1/invitation-tokens/${tokenOf(usher, { id: invitation.id, generation })}`;
    };
    await step('GET', await link(guest), undefined, null);
    await step('POST', `${await link(guest)}/request-new`, undefined, null);
    await step('POST', `${await link(guest)}/accept`, { password: 'weak' }, null);
    await step('POST', `${await link(guest)}/accept`, { password: goodPassword, lastName: 'Byron' }, null);
    await step('POST', `${await link(guest)}/accept`, { password: goodPassword }, null);
    await step('POST', `${await link(later)}/decline`, { reason: 'No' }, null);
    await step('POST', `${invitations}/${draft.id}/cancel`);
    await step('GET', `${invitations}/${guest.id}`);
    const users = (await step('GET', `${o}/users?limit=2`)).body;
    await step('GET', `${o}/users/${users.items[0].id}`);
    await step('GET', `${o}/audit-events?limit=200`);
    const open = (await usher.call('POST', invitations, { email: 'open@walk.test' })).body as { id: string };
    const mail = await usher.owner.raw<{ rows: { id: string }[] }>(
      `insert into emails (id, organization_id, invitation_id, type, generation, locale, sender, recipient, subject, html, text,
         message_id, status, sent_at)
       values (gen_random_uuid(), ?, ?, 'guest-invitation', 1, 'en', 'Usher <usher@usher.test>', 'open@walk.test', 's', 'h', 't',
         '<1@usher.test>', 'sent', now()) returning id`,
      [created.body.id as string, open.id],
    );
    const emailId = mail.rows[0]?.id;
    await step('GET', `${o}/emails?status=sent&q=walk`);
    await step('GET', `${o}/emails/${emailId}`);
    await step('POST', `${o}/emails/${emailId}/resend`);
    await step('POST', `${o}/emails/${emailId}/resend`);
    await usher.owner.raw(
      `insert into suppressed_addresses (id, organization_id, address, reason, detail, mail_id)
       values (gen_random_uuid(), ?, 'gone@walk.test', 'bounce', '550', ?)`,
      [created.body.id as string, emailId ?? ''],
    );
    const [suppressed] = (await step('GET', `${o}/suppressed-addresses`)).body.items;
    await step('DELETE', `${o}/suppressed-addresses/${suppressed.id}`);
    await step('POST', '/v1/provider-events/dsn', 'no report', dsnKey, { 'content-type': 'message/rfc822' });
    const groups = `${o}/groups`;
    const team = (await step('POST', groups, { name: 'Team', visibility: 'private', permissions: ['reports.read'] }))
      .body;
    await step('GET', `${groups}?q=team&limit=1`);
    await step('PATCH', `${groups}/${team.id}`, { membersMayPublish: true, visibility: 'open' });
    await step('PUT', `${groups}/${team.id}/members/${users.items[0].id}`, { role: 'member' });
    await step('GET', `${groups}/${team.id}`);
    const question = {
      subject: { type: 'user', id: users.items[0].id },
      action: { name: 'content.publish' },
      resource: { type: 'group', id: team.id },
      context: { organizationId: created.body.id },
    };
    await step('POST', '/access/v1/evaluation', question);
    const items = [{}, { action: { name: 'group.read' } }];
    await step('POST', '/access/v1/evaluations', { ...question, evaluations: items });
    await step('POST', '/access/v1/evaluations', question);
    await step('DELETE', `${groups}/${team.id}/members/${users.items[0].id}`);
    await step('DELETE', `${groups}/${team.id}`);
    await step('DELETE', `${o}/api-keys/${key.id}`);
    // A person, and what they do about themselves.
    const ada = visitor(usher);
    const password = 'Spring-Is-Here-9';
    await step('POST', '/v1/auth/sign-in', { login: 'ada.walk', password: 'Not-Mine-1' }, ada);
    await step('POST', '/v1/auth/sign-in', { login: 'ada.walk', password: goodPassword }, ada);
    await step('GET', '/v1/me', undefined, ada);
    await step('PATCH', '/v1/me', { firstName: 'Augusta', locale: 'en-GB' }, ada);
    await step('PUT', '/v1/me/password', { currentPassword: goodPassword, password }, ada);
    await step('PUT', '/v1/me/email', { currentPassword: password, email: 'new@walk.test' }, ada);
    await visitor(usher).signIn('ada.walk', password);
    const sessions = (await step('GET', '/v1/me/sessions?limit=10', undefined, ada)).body;
    await step('DELETE', `/v1/me/sessions/${sessions.items[0].id}`, undefined, ada);
    await step('GET', '/v1/me/organizations', undefined, ada);
    await step('PUT', '/v1/me/current-organization', { organizationId: created.body.id }, ada);
    const [first, second] = await Promise.all([usher.createOrganization(), usher.createOrganization()]);
    for (const organization of [first, second]) await organization.invite({ email: 'ada@bücher.example' });
    const [toAccept, toDecline] = (await step('GET', '/v1/me/invitations', undefined, ada)).body.items;
    await step('POST', `/v1/me/invitations/${toAccept.id}/accept`, undefined, ada);
    await step('POST', `/v1/me/invitations/${toDecline.id}/decline`, { reason: 'No' }, ada);
    const { id: adaId } = (await step('GET', '/v1/me', undefined, ada)).body;
    const user = `/v1/organizations/${toAccept.organization.id}/users/${adaId}`;
    const key2 = toAccept.organization.id === first.id ? first.key : second.key;
    await step('PATCH', user, { permissions: ['reports.read'], groupIds: [] }, key2);
    for (const action of ['activate', 'reset-password', 'deactivate'])
      await step('POST', `${user}/${action}`, {}, key2);
    await step('POST', `${user}/activate`, undefined, key2);
    await step('POST', '/v1/auth/sign-in', { login: 'ada.walk', password }, ada);
    await step('PUT', '/v1/me/email', { currentPassword: password, email: 'newer@walk.test' }, ada);
    // A guest somewhere else, for as long as it lasts.
    const host = await usher.createOrganization({ preset: 'licensed-guests' });
    const hosted = `/v1/organizations/${host.id}`;
    const enter = async () => {
      await host.invite({ kind: 'guest', email: 'ada@bücher.example' });
      const open = (await ada.call('GET', '/v1/me/invitations')).body.items as { id: string; kind: string }[];
      const id = open.find(({ kind }) => kind === 'guest')?.id;
      await ada.call('POST', `/v1/me/invitations/${id}/accept`);
    };
    await enter();
    await step('GET', `${hosted}/guests`, undefined, host.key);
    await step('GET', `${hosted}/licences`, undefined, host.key);
    const accessEndsAt = new Date(Date.now() + 86_400_000).toISOString();
    await step('PATCH', `${hosted}/guests/${adaId}`, { accessEndsAt, sponsorId: null }, host.key);
    await step('POST', `${hosted}/users/${adaId}/suspend`, undefined, host.key);
    await step('POST', `${hosted}/users/${adaId}/resume`, undefined, host.key);
    await step('DELETE', `/v1/me/organizations/${host.id}`, undefined, ada);
    await enter();
    await step('DELETE', `${hosted}/guests/${adaId}`, undefined, host.key);
    await step('GET', `${hosted}/guest-log?limit=2`, undefined, host.key);
    const { otpauthUrl } = (await step('POST', '/v1/me/two-factor/app', undefined, ada)).body;
    const code = readOtpauth(otpauthUrl as string).generate();
    const { recoveryCodes } = (await step('POST', '/v1/me/two-factor/app/confirm', { code }, ada)).body;
    await step('GET', '/v1/me/two-factor', undefined, ada);
    await step('POST', '/v1/auth/sign-in', { login: 'ada.walk', password }, ada);
    await step('POST', '/v1/auth/two-factor', { code: 'wrong' }, ada);
    await step('POST', '/v1/auth/two-factor', { code: recoveryCodes[0] }, ada);
    await step('GET', '/v1/me/two-factor/recovery-codes', undefined, ada);
    await step('POST', '/v1/me/two-factor/recovery-codes', undefined, ada);
    await step('PUT', '/v1/me/two-factor', { method: 'email' }, ada);
    await step('PATCH', user, { role: 'staff' }, key2);
    await step('POST', `${user}/security-report`, undefined, key2);
    await step('POST', `${user}/security-report`, undefined, ada);
    await step('PATCH', user, { role: 'member' }, key2);
    await step('POST', `${user}/reset-two-factor`, undefined, key2);
    await step('POST', '/v1/auth/sign-out', undefined, ada);
    await step('GET', '/v1/me', undefined, ada);
    await step('POST', '/v1/auth/forgot-password', { email: 'ada@bücher.example' }, null);
    await step('POST', '/v1/auth/confirm-email', { token: await accountTokenOf('email-confirmation') }, null);
    const token = await accountTokenOf('password-reset');
    await step('POST', '/v1/auth/reset-password', { token, password: goodPassword }, null);
    await step('POST', '/v1/auth/reset-password', { token, password: goodPassword }, null);
    await step('DELETE', user, undefined, key2);
    // Mails in words of one's own.
    const editors = await usher.createOrganization();
    const invited = await editors.invite({ email: 'editor@walk.test', role: 'administrator' });
    const accepted = await usher.call(
      'POST',
      `/v1/invitation-tokens/${tokenOf(usher, invited)}/accept`,
      { password: goodPassword },
      { key: null },
    );
    expect(accepted.status).toBe(200);
    const editor = visitor(usher);
    await editor.signIn('editor@walk.test');
    const wording = `/v1/organizations/${editors.id}/email-templates`;
    const template = `${wording}/guest-invitation/de`;
    const parts = { subject: 'Hallo {{firstName}}', html: '<a href="{{link}}">Los</a>', text: '{{link}}' };
    await step('GET', wording, undefined, editor);
    await step('PUT', template, parts, editor);
    await step('GET', template, undefined, editor);
    await step('POST', `${template}/preview`, parts, editor);
    await step('POST', `${template}/test`, undefined, editor);
    await step('GET', `${template}/versions?limit=1`, undefined, editor);
    await step('DELETE', template, undefined, editor);
    await step('PUT', `/v1/organizations/${editors.id}/branding`, { colour: '#123456' }, editor);
    await step('GET', `/v1/organizations/${editors.id}/branding`, undefined, editor);
    // Refusals.
    await step('GET', o, undefined, key.key as string);
    await step('POST', '/v1/organizations', { name: 7, colour: 'red' });
    await step('POST', invitations, { email: 'a@b@c', send: 'yes' });
    await step('POST', invitations, { email: 'later@walk.test' });
    await step('POST', invitations, { email: 'Later@walk.test' });
    await step('POST', `${invitations}/${guest.id}/cancel`);
    await step('PATCH', `${invitations}/${guest.id}`, { firstName: 'Late' });
    await step('GET', `${invitations}?limit=999`);
    await step('GET', `${invitations}?cursor=nonsense`);
    await step('GET', `${o}/users/${created.body.id}`);
    await step('GET', '/v1/invitation-tokens/nonsense', undefined, null);
    expect(steps.filter(({ problems }) => problems.length > 0)).toEqual([]);
  });

  test('and the way has passed every answer of success of every route', () => {
    const passed = new Set(steps.map(({ operation, status }) => `${operation} ${status}`));
    const declared = operations().flatMap(({ method, path, operation }) =>
      Object.keys(operation.responses as object)
        .filter((status) => status < '300')
        .map((status) => `${method} ${path} ${status}`),
    );
    expect(declared.filter((answer) => !passed.has(answer))).toEqual([]);
    expect(new Set(steps.map(({ status }) => status))).toEqual(new Set([200, 201, 202, 204, 400, 401, 404, 409, 410]));
  });
});
