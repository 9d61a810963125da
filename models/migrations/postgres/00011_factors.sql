-- +goose Up
-- Second factors, and the proof that a session asks for again before what is sensitive.

-- A proof gives the session a new cookie. Forms that were shown before it stay
-- good: they are bound to the hash of the first one.
ALTER TABLE sessions ADD COLUMN proved_at timestamptz; -- the last password or code; null: when it began
ALTER TABLE sessions ADD COLUMN form_key  bytea;       -- the hash of its first cookie; null: token_hash

-- Authenticator apps. A row was confirmed with a code: it counts. Passwords of
-- 10 to 14 characters are for those who have one.
CREATE TABLE factors (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint CONSTRAINT factor_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    bigint CONSTRAINT factor_agent_exists REFERENCES agents (id) ON DELETE CASCADE,
  name        text NOT NULL,
  secret      bytea NOT NULL,  -- sealed for this row with MANDAT_SECRET
  last_step   bigint NOT NULL, -- the time step of the last code: earlier codes and that one are used up
  created_at  timestamptz NOT NULL,
  used_at     timestamptz,
  CONSTRAINT factor_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX factor_customer ON factors (customer_id);
CREATE INDEX factor_agent ON factors (agent_id);
ALTER TABLE customers ADD COLUMN password_short boolean NOT NULL DEFAULT false;

CREATE TABLE recovery_codes (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint CONSTRAINT recovery_code_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    bigint CONSTRAINT recovery_code_agent_exists REFERENCES agents (id) ON DELETE CASCADE,
  code_hash   bytea NOT NULL, -- SHA-256
  created_at  timestamptz NOT NULL,
  used_at     timestamptz,
  CONSTRAINT recovery_code_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX recovery_code_customer ON recovery_codes (customer_id);
CREATE INDEX recovery_code_agent ON recovery_codes (agent_id);

-- Whose password was right and whose second factor is awaited. It is no session:
-- nothing but its code can be asked with it.
CREATE TABLE sign_ins (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  token_hash  bytea NOT NULL, -- SHA-256 of its cookie
  customer_id bigint CONSTRAINT sign_in_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    bigint CONSTRAINT sign_in_agent_exists REFERENCES agents (id) ON DELETE CASCADE,
  purpose     text NOT NULL, -- enrol: an agent who has no second factor yet
  tries       integer NOT NULL DEFAULT 0, -- wrong codes
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  CONSTRAINT sign_in_token_unique UNIQUE (token_hash),
  CONSTRAINT sign_in_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL)),
  CONSTRAINT sign_in_purpose_known CHECK (purpose IN ('code', 'enrol'))
);
CREATE INDEX sign_in_customer ON sign_ins (customer_id);
CREATE INDEX sign_in_agent ON sign_ins (agent_id);
CREATE INDEX sign_in_expires ON sign_ins (expires_at);

-- Browsers on which a customer is asked for the password alone. Staff has none.
CREATE TABLE trusted_devices (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL CONSTRAINT trusted_device_customer_exists REFERENCES customers (id) ON DELETE CASCADE,
  token_hash  bytea NOT NULL, -- SHA-256 of its cookie
  user_agent  text NOT NULL,
  peer        text NOT NULL,
  created_at  timestamptz NOT NULL,
  seen_at     timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  CONSTRAINT trusted_device_token_unique UNIQUE (token_hash)
);
CREATE INDEX trusted_device_customer ON trusted_devices (customer_id);
CREATE INDEX trusted_device_expires ON trusted_devices (expires_at);

-- Staff signed in by a password alone comes back with a second factor.
DELETE FROM sessions WHERE agent_id IS NOT NULL;
