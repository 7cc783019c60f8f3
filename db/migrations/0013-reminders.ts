import type { Knex } from 'knex';

/** Reminders of an invitation, what its inviter is to hear of it, and the mail to somebody who has become inactive. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table invitations
      add column reminder_at timestamptz(3)[] not null default '{}',
      add column reminders_sent integer not null default 0;

    -- What an inviter has to hear. Each goes into exactly one mail: the relay says which. // F11
    create table inviter_notices (
      id bigint generated always as identity primary key,
      organization_id uuid not null references organizations on delete cascade,
      inviter_id uuid not null,
      invitation_id uuid not null references invitations on delete cascade,
      generation integer not null,
      event text not null check (event in ('accepted', 'declined', 'expired', 'undeliverable', 'new-link-requested')),
      detail text,
      at timestamptz(3) not null default usher_now(),
      mail_id uuid,
      unique (invitation_id, event, generation)
    );
    create index inviter_notices_open on inviter_notices (organization_id, inviter_id) where mail_id is null;
    create index inviter_notices_mail on inviter_notices (mail_id) where mail_id is not null;
    create index inviter_notices_age on inviter_notices (at);
    alter table inviter_notices enable row level security;
    alter table inviter_notices force row level security;
    create policy inviter_notices_scoped on inviter_notices to usher_app
      using (organization_id = any (usher_organizations())) with check (organization_id = any (usher_organizations()));
    grant select, insert, update, delete on inviter_notices to usher_app;
    grant select (organization_id, inviter_id, mail_id, at), delete on inviter_notices to usher_system;
    create policy inviter_notices_system on inviter_notices for all to usher_system using (true);

    alter table organizations no force row level security;
    update organizations set policy = policy || '{"notifyInactive": false}';
    alter table organizations force row level security;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table organizations no force row level security;
    update organizations set policy = policy - 'notifyInactive';
    alter table organizations force row level security;
    drop table inviter_notices;
    alter table invitations drop column reminder_at, drop column reminders_sent;
  `);
}
