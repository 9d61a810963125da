-- +goose Up
-- The embedded counterpart of postgres/00019_list_decisions.sql, where the reasons stand; a test compares the two.
-- SQLite cannot change a CHECK: the tables are made anew. No list service reads an
-- embedded database: they are empty.
DROP TABLE list_requests;
DROP TABLE list_deliveries;
DROP TABLE list_messages;
CREATE TABLE list_messages (
  id          integer PRIMARY KEY AUTOINCREMENT,
  list_id     integer REFERENCES lists (id) ON DELETE CASCADE,
  base        text NOT NULL,
  sender      text NOT NULL,
  author      text NOT NULL,
  subject     text NOT NULL,
  size_bytes  integer NOT NULL,
  content     blob NOT NULL,
  state       text NOT NULL,
  token       text NOT NULL,
  digest      text NOT NULL DEFAULT '',
  reason      text NOT NULL DEFAULT '',
  settled_by  text NOT NULL DEFAULT '',
  received_at datetime NOT NULL,
  settled_at  datetime,
  CONSTRAINT list_message_token_unique UNIQUE (token),
  CONSTRAINT list_message_state_known CHECK (state IN ('held', 'approved', 'rejected', 'discarded', 'expired', 'sending', 'sent')),
  CONSTRAINT list_message_settled CHECK ((state IN ('held', 'approved', 'sending')) = (settled_at IS NULL))
);
CREATE INDEX list_message_list ON list_messages (list_id, state, id);
CREATE INDEX list_message_open ON list_messages (state, id) WHERE state IN ('held', 'approved', 'sending');
CREATE INDEX list_message_untold ON list_messages (id) WHERE state = 'rejected' AND length(content) > 0;
CREATE UNIQUE INDEX list_message_digest_unique ON list_messages (digest) WHERE digest <> '';
CREATE INDEX list_message_received ON list_messages (received_at);
CREATE TABLE list_deliveries (
  message_id integer NOT NULL REFERENCES list_messages (id) ON DELETE CASCADE,
  recipient  text NOT NULL,
  token      text NOT NULL,
  state      text NOT NULL DEFAULT 'waiting',
  attempts   integer NOT NULL DEFAULT 0,
  next_at    datetime NOT NULL,
  answer     text NOT NULL DEFAULT '',
  PRIMARY KEY (message_id, recipient),
  CONSTRAINT list_delivery_token_unique UNIQUE (token),
  CONSTRAINT list_delivery_state_known CHECK (state IN ('waiting', 'sent', 'failed', 'bounced'))
);
CREATE INDEX list_delivery_next ON list_deliveries (next_at) WHERE state = 'waiting';
CREATE TABLE list_requests (
  id         integer PRIMARY KEY AUTOINCREMENT,
  list_id    integer NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
  kind       text NOT NULL,
  email      text NOT NULL,
  message_id integer REFERENCES list_messages (id) ON DELETE CASCADE,
  asked_at   datetime NOT NULL,
  CONSTRAINT list_request_kind_known CHECK (kind IN ('subscribe', 'unsubscribe', 'bounced', 'approve', 'reject', 'discard')),
  CONSTRAINT list_request_decides CHECK ((kind IN ('approve', 'reject', 'discard')) = (message_id IS NOT NULL))
);
CREATE INDEX list_request_list ON list_requests (list_id);
ALTER TABLE list_confirmations ADD COLUMN confirmed_at datetime;
CREATE INDEX list_confirmation_confirmed ON list_confirmations (confirmed_at) WHERE confirmed_at IS NOT NULL;
