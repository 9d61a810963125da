-- +goose Up
-- The embedded counterpart of postgres/00006_contract.sql, where the reasons stand; a test compares the two.
-- No mail server reads an embedded database, so there are no views and no roles.
ALTER TABLE services ADD COLUMN receives boolean NOT NULL DEFAULT true;
CREATE TABLE mailbox_uses (
  address  text PRIMARY KEY,
  bytes    integer NOT NULL DEFAULT 0,
  messages integer NOT NULL DEFAULT 0
);
-- +goose StatementBegin
CREATE TRIGGER account_drops_use AFTER DELETE ON accounts FOR EACH ROW BEGIN
  DELETE FROM mailbox_uses WHERE address = OLD.address;
END;
-- +goose StatementEnd
