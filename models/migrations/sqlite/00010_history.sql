-- +goose Up
-- The embedded counterpart of postgres/00010_history.sql, where the reasons stand; a test compares the two.
-- There is one writer, who needs no lock, and no roles.
ALTER TABLE events ADD COLUMN hash blob;
ALTER TABLE events DROP CONSTRAINT event_numbered;
ALTER TABLE events ADD CONSTRAINT event_numbered CHECK (service_id IS NOT NULL AND number IS NOT NULL OR service_id IS NULL AND (number IS NULL) = (hash IS NULL));
ALTER TABLE events ADD CONSTRAINT event_hash_whole CHECK (length(hash) = 32);
CREATE UNIQUE INDEX event_system_number_once ON events (number) WHERE service_id IS NULL;
CREATE INDEX event_unchained ON events (service_id, number, id) WHERE hash IS NULL;
CREATE TABLE system_chain (
  id integer PRIMARY KEY AUTOINCREMENT,
  CONSTRAINT system_chain_is_one CHECK (id = 1)
);
INSERT INTO system_chain (id) VALUES (1);
-- +goose StatementBegin
CREATE TRIGGER event_never_altered BEFORE UPDATE ON events FOR EACH ROW WHEN (OLD.hash IS NOT NULL) BEGIN
  SELECT RAISE(ABORT, 'history is never altered');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER event_never_deleted BEFORE DELETE ON events FOR EACH ROW BEGIN
  SELECT RAISE(ABORT, 'history is never altered');
END;
-- +goose StatementEnd
