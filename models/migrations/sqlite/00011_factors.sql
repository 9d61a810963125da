-- +goose Up
-- The embedded counterpart of postgres/00011_factors.sql, where the reasons stand; a test compares the two.

ALTER TABLE sessions ADD COLUMN proved_at datetime; -- the last password or code; null: when it began
ALTER TABLE sessions ADD COLUMN form_key  blob;     -- the hash of its first cookie; null: token_hash

CREATE TABLE factors (
  id          integer PRIMARY KEY AUTOINCREMENT,
  customer_id integer CONSTRAINT factor_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    integer CONSTRAINT factor_agent_exists REFERENCES agents (id) ON DELETE CASCADE,
  name        text NOT NULL,
  secret      blob NOT NULL,  -- sealed for this row with MANDAT_SECRET
  last_step   integer NOT NULL, -- the time step of the last code: earlier codes and that one are used up
  created_at  datetime NOT NULL,
  used_at     datetime,
  CONSTRAINT factor_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX factor_customer ON factors (customer_id);
CREATE INDEX factor_agent ON factors (agent_id);
ALTER TABLE customers ADD COLUMN password_short boolean NOT NULL DEFAULT false;

CREATE TABLE recovery_codes (
  id          integer PRIMARY KEY AUTOINCREMENT,
  customer_id integer CONSTRAINT recovery_code_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    integer CONSTRAINT recovery_code_agent_exists REFERENCES agents (id) ON DELETE CASCADE,
  code_hash   blob NOT NULL, -- SHA-256
  created_at  datetime NOT NULL,
  used_at     datetime,
  CONSTRAINT recovery_code_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX recovery_code_customer ON recovery_codes (customer_id);
CREATE INDEX recovery_code_agent ON recovery_codes (agent_id);

CREATE TABLE sign_ins (
  id          integer PRIMARY KEY AUTOINCREMENT,
  token_hash  blob NOT NULL, -- SHA-256 of its cookie
  customer_id integer CONSTRAINT sign_in_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    integer CONSTRAINT sign_in_agent_exists REFERENCES agents (id) ON DELETE CASCADE,
  purpose     text NOT NULL, -- enrol: an agent who has no second factor yet
  tries       integer NOT NULL DEFAULT 0, -- wrong codes
  created_at  datetime NOT NULL,
  expires_at  datetime NOT NULL,
  CONSTRAINT sign_in_token_unique UNIQUE (token_hash),
  CONSTRAINT sign_in_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL)),
  CONSTRAINT sign_in_purpose_known CHECK (purpose IN ('code', 'enrol'))
);
CREATE INDEX sign_in_customer ON sign_ins (customer_id);
CREATE INDEX sign_in_agent ON sign_ins (agent_id);
CREATE INDEX sign_in_expires ON sign_ins (expires_at);

CREATE TABLE trusted_devices (
  id          integer PRIMARY KEY AUTOINCREMENT,
  customer_id integer NOT NULL CONSTRAINT trusted_device_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  token_hash  blob NOT NULL, -- SHA-256 of its cookie
  user_agent  text NOT NULL,
  peer        text NOT NULL,
  created_at  datetime NOT NULL,
  seen_at     datetime NOT NULL,
  expires_at  datetime NOT NULL,
  CONSTRAINT trusted_device_token_unique UNIQUE (token_hash)
);
CREATE INDEX trusted_device_customer ON trusted_devices (customer_id);
CREATE INDEX trusted_device_expires ON trusted_devices (expires_at);

-- Staff signed in by a password alone comes back with a second factor.
DELETE FROM sessions WHERE agent_id IS NOT NULL;
