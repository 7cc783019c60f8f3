import type { Knex } from 'knex';

/** Second factors: what an account has, what a half finished sign-in is waiting for, and the mails for it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Secrets are sealed with the key ring, recovery codes are hashes, codes by mail are computed: nothing here opens anything.
    create table two_factors (
      account_id uuid primary key references accounts on delete cascade,
      method text check (method in ('none', 'email', 'app')),
      app_secret text,
      last_step bigint,
      pending_secret text,
      wrong_codes integer not null default 0,
      wrong_since timestamptz(3),
      check (method is distinct from 'app' or app_secret is not null)
    );

    create table recovery_codes (
      account_id uuid not null references accounts on delete cascade,
      code_hash bytea not null,
      primary key (account_id, code_hash)
    );

    -- A code by mail, still to be given; its id is that of its mail, and the half signed-in session names it.
    create table mail_codes (
      id uuid primary key,
      account_id uuid not null references accounts on delete cascade,
      expires_at timestamptz(3) not null
    );
    create index mail_codes_account on mail_codes (account_id);
    create index mail_codes_age on mail_codes (expires_at);

    alter table account_mails drop constraint account_mails_type_check;
    alter table account_mails add constraint account_mails_type_check check
      (type in ('password-reset', 'email-confirmation', 'email-change-notice', 'two-factor-code', 'two-factor-changed'));

    grant select, insert, update, delete on two_factors, recovery_codes, mail_codes to usher_app;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table mail_codes, recovery_codes, two_factors;
    delete from account_mails where type in ('two-factor-code', 'two-factor-changed');
    alter table account_mails drop constraint account_mails_type_check;
    alter table account_mails add constraint account_mails_type_check check
      (type in ('password-reset', 'email-confirmation', 'email-change-notice'));
  `);
}
