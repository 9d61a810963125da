-- +goose Up
-- Passkeys: signing in without a password, and the second step after one.

-- What authenticators know a person by. Random, so that it tells nothing of them;
-- it stays when the last passkey goes, or a browser would keep two of one person.
CREATE TABLE passkey_holders (
  handle      bytea PRIMARY KEY,
  customer_id bigint REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    bigint REFERENCES agents (id) ON DELETE CASCADE,
  CONSTRAINT passkey_holder_customer UNIQUE (customer_id),
  CONSTRAINT passkey_holder_agent UNIQUE (agent_id),
  CONSTRAINT passkey_holder_is_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);

-- The public half of each, in the fields of the specification's credential
-- record: any library reads them.
CREATE TABLE passkeys (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id   bigint REFERENCES customers (id) ON DELETE CASCADE,
  agent_id      bigint REFERENCES agents (id) ON DELETE CASCADE,
  name          text NOT NULL, -- as its person calls it
  site          text NOT NULL, -- the host it was made for: browsers offer it there alone
  credential_id bytea NOT NULL,
  public_key    bytea NOT NULL, -- COSE
  sign_count    bigint NOT NULL,
  flags         integer NOT NULL, -- of the authenticator data
  model         bytea NOT NULL, -- AAGUID
  transports    text NOT NULL,
  created_at    timestamptz NOT NULL,
  used_at       timestamptz, -- null: never
  CONSTRAINT passkey_credential_unique UNIQUE (credential_id),
  CONSTRAINT passkey_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX passkey_customer ON passkeys (customer_id);
CREATE INDEX passkey_agent ON passkeys (agent_id);

-- What browsers were asked to sign. A row goes when it is answered, rightly or not.
CREATE TABLE passkey_challenges (
  challenge_hash bytea PRIMARY KEY, -- SHA-256
  browser_hash   bytea NOT NULL, -- SHA-256 of the cookie of the browser that was asked
  purpose        text NOT NULL,
  asked_in       bigint NOT NULL, -- the session, or the sign-in that waits for its second step; 0: neither
  peer           text NOT NULL,
  expires_at     timestamptz NOT NULL,
  CONSTRAINT passkey_challenge_purpose_known CHECK (purpose IN ('creation', 'sign-in', 'second-step', 'proof'))
);
CREATE INDEX passkey_challenge_browser ON passkey_challenges (browser_hash);
CREATE INDEX passkey_challenge_peer ON passkey_challenges (peer);
CREATE INDEX passkey_challenge_expires ON passkey_challenges (expires_at);
