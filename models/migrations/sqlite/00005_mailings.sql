-- +goose Up
-- The embedded counterpart of postgres/00005_mailings.sql, where the reasons stand; a test compares the two.
CREATE TABLE list_mailings (
  id         integer PRIMARY KEY AUTOINCREMENT,
  service_id integer NOT NULL CONSTRAINT list_mailing_service_exists REFERENCES services (id),
  list_id    integer REFERENCES lists (id) ON DELETE SET NULL, -- null: the list is gone
  recipient  text NOT NULL, -- the owner of the list when it was asked for
  asked_by   integer NOT NULL CONSTRAINT list_mailing_asker_exists REFERENCES customers (id), -- asked again for by the job
  asked_at   datetime NOT NULL,
  state      text NOT NULL DEFAULT 'waiting',
  settled_at datetime, -- null: waiting
  CONSTRAINT list_mailing_state_known CHECK (state IN ('waiting', 'sent', 'refused', 'failed', 'dropped')),
  CONSTRAINT list_mailing_settled CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX list_mailing_service ON list_mailings (service_id, asked_at);
CREATE INDEX list_mailing_list ON list_mailings (list_id, id);
CREATE INDEX list_mailing_asked ON list_mailings (asked_at);
