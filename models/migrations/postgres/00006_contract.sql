-- +goose Up
-- What the mail servers read of the panel, and all they read: views in a schema
-- of its own for each, and a role for each that sees that schema alone. The
-- tables may change; these names, columns and meanings are a contract, held by
-- the test in mail/. A later migration that changes the type of a column below
-- drops the views that show it, makes them anew, and ends with
-- SELECT grant_mail_roles(), since rights go with a view.

-- The operator decides whether mail goes on while a service is suspended.
ALTER TABLE services ADD COLUMN receives boolean NOT NULL DEFAULT true;

-- What Dovecot tells of the space in use (quota_clone), by address: the panel's
-- own column follows it with the same commit. An address that has no mailbox
-- keeps no space; one that is made again begins anew.
CREATE TABLE mailbox_uses (
  address  text COLLATE "C" PRIMARY KEY,
  bytes    bigint NOT NULL DEFAULT 0,
  messages bigint NOT NULL DEFAULT 0
);
-- +goose StatementBegin
CREATE FUNCTION keep_use_of_mailbox() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = panel, pg_temp AS $$
BEGIN
  UPDATE accounts SET used_bytes = greatest(NEW.bytes, 0) WHERE address = NEW.address AND used_bytes <> greatest(NEW.bytes, 0);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER mailbox_use_begun AFTER INSERT ON mailbox_uses FOR EACH ROW WHEN (NEW.bytes <> 0) EXECUTE FUNCTION keep_use_of_mailbox();
CREATE TRIGGER mailbox_use_kept AFTER UPDATE OF bytes ON mailbox_uses FOR EACH ROW EXECUTE FUNCTION keep_use_of_mailbox();
-- +goose StatementBegin
CREATE FUNCTION refuse_use_of_nobody() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = panel, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM accounts a WHERE a.address = NEW.address) THEN
    RETURN NEW;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER mailbox_use_of_somebody BEFORE INSERT ON mailbox_uses FOR EACH ROW EXECUTE FUNCTION refuse_use_of_nobody();
-- +goose StatementBegin
CREATE FUNCTION drop_use_of_mailbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.mailbox_uses WHERE address = OLD.address;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER account_drops_use AFTER DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION drop_use_of_mailbox();

-- ---------------------------------------------------------------- Postfix
CREATE SCHEMA mta;

CREATE VIEW mta.domains AS
  SELECT s.domain AS name FROM services s WHERE s.receives;

-- What mail can be delivered to here: mailboxes, and addresses that only
-- answer, which Dovecot does for both.
CREATE VIEW mta.mailboxes AS
  SELECT a.address FROM accounts a JOIN services s ON s.id = a.service_id WHERE s.receives AND a.state <> 'deleting'
  UNION ALL
  SELECT p.address FROM responders p JOIN services s ON s.id = p.service_id WHERE s.receives AND p.account_id IS NULL;

CREATE VIEW mta.lists AS
  SELECT l.address FROM lists l JOIN services s ON s.id = l.service_id WHERE s.receives;

-- Where redirections lead now: what leaves the installation goes to the list
-- service, under the name of its redirection and of its target, so that the
-- envelope gets a sender of ours (RFC 7208, 9.3: the next server asks whether we
-- may send for the domain). A target that is blocked, being deleted or in a
-- service that receives nothing is left out, since nothing is asked about an
-- address after it was expanded.
CREATE VIEW redirection_destinations AS
  SELECT r.id, r.account_id, r.local_part, r.address, r.keep_copy, t.destination
    FROM redirections r JOIN services s ON s.id = r.service_id
    LEFT JOIN LATERAL (
      SELECT CASE WHEN x.id IS NULL THEN r.id || '-' || md5(t.target) || '@forward.invalid' ELSE t.target END AS destination
        FROM redirection_targets t LEFT JOIN services x ON x.domain = split_part(t.target, '@', 2)
       WHERE t.redirection_id = r.id AND (x.id IS NULL OR x.receives) AND NOT EXISTS (SELECT FROM accounts y
         WHERE y.address = CASE WHEN strpos(t.target, '+') > 1 THEN split_part(t.target, '+', 1) || '@' || split_part(t.target, '@', 2) ELSE t.target END AND y.state <> 'active')
    ) AS t ON true
   WHERE s.receives;

-- One row for each destination; Postfix joins them. Whatever is no redirection,
-- or leads nowhere for now, leads to itself, or the catch-all would take its
-- mail: Postfix looks here first.
CREATE VIEW mta.aliases AS
  SELECT d.address, COALESCE(d.destination, d.address) AS destination FROM redirection_destinations d
   WHERE d.destination IS NOT NULL OR d.local_part <> '' AND NOT d.keep_copy
  UNION ALL
  SELECT a.address, a.address FROM accounts a JOIN services s ON s.id = a.service_id
   WHERE s.receives AND a.state <> 'deleting' AND NOT EXISTS (SELECT FROM redirections r WHERE r.address = a.address AND NOT r.keep_copy)
  UNION ALL
  SELECT p.address, p.address FROM responders p JOIN services s ON s.id = p.service_id WHERE s.receives AND p.account_id IS NULL
  UNION ALL
  SELECT l.address, l.address FROM lists l JOIN services s ON s.id = l.service_id WHERE s.receives;

-- Before an address is expanded: one that is blocked is refused in its own
-- words, and so is an alias that leads nowhere for now; a list's service is asked
-- who may write to it.
CREATE VIEW mta.recipient_access AS
  SELECT a.address, '550 5.2.1 This mailbox is disabled' AS action FROM accounts a WHERE a.state <> 'active'
  UNION ALL
  SELECT d.address, '550 5.2.1 This address is disabled' FROM redirection_destinations d WHERE d.destination IS NULL AND d.account_id IS NULL AND d.local_part <> ''
  UNION ALL
  SELECT l.address, 'mandat_list' FROM lists l;

-- Who may send as whom: an account as itself, and as the aliases that lead to it;
-- as no other account, though that be redirected to it. A login has its password's mark behind it, so that what
-- was opened with the one before may send nothing more: an SMTP session cannot
-- be ended from outside.
CREATE VIEW mta.sender_logins AS
  SELECT a.address AS sender, a.address || '#' || left(md5(a.password_hash), 12) AS login
    FROM accounts a JOIN services s ON s.id = a.service_id WHERE s.receives AND a.state = 'active' AND a.password_hash <> ''
  UNION ALL
  SELECT r.address, a.address || '#' || left(md5(a.password_hash), 12)
    FROM redirections r JOIN redirection_targets t ON t.redirection_id = r.id JOIN accounts a ON a.address = t.target JOIN services s ON s.id = a.service_id
   WHERE r.account_id IS NULL AND r.local_part <> '' AND a.service_id = r.service_id AND s.receives AND a.state = 'active' AND a.password_hash <> '';

-- ---------------------------------------------------------------- Dovecot
CREATE SCHEMA mda;

CREATE VIEW mda.passdb WITH (security_barrier) AS
  SELECT a.address AS username, a.password_hash AS password, a.address || '#' || left(md5(a.password_hash), 12) AS login
    FROM accounts a JOIN services s ON s.id = a.service_id WHERE s.receives AND a.state = 'active' AND a.password_hash <> '';

-- Blocked accounts and those being deleted too: the panel must reach them. Mail
-- is kept by id, so that an address that is made again never sees what the one
-- before received.
CREATE VIEW mda.userdb AS
  SELECT a.address AS username, a.service_id || '/' || a.id AS maildir, '*:bytes=' || a.size_bytes AS quota_rule FROM accounts a
  UNION ALL
  SELECT p.address, p.service_id || '/responder-' || p.id, '*:bytes=0' FROM responders p WHERE p.account_id IS NULL;

-- The id changes when, and only when, the text does: Dovecot keeps what it compiled by it.
CREATE VIEW mda.sieve_names AS
  SELECT c.address AS username, 'panel' AS script_name, md5(c.content) AS id FROM sieve_scripts c;
CREATE VIEW mda.sieve_data AS
  SELECT c.address AS username, md5(c.content) AS id, c.content FROM sieve_scripts c;

-- Written by Dovecot: the only right to write that a mail server has here.
CREATE VIEW mda.quota_usage AS
  SELECT u.address AS username, u.bytes, u.messages FROM mailbox_uses u;

-- ---------------------------------------------------------------- the list service
CREATE SCHEMA mlist;

CREATE VIEW mlist.lists AS
  SELECT l.id, l.address, s.domain, l.owner_email, l.reply_to, l.language, l.posting FROM lists l JOIN services s ON s.id = l.service_id WHERE s.receives;
CREATE VIEW mlist.subscribers AS
  SELECT m.list_id, m.email FROM list_subscribers m;
CREATE VIEW mlist.moderators AS
  SELECT m.list_id, m.email FROM list_moderators m;
CREATE VIEW mlist.forwards AS
  SELECT r.id AS redirection_id, md5(t.target) AS digest, t.target, r.address, s.domain
    FROM redirections r JOIN redirection_targets t ON t.redirection_id = r.id JOIN services s ON s.id = r.service_id WHERE s.receives;

-- ---------------------------------------------------------------- roles
-- A role belongs to the whole server, and only some may make one: who migrates
-- and may not is told by `mandat doctor` what to run. Every migration ends with this,
-- so that a role that an administrator made gets its rights.
-- +goose StatementBegin
CREATE FUNCTION grant_mail_roles() RETURNS void LANGUAGE plpgsql SET search_path = panel, pg_temp AS $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT * FROM (VALUES ('mandat_postfix', 'mta'), ('mandat_dovecot', 'mda'), ('mandat_lists', 'mlist')) AS v (name, schema) LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT CONNECTION LIMIT 60', r.name);
        EXECUTE format('ALTER ROLE %I SET statement_timeout = ''5s''', r.name);
        EXECUTE format('ALTER ROLE %I SET lock_timeout = ''3s''', r.name);
        IF r.name = 'mandat_postfix' THEN
          EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', r.name);
        END IF;
      EXCEPTION
        WHEN insufficient_privilege THEN CONTINUE;
        WHEN duplicate_object OR unique_violation THEN NULL; -- made at this moment, from another database of the server
      END;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', r.schema, r.name);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', r.schema, r.name);
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandat_dovecot') THEN
    GRANT INSERT, UPDATE ON mda.quota_usage TO mandat_dovecot;
  END IF;
END $$;
-- +goose StatementEnd
SELECT grant_mail_roles();
