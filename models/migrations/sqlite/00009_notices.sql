-- +goose Up
-- The embedded counterpart of postgres/00009_notices.sql, where the reasons stand; a test compares the two.
CREATE TABLE notices (
  id          integer PRIMARY KEY AUTOINCREMENT,
  receiver_id integer NOT NULL CONSTRAINT notice_receiver_exists REFERENCES customers (id),
  caused_by   integer CONSTRAINT notice_cause_exists REFERENCES customers (id), -- null: time, or the operator
  parts       text NOT NULL, -- JSON
  created_at  datetime NOT NULL,
  held        boolean NOT NULL, -- one of too many: it goes with the others of its hour
  joined      integer CONSTRAINT notice_joined_exists REFERENCES notices (id) ON DELETE CASCADE, -- the notice whose email has this one too
  state       text NOT NULL DEFAULT 'waiting',
  settled_at  datetime, -- null: waiting
  CONSTRAINT notice_state_known CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
  CONSTRAINT notice_settled CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX notice_receiver ON notices (receiver_id, created_at);
CREATE INDEX notice_created ON notices (created_at);
CREATE INDEX notice_held ON notices (receiver_id, caused_by) WHERE held;
CREATE INDEX notice_joined ON notices (joined) WHERE joined IS NOT NULL;

-- The end of which the holder was told beforehand: once for each end.
ALTER TABLE grants ADD COLUMN reminded_for datetime;
CREATE INDEX grant_reminder ON grants (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL AND (reminded_for IS NULL OR reminded_for <> expires_at);
