import type { Knex } from 'knex';

/** Who is sending a mail, not only until when: whoever has lost it to another writes nothing over theirs. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table emails add column lease_owner uuid;
    alter table account_mails add column lease_owner uuid;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table emails drop column lease_owner;
    alter table account_mails drop column lease_owner;
  `);
}
