-- +goose Up
-- What customers allow support: a window that they opened, or a code that they
-- read out. A new one of a kind ends the one before.
CREATE TABLE consents (
  id          integer PRIMARY KEY AUTOINCREMENT,
  customer_id integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  kind        text NOT NULL,
  mode        text NOT NULL, -- how far support may go by it
  code_hash   text, -- Argon2id, while the code is good
  tries       integer NOT NULL DEFAULT 0, -- wrong codes
  created_at  datetime NOT NULL,
  expires_at  datetime NOT NULL,
  ended_at    datetime, -- closed, used or replaced
  CONSTRAINT consent_kind_known CHECK (kind IN ('window', 'code')),
  CONSTRAINT consent_mode_known CHECK (mode IN ('look', 'change')),
  CONSTRAINT consent_code_kept CHECK ((code_hash IS NOT NULL) = (kind = 'code' AND ended_at IS NULL))
);
CREATE UNIQUE INDEX consent_once ON consents (customer_id, kind) WHERE ended_at IS NULL;
CREATE INDEX consent_expires ON consents (expires_at) WHERE ended_at IS NULL;

-- A period in which an agent acts for a customer, or asks to: never altered
-- after its end, and never deleted.
CREATE TABLE assistances (
  id           integer PRIMARY KEY AUTOINCREMENT,
  agent_id     integer NOT NULL CONSTRAINT assistance_agent_exists REFERENCES agents (id),
  customer_id  integer NOT NULL CONSTRAINT assistance_customer_exists REFERENCES customers (id),
  session_id   integer CONSTRAINT assistance_session_exists REFERENCES sessions (id) ON DELETE SET NULL, -- the agent's; null: it has ended, and so has this
  reason       text NOT NULL,
  ticket       text NOT NULL,
  consent      text NOT NULL, -- what it rests on
  consent_id   integer CONSTRAINT assistance_consent_exists REFERENCES consents (id) ON DELETE SET NULL,
  approved_by  integer CONSTRAINT assistance_approver_exists REFERENCES agents (id), -- the second agent of an emergency
  may_change   boolean NOT NULL, -- the customer allows more than looking
  asked_at     datetime NOT NULL,
  began_at     datetime, -- null: waits for an answer
  expires_at   datetime NOT NULL,
  renewed_at   datetime,
  change_until datetime, -- raised to change
  ended_at     datetime,
  ended_why    text,
  CONSTRAINT assistance_consent_known CHECK (consent IN ('window', 'code', 'request', 'emergency')),
  CONSTRAINT assistance_end_known CHECK (ended_why IN ('agent', 'time', 'customer', 'refused', 'withdrawn', 'signed_out', 'role', 'operator', 'lead', 'consent')),
  CONSTRAINT assistance_end_told CHECK ((ended_at IS NULL) = (ended_why IS NULL)),
  CONSTRAINT assistance_raised_by_leave CHECK (change_until IS NULL OR may_change),
  CONSTRAINT assistance_second_agent CHECK (approved_by IS NULL OR consent = 'emergency' AND approved_by <> agent_id)
);
CREATE UNIQUE INDEX assistance_one_at_a_time ON assistances (agent_id) WHERE ended_at IS NULL;
CREATE INDEX assistance_agent ON assistances (agent_id, id);
CREATE INDEX assistance_customer ON assistances (customer_id, id);
CREATE INDEX assistance_open ON assistances (customer_id) WHERE ended_at IS NULL;
CREATE INDEX assistance_session ON assistances (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX assistance_expires ON assistances (expires_at) WHERE ended_at IS NULL;
CREATE INDEX assistance_asked ON assistances (asked_at);
CREATE INDEX event_agent ON events (agent_id, id) WHERE agent_id IS NOT NULL;
CREATE INDEX assistance_consent ON assistances (consent_id) WHERE consent_id IS NOT NULL;

-- The pages that an agent looked at, each once.
CREATE TABLE assistance_pages (
  assistance_id integer NOT NULL CONSTRAINT assistance_page_of REFERENCES assistances (id) ON DELETE CASCADE,
  path          text NOT NULL, -- without its query
  first_at      datetime NOT NULL,
  times         integer NOT NULL,
  CONSTRAINT assistance_page_once PRIMARY KEY (assistance_id, path)
);

-- Whom an agent's removal leaves in the history.
ALTER TABLE agents ADD COLUMN removed_at datetime;

-- A file that an agent sent for a customer is done only while they act for them.
ALTER TABLE uploads ADD COLUMN assistance_id integer CONSTRAINT upload_assistance_exists REFERENCES assistances (id);

-- What a customer is found by: the words of their name, folded. Those without
-- have not been indexed yet.
CREATE TABLE customer_words (
  word        text NOT NULL,
  customer_id integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  CONSTRAINT customer_word_once PRIMARY KEY (word, customer_id)
);
CREATE INDEX customer_word_customer ON customer_words (customer_id);
ALTER TABLE customers ADD COLUMN indexed boolean NOT NULL DEFAULT false;
CREATE INDEX customer_unindexed ON customers (id) WHERE NOT indexed;
