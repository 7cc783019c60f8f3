import type { Knex } from 'knex';

/**
 * Addresses that came back are known by a keyed hash, which stays when their owner is erased; a complaint stops reminders;
 * mails of either kind keep their rows in the log; what the log is searched by has an index. // decisions 21, 22, 25
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- One key for the deployment, random and never told: by it a hash is no list of addresses.
    create table address_hash_key (key bytea not null);
    insert into address_hash_key
      select decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
    grant select (key) on address_hash_key to usher_system;
    create function usher_address_hash(address text) returns bytea
      language sql stable strict security definer set search_path = public, pg_temp as
      $$ select sha256(key || sha256(key || convert_to(lower(address), 'UTF8'))) from address_hash_key $$;

    alter table suppressed_addresses add column address_hash bytea;
    -- By a trigger, so that an older release that still runs fills it, too.
    create function usher_hash_suppressed() returns trigger language plpgsql as $$ begin
        if new.address is not null then new.address_hash := usher_address_hash(new.address); end if;
        return new;
      end $$;
    create trigger suppressed_addresses_hash before insert or update of address on suppressed_addresses
      for each row execute function usher_hash_suppressed();
    -- Forced security holds for the owner, too, who has no policy and would find nothing to fill in.
    alter table suppressed_addresses no force row level security;
    update suppressed_addresses set address = address;
    alter table suppressed_addresses force row level security;
    -- Whoever is erased leaves the hash alone.
    alter table suppressed_addresses alter column address_hash set not null, alter column address drop not null;
    create unique index suppressed_addresses_hashed on suppressed_addresses (organization_id, address_hash);

    -- Of the present link: its recipient has complained, and is not reminded of it. // F3
    alter table invitations add column unwanted boolean not null default false;

    -- The watchdog lets mails be that are being sent.
    grant select (lease_until) on emails to usher_system;

    -- What is forgotten once the retention is over: of mails in a log what they said, of the others all.
    create index account_mails_contents on account_mails (created_at) where organization_id is not null and subject <> '';
    create index account_mails_unlogged on account_mails (created_at) where organization_id is null;
    drop index account_mails_age;

    -- Part of an address: decision 13 has the reasons for both columns. Needs pg_trgm and btree_gin, which are there since 0005.
    create index emails_recipient on emails using gin (organization_id, lower(recipient) gin_trgm_ops);
    create index account_mails_recipient on account_mails using gin (organization_id, lower(recipient) gin_trgm_ops)
      where organization_id is not null;

    grant create on schema public to usher_system;
    alter function usher_address_hash(text) owner to usher_system;
    revoke create on schema public from usher_system;
    revoke all on function usher_address_hash(text) from public;
    grant execute on function usher_address_hash(text) to usher_app;
  `);
}

/** Hashes cannot be turned back into addresses: what is known by its hash alone is forgotten. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    revoke select (lease_until) on emails from usher_system;
    drop index account_mails_recipient, emails_recipient;
    create index account_mails_age on account_mails (created_at);
    drop index account_mails_unlogged, account_mails_contents;
    alter table invitations drop column unwanted;
    alter table suppressed_addresses no force row level security;
    delete from suppressed_addresses where address is null;
    alter table suppressed_addresses force row level security;
    drop trigger suppressed_addresses_hash on suppressed_addresses;
    drop function usher_hash_suppressed();
    alter table suppressed_addresses drop column address_hash, alter column address set not null;
    drop function usher_address_hash(text);
    drop table address_hash_key;
  `);
}
