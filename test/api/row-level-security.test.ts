import { randomBytes, randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import knexFactory from 'knex';
import { checkRole, inOrganizations, inOtherOrganization, openDatabase } from '../../db/database';
import { migrate } from '../../db/migrate';
import { urlWithDatabase } from '../support/database';
import { onePixel } from '../support/pictures';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let ours: TestOrganization;
let theirs: TestOrganization;
let scoped: Record<string, string>;
beforeAll(async () => {
  usher = await startUsher();
  [ours, theirs] = [await usher.createOrganization(), await usher.createOrganization()];
  for (const [index, organization] of [ours, theirs].entries()) {
    const guest = await organization.invite({ email: `guest-${index}@rls.test`, kind: 'guest' });
    await usher.linkFor(`guest-${index}@rls.test`);
    await eventually(
      () => organization.call('GET', `/invitations/${guest.id}`),
      ({ body }) => body.delivery.status === 'sent',
    );
    const accept = `/v1/invitation-tokens/${tokenOf(usher, guest)}/accept`;
    expect((await usher.call('POST', accept, { password: goodPassword }, { key: null })).status).toBe(200);
  }
  const template = { subject: 'Hi', html: '<p>{{link}}</p>', text: '{{link}}' };
  const logo = `data:image/png;base64,${onePixel}`;
  for (const organization of [ours, theirs]) {
    expect((await organization.call('PUT', '/email-templates/user-invitation/en', template)).status).toBe(200);
    expect((await organization.call('PUT', '/branding', { logo })).status).toBe(200);
  }
  // A mark in the outbox lives for milliseconds: these are made to stay.
  await eventually(
    () => usher.owner('invitation_outbox').select(),
    (marks) => marks.length === 0,
  );
  await usher.stopWorker();
  for (const [index, organization] of [ours, theirs].entries())
    await usher.owner.raw(
      `insert into suppressed_addresses (id, organization_id, address, reason) values (gen_random_uuid(), ?, ?, 'bounce')`,
      [organization.id, `gone-${index}@rls.test`],
    );
  // Nor has anybody here an inviter who would be told.
  for (const organization of [ours, theirs])
    await usher.owner.raw(
      `insert into inviter_notices (organization_id, inviter_id, invitation_id, generation, event)
       select organization_id, account_id, id, generation, 'accepted' from invitations where organization_id = ?`,
      [organization.id],
    );
  for (const organization of [ours, theirs])
    await usher.owner.raw(
      `insert into invitation_outbox (invitation_id, organization_id, sequence, lease_until)
       select id, organization_id, 0, now() from invitations where organization_id = ?`,
      [organization.id],
    );
  for (const organization of [ours, theirs])
    await usher.owner('removed_guests').insert({ organization_id: organization.id, account_id: randomUUID() });
  scoped = await scopedTables(usher.owner);
});
afterAll(() => usher.stop());

/** Every table that belongs to organizations, by the column that says to which: found in the catalogue. */
async function scopedTables(knex: Knex): Promise<Record<string, string>> {
  const { rows } = await knex.raw<{ rows: { name: string }[] }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and a.attname = 'organization_id'
       and not a.attisdropped
       -- These are of account holders, who belong to no organization; the log that names them there is a view.
       and c.relname <> 'account_mails' order by 1`,
  );
  return { organizations: 'id', ...Object.fromEntries(rows.map(({ name }) => [name, 'organization_id'])) };
}

/** As one of the program's roles, in a transaction that is undone. */
async function as<T>(
  role: string,
  organizations: string | null,
  run: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  const trx = await usher.owner.transaction();
  try {
    await trx.raw(`set local role ${role}`);
    if (organizations !== null) await trx.raw(`select set_config('usher.organizations', ?, true)`, [organizations]);
    return await run(trx);
  } finally {
    await trx.rollback();
  }
}
const refused = { code: '42501' };

test('there are such tables, and both organizations have rows in each of them', async () => {
  expect(Object.keys(scoped).length).toBeGreaterThanOrEqual(9);
  for (const [table, column] of Object.entries(scoped))
    for (const { id } of [ours, theirs]) {
      const rows = await usher.owner(table).where(column, id);
      expect({ table, empty: rows.length === 0 }).toEqual({ table, empty: false });
    }
});

test('row-level security is on and forced for each of them, and keyed by the setting', async () => {
  const { rows } = await usher.owner.raw<{ rows: { relname: string; on: boolean; forced: boolean }[] }>(
    'select relname, relrowsecurity as on, relforcerowsecurity as forced from pg_class where relname = any(?)',
    [Object.keys(scoped)],
  );
  expect(rows).toHaveLength(Object.keys(scoped).length);
  for (const row of rows) expect(row).toEqual({ relname: row.relname, on: true, forced: true });
});

test.each([
  ['no setting', null],
  ['an empty setting', ''],
])('with %s the application sees no row of any of them and inserts none', async (_, setting) => {
  for (const [table, column] of Object.entries(scoped)) {
    expect({
      table,
      rows: await as('usher_app', setting, (trx) =>
        trx(table)
          .select()
          .then((rows) => rows.length),
      ),
    }).toEqual({
      table,
      rows: 0,
    });
    await expect(as('usher_app', setting, (trx) => insertAgain(trx, table, column, ours.id))).rejects.toMatchObject(
      refused,
    );
  }
});

test('with the setting of one organization it sees all of its rows and no other', async () => {
  for (const [table, column] of Object.entries(scoped)) {
    const seen = await as('usher_app', ours.id, (trx) => trx(table).pluck<string[]>(column));
    expect({ table, of: [...new Set(seen)] }).toEqual({ table, of: [ours.id] });
    expect(seen).toHaveLength((await usher.owner(table).where(column, ours.id)).length);
  }
});

test('with the setting of one organization it writes, moves and deletes nothing of another', async () => {
  for (const [table, column] of Object.entries(scoped)) {
    await expect(as('usher_app', ours.id, (trx) => insertAgain(trx, table, column, theirs.id))).rejects.toMatchObject(
      refused,
    );
    const give = as('usher_app', ours.id, (trx) => trx(table).update({ [column]: theirs.id }));
    await expect(give).rejects.toMatchObject(refused);
    const taken = await as('usher_app', ours.id, (trx) => trx(table).where(column, theirs.id).delete()).catch(
      (error: { code: string }) => (error.code === '42501' ? 0 : Promise.reject(error as unknown as Error)),
    );
    expect({ table, taken }).toEqual({ table, taken: 0 });
  }
});

test('a list of organizations opens exactly those', async () => {
  const seen = await as('usher_app', `${ours.id},${theirs.id}`, (trx) => trx('invitations').pluck('organization_id'));
  expect([...new Set(seen)].sort()).toEqual([ours.id, theirs.id].sort());
  await expect(as('usher_app', 'nonsense', (trx) => trx('invitations').select())).rejects.toThrow(/uuid/);
});

test('a command that turns to another organization sees that one only, and its own again afterwards', async () => {
  const database = openDatabase(usher.database.url);
  try {
    const seen = await inOrganizations(database, [ours.id], async (trx) => {
      const see = () => trx<{ organization_id: string }>('invitations').distinct().pluck('organization_id');
      return [await see(), await inOtherOrganization(trx, theirs.id, see), await see()];
    });
    expect(seen).toEqual([[ours.id], [theirs.id], [ours.id]]);
    expect(await inOrganizations(database, [], (trx) => trx('invitations').select())).toEqual([]);
  } finally {
    await database.destroy();
  }
});

test('idempotency keys are seen by their caller only', async () => {
  const headers = { 'Idempotency-Key': 'rls' };
  await ours.call('POST', '/invitations', { email: 'key@rls.test' }, { headers });
  const [row] = await usher.owner('idempotency_keys').where({ key: 'rls' });
  const count = (caller: string | null) =>
    as('usher_app', ours.id, async (trx) => {
      if (caller !== null) await trx.raw(`select set_config('usher.caller', ?, true)`, [caller]);
      return (await trx('idempotency_keys').select()).length;
    });
  expect([await count(null), await count('platform'), await count(row.caller as string)]).toEqual([0, 0, 1]);
});

describe('the roles', () => {
  const roles = ['usher_app', 'usher_system'];

  test('are plain: no superuser, no bypass, no login, members of nothing', async () => {
    const { rows } = await usher.owner.raw(
      `select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
         exists (select from pg_auth_members where member = r.oid) as "isMember"
       from pg_roles r where rolname = any(?) order by 1`,
      [roles],
    );
    const plain = { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false };
    const none = { rolcanlogin: false, rolreplication: false, isMember: false };
    expect(rows).toEqual(roles.map((rolname) => ({ rolname, ...plain, ...none })));
  });

  test('own no table, but functions and three scoped views; the application owns nothing at all', async () => {
    const { rows } = await usher.owner.raw<{ rows: { owner: string; kind: string; name: string }[] }>(
      `select r.rolname as owner, 'relation' as kind, c.relname::text as name
       from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = any(:roles)
       union all select r.rolname, 'function', p.proname from pg_proc p join pg_roles r on r.oid = p.proowner where r.rolname = any(:roles)
       union all select r.rolname, 'schema', n.nspname from pg_namespace n join pg_roles r on r.oid = n.nspowner where r.rolname = any(:roles)
       order by name`,
      { roles },
    );
    const views = ['invitation_search', 'mail_log', 'user_search'];
    expect(rows.filter(({ owner, kind }) => owner === 'usher_app' || kind !== 'function')).toEqual(
      views.map((name) => ({ owner: 'usher_system', kind: 'relation', name })),
    );
  });

  test.each(['invitation_search', 'mail_log', 'user_search'])(
    '%s shows the rows of the organizations in scope only',
    async (view) => {
      const see = (organizations: string | null) =>
        as('usher_app', organizations, (trx) => trx<{ organization_id: string }>(view).pluck('organization_id'));
      expect(await see(null)).toEqual([]);
      expect(await see('')).toEqual([]);
      for (const { id } of [ours, theirs]) expect(new Set(await see(id))).toEqual(new Set([id]));
      expect(new Set(await see(`${ours.id},${theirs.id}`))).toEqual(new Set([ours.id, theirs.id]));
    },
  );

  test('may create nothing', async () => {
    for (const role of roles)
      await expect(as(role, null, (trx) => trx.raw('create table public.mine (id int)'))).rejects.toMatchObject(
        refused,
      );
  });

  test('usher_system reads the three tables that its commands need, and writes the outbox only', async () => {
    const { rows } = await usher.owner.raw<{ rows: { table_name: string; rights: string }[] }>(
      `select table_name, string_agg(privilege_type, ' ' order by privilege_type) as rights
       from information_schema.role_table_grants join pg_class c on c.oid = format('%I.%I', table_schema, table_name)::regclass
       where grantee = 'usher_system' and c.relkind = 'r' group by 1 order by 1`,
    );
    expect(Object.fromEntries(rows.map(({ table_name: table, rights }) => [table, rights]))).toEqual({
      api_keys: 'SELECT',
      idempotency_keys: 'DELETE SELECT',
      invitation_outbox: 'DELETE INSERT SELECT UPDATE',
      invitations: 'SELECT',
      inviter_notices: 'DELETE',
      organizations: 'SELECT',
      rate_limits: 'DELETE SELECT',
      removed_guests: 'DELETE SELECT UPDATE',
    });
    const { rows: columns } = await usher.owner.raw<{ rows: { column: string }[] }>(
      `select c.relname || '.' || a.attname || ' ' || acl.privilege_type as column
       from pg_class c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) acl
       where c.relnamespace = 'public'::regnamespace and acl.grantee = 'usher_system'::regrole`,
    );
    // Who belongs where, for the functions that signed-in people ask, what users are found by, and what is forgotten of them;
    // and of mails, everything but what they say.
    const reads = {
      address_hash_key: ['key'],
      account_mails: [
        ...['account_id', 'attempts', 'copy_of', 'created_at', 'detail', 'due_at', 'generation', 'id', 'invitation_id'],
        ...['locale', 'message_id', 'organization_id', 'recipient', 'sender', 'sent_at', 'status', 'subject', 'type'],
        'template',
      ],
      emails: [
        ...['attempts', 'contents_removed_at', 'created_at', 'detail', 'generation', 'id', 'invitation_id', 'locale'],
        ...[
          'lease_until',
          'message_id',
          'next_try_at',
          'organization_id',
          'recipient',
          'sender',
          'sent_at',
          'status',
          'subject',
          'template',
          'type',
        ],
      ],
      group_members: ['account_id', 'group_id', 'organization_id', 'role'],
      groups: ['id', 'organization_id', 'permissions'],
      inviter_notices: ['at', 'inviter_id', 'mail_id', 'organization_id'],
      audit_events: ['actor_id', 'ip', 'user_agent'],
      guest_log: ['account_id', 'email', 'invited_by_id', 'invited_by_name', 'invited_by_type', 'name'],
      memberships: [
        ...['access_ends_at', 'access_tell_at', 'access_warn_at', 'access_warned_at', 'account_id', 'created_at'],
        ...['inactive_reason', 'invitation_id', 'joined_at', 'kind', 'organization_id', 'permissions', 'role'],
        ...['search', 'status'],
      ],
    };
    const expected = Object.entries(reads).flatMap(([table, names]) => names.map((name) => `${table}.${name} SELECT`));
    expected.push(
      'memberships.access_tell_at UPDATE',
      'memberships.search UPDATE',
      'invitations.invited_by_name UPDATE',
    );
    expected.push(...['contents_removed_at', 'html', 'reply_to', 'text'].map((name) => `emails.${name} UPDATE`));
    expected.push('account_mails.reply_to UPDATE', 'audit_events.ip UPDATE', 'audit_events.user_agent UPDATE');
    expected.push(...['email', 'invited_by_name', 'name'].map((name) => `guest_log.${name} UPDATE`));
    expect(columns.map(({ column }) => column).sort()).toEqual(expected.sort());
    for (const table of ['emails', 'accounts', 'audit_events', 'groups'])
      await expect(as('usher_system', null, (trx) => trx(table).select())).rejects.toMatchObject(refused);
  });

  test('what the application may ask about other organizations is answered by functions that say no more than that', async () => {
    const { rows } = await usher.owner.raw<{ rows: { name: string; answer: string; path: string[] | null }[] }>(
      `select proname as name, pg_get_function_result(oid) as answer, proconfig as path from pg_proc
       where pronamespace = 'public'::regnamespace and prosecdef order by 1`,
    );
    for (const { path } of rows) expect(path).toEqual([expect.stringMatching(/^search_path=.*pg_temp$/)]);
    for (const { answer } of rows)
      expect(answer).toMatch(
        /^(boolean|bytea|uuid|trigger|TABLE\(id uuid, organization_id uuid(, name text)?\)|TABLE\(id uuid, name text, kind text, role text, policy jsonb\)|TABLE\(id uuid, permissions text\[\], groups jsonb\))$/,
      );
  });

  test('every connection of the program runs as the application, whatever its login is', async () => {
    const database = openDatabase(usher.database.url);
    try {
      const { rows } = await database.raw<{ rows: [{ name: string }] }>('select current_user as name');
      expect(rows[0].name).toBe('usher_app');
      await expect(checkRole(database)).resolves.toBeUndefined();
    } finally {
      await database.destroy();
    }
    await expect(checkRole(usher.owner)).rejects.toThrow(/bypasses row-level security/);
  });
});

describe('migrations', () => {
  const urls: string[] = [];
  const admin = () =>
    knexFactory({ client: 'pg', connection: process.env['USHER_TEST_PG_URL'], pool: { min: 0, max: 1 } });
  const emptyDatabase = async (): Promise<string> => {
    const name = `usher_migrate_${randomBytes(6).toString('hex')}`;
    const knex = admin();
    await knex.raw(`create database ${name}`);
    await knex.destroy();
    const url = urlWithDatabase(process.env['USHER_TEST_PG_URL'] ?? '', name);
    urls.push(url);
    return url;
  };
  afterAll(async () => {
    const knex = admin();
    for (const url of urls) await knex.raw(`drop database ${new URL(url).pathname.slice(1)} with (force)`);
    await knex.destroy();
  });

  test('run twice, the second time does nothing', async () => {
    const url = await emptyDatabase();
    expect((await migrate(url)).length).toBeGreaterThan(0);
    const first = await schemaOf(url);
    expect(await migrate(url)).toEqual([]);
    expect(await schemaOf(url)).toEqual(first);
    expect(first).toEqual(await schemaOf(usher.database.url));
  });

  test('five starts at once: one works, the others wait for it', async () => {
    const url = await emptyDatabase();
    const done = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
    expect(done.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await schemaOf(url)).toEqual(await schemaOf(usher.database.url));
  });

  test('rolled back, nothing is left; brought up again, all is as before', async () => {
    const url = await emptyDatabase();
    const names = await migrate(url);
    const before = await schemaOf(url);
    expect([...(await migrate(url, 'rollback'))].sort()).toEqual([...names].sort());
    const left = (await schemaOf(url)).filter((line) => !line.includes('knex_migrations'));
    expect(left).toEqual([]);
    expect(await migrate(url)).toEqual(names);
    expect(await schemaOf(url)).toEqual(before);
  });

  test('a lock that a killed process has left behind holds up nobody', async () => {
    const url = await emptyDatabase();
    await migrate(url);
    const knex = knexFactory({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
    await knex('knex_migrations_lock').update({ is_locked: 1 });
    await knex.destroy();
    expect(await migrate(url)).toEqual([]);
  });
});

/** A row of the other organization, given in once more by the role of the transaction. */
async function insertAgain(trx: Knex.Transaction, table: string, column: string, id: string): Promise<unknown> {
  const { rows } = await usher.owner.raw<{ rows: [{ row: object }] }>(
    'select row_to_json(t.*) as row from ?? t where ?? = ? limit 1',
    [table, column, id],
  );
  return trx.raw(`insert into ${table} overriding system value select * from json_populate_record(null::${table}, ?)`, [
    JSON.stringify(rows[0].row),
  ]);
}

/** Tables, columns, indexes, constraints, policies, functions, sequences and rights, one line each. */
async function schemaOf(url: string): Promise<string[]> {
  const knex = knexFactory({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
  try {
    const { rows } = await knex.raw<{ rows: { line: string }[] }>(`
      select concat_ws(' ', 'column', table_name, column_name, data_type, is_nullable, column_default) as line
        from information_schema.columns where table_schema = 'public'
      union all select 'index ' || indexdef from pg_indexes where schemaname = 'public'
      union all select concat_ws(' ', 'constraint', conrelid::regclass, pg_get_constraintdef(oid))
        from pg_constraint where connamespace = 'public'::regnamespace
      union all select concat_ws(' ', 'policy', tablename, policyname, roles, cmd, qual, with_check) from pg_policies
      union all select concat_ws(' ', 'function', pg_get_functiondef(oid), proacl, proowner::regrole)
        from pg_proc where pronamespace = 'public'::regnamespace
      union all select concat_ws(' ', 'relation', relname, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relacl)
        from pg_class where relnamespace = 'public'::regnamespace
      order by 1`);
    return rows.map(({ line }) => line);
  } finally {
    await knex.destroy();
  }
}
