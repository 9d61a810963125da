-- +goose Up
-- The embedded counterpart of postgres/00017_notices.sql, where the reasons stand; a test compares the two.
-- SQLite cannot take NOT NULL away from a column: the table is made anew. It
-- refers to itself by its new name, or the end of the old one would take rows along.
CREATE TABLE notices_new (
  id          integer PRIMARY KEY AUTOINCREMENT,
  receiver_id integer CONSTRAINT notice_receiver_exists REFERENCES customers (id),
  caused_by   integer CONSTRAINT notice_cause_exists REFERENCES customers (id), -- null: time, the operator or an agent
  parts       text NOT NULL, -- JSON
  created_at  datetime NOT NULL,
  held        boolean NOT NULL, -- one of too many: it goes with the others of its hour
  joined      integer CONSTRAINT notice_joined_exists REFERENCES notices_new (id) ON DELETE CASCADE, -- the notice whose email has this one too
  state       text NOT NULL DEFAULT 'waiting',
  settled_at  datetime, -- null: waiting
  email       text, -- null: where its receiver is reached when it is sent
  agent_id    integer CONSTRAINT notice_agent_exists REFERENCES agents (id),
  CONSTRAINT notice_state_known CHECK (state IN ('waiting', 'sent', 'failed', 'dropped')),
  CONSTRAINT notice_settled CHECK ((state = 'waiting') = (settled_at IS NULL)),
  CONSTRAINT notice_of_one_person CHECK ((receiver_id IS NULL) <> (agent_id IS NULL))
);
INSERT INTO notices_new (id, receiver_id, caused_by, parts, created_at, held, joined, state, settled_at, email)
  SELECT id, receiver_id, caused_by, parts, created_at, held, joined, state, settled_at, email FROM notices;
DROP TABLE notices;
ALTER TABLE notices_new RENAME TO notices;
CREATE INDEX notice_receiver ON notices (receiver_id, created_at);
CREATE INDEX notice_created ON notices (created_at);
CREATE INDEX notice_held ON notices (receiver_id, caused_by) WHERE held;
CREATE INDEX notice_joined ON notices (joined) WHERE joined IS NOT NULL;
CREATE INDEX notice_agent ON notices (agent_id, created_at) WHERE agent_id IS NOT NULL;
