import type { Knex } from 'knex';

/**
 * What organizations word themselves: their mail templates with every earlier version, their logo, colour and sender name. // E3
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Only added to. The newest version is the one that holds; one without parts stands for the built-in.
    create table email_templates (
      organization_id uuid not null references organizations on delete cascade,
      type text not null,
      locale text not null,
      version integer not null check (version > 0),
      subject text,
      html text,
      text text,
      actor_type text not null,
      actor_id uuid,
      actor_name text,
      created_at timestamptz(3) not null default usher_now(),
      primary key (organization_id, type, locale, version),
      check (num_nulls(subject, html, text) in (0, 3))
    );

    -- Mails that were sent show the logo of their day.
    create table organization_logos (
      organization_id uuid not null references organizations on delete cascade,
      version text not null,
      content_type text not null check (content_type in ('image/png', 'image/jpeg')),
      data bytea not null,
      created_at timestamptz(3) not null default usher_now(),
      primary key (organization_id, version)
    );

    alter table organizations
      add column brand_colour text,
      add column sender_name text,
      add column logo_version text,
      add column branding_version integer not null default 0;

    -- Which template a mail was made from: fallback is the built-in in place of one that failed.
    alter table emails add column template text not null default 'built-in' check (template in ('built-in', 'own', 'fallback'));
    alter table account_mails
      add column template text not null default 'built-in' check (template in ('built-in', 'own', 'fallback'));

    grant select, insert, delete on email_templates to usher_app;
    grant select, insert, update, delete on organization_logos to usher_app;
  `);
  for (const table of ['email_templates', 'organization_logos'])
    await knex.raw(`
      alter table ${table} enable row level security;
      alter table ${table} force row level security;
      create policy ${table}_scoped on ${table} to usher_app
        using (organization_id = any (usher_organizations())) with check (organization_id = any (usher_organizations()));
    `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    delete from account_mails where type = 'template-test';
    alter table account_mails drop column template;
    alter table emails drop column template;
    alter table organizations
      drop column brand_colour, drop column sender_name, drop column logo_version, drop column branding_version;
    drop table organization_logos, email_templates;
  `);
}
