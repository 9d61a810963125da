-- +goose Up
-- The history is tamper-evident: every event carries a hash over itself and the
-- one before in its chain; package models/history says how. Rows that are there
-- are chained by the program, right after this (Store.ChainHistory), in steps;
-- so are those that a program of the version before writes during an upgrade.
-- Hence hash may be null: no program of this version leaves it so.
SET LOCAL statement_timeout = 0;

ALTER TABLE events ADD COLUMN hash bytea;
-- A transaction draws the ids of all its events at once, before it hashes them.
ALTER TABLE events ALTER COLUMN id SET INCREMENT BY 1000;
-- Events of no service are a chain as well, and get a number with their hash.
ALTER TABLE events DROP CONSTRAINT event_numbered;
ALTER TABLE events ADD CONSTRAINT event_numbered CHECK (service_id IS NOT NULL AND number IS NOT NULL OR service_id IS NULL AND (number IS NULL) = (hash IS NULL));
ALTER TABLE events ADD CONSTRAINT event_hash_whole CHECK (length(hash) = 32);
CREATE UNIQUE INDEX event_system_number_once ON events (number) WHERE service_id IS NULL;
CREATE INDEX event_unchained ON events (service_id, number, id) WHERE hash IS NULL;

-- Whoever writes an event of no service locks this row, which says nothing:
-- there is no row of a service to wait for. They do it last, and commit.
CREATE TABLE system_chain (
  id integer PRIMARY KEY,
  CONSTRAINT system_chain_is_one CHECK (id = 1)
);
INSERT INTO system_chain (id) VALUES (1);

-- A lock and what it protects in one question: each statement of a function
-- sees what was committed before it began. Its caller needs no right on the row.
-- +goose StatementBegin
CREATE FUNCTION lock_system_chain(OUT number bigint, OUT hash bytea, OUT next_event bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = panel, pg_temp AS $$
BEGIN
  PERFORM FROM system_chain FOR UPDATE;
  SELECT e.number, e.hash INTO number, hash FROM events e WHERE e.service_id IS NULL AND e.number IS NOT NULL ORDER BY e.number DESC LIMIT 1;
  next_event := nextval('events_id_seq');
END $$;
-- +goose StatementEnd

-- The one change that an event ever sees, once.
-- +goose StatementBegin
CREATE FUNCTION chain_events(ids bigint[], numbers bigint[], hashes bytea[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = panel, pg_temp AS $$
  UPDATE events e SET number = v.number, hash = v.hash FROM unnest(ids, numbers, hashes) AS v (id, number, hash) WHERE e.id = v.id AND e.hash IS NULL;
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION refuse_other_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'history is never altered' USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_never_altered BEFORE UPDATE ON events FOR EACH ROW WHEN (OLD.hash IS NOT NULL) EXECUTE FUNCTION refuse_other_history();
CREATE TRIGGER event_never_deleted BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_other_history();
CREATE TRIGGER event_never_truncated BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_history();

-- The role that the panel takes where another one owns the tables: it does all
-- that the panel does, and can add to the history but not alter it, nor take the
-- triggers away. As with the roles of the mail servers, only some may make one;
-- every `mandat migrate` that changed something ends with this.
-- +goose StatementBegin
CREATE FUNCTION grant_panel_role() RETURNS void LANGUAGE plpgsql SET search_path = panel, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandat_panel') THEN
    BEGIN
      CREATE ROLE mandat_panel NOLOGIN;
    EXCEPTION
      WHEN insufficient_privilege THEN RETURN;
      WHEN duplicate_object OR unique_violation THEN NULL; -- made at this moment, from another database of the server
    END;
  END IF;
  GRANT USAGE ON SCHEMA panel, mta, mda, mlist TO mandat_panel; -- of the last three for the names, which `mandat doctor` asks about
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA panel TO mandat_panel;
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA panel TO mandat_panel;
  REVOKE UPDATE, DELETE ON events FROM mandat_panel;
  REVOKE ALL ON system_chain FROM mandat_panel;
  REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM mandat_panel;
END $$;
-- +goose StatementEnd
SELECT grant_panel_role();
