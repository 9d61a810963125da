-- +goose Up
-- The embedded counterpart of postgres/00012_passkeys.sql, where the reasons stand; a test compares the two.

CREATE TABLE passkey_holders (
  handle      blob PRIMARY KEY,
  customer_id integer REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    integer REFERENCES agents (id) ON DELETE CASCADE,
  CONSTRAINT passkey_holder_customer UNIQUE (customer_id),
  CONSTRAINT passkey_holder_agent UNIQUE (agent_id),
  CONSTRAINT passkey_holder_is_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);

CREATE TABLE passkeys (
  id            integer PRIMARY KEY AUTOINCREMENT,
  customer_id   integer REFERENCES customers (id) ON DELETE CASCADE,
  agent_id      integer REFERENCES agents (id) ON DELETE CASCADE,
  name          text NOT NULL, -- as its person calls it
  site          text NOT NULL, -- the host it was made for: browsers offer it there alone
  credential_id blob NOT NULL,
  public_key    blob NOT NULL, -- COSE
  sign_count    integer NOT NULL,
  flags         integer NOT NULL, -- of the authenticator data
  model         blob NOT NULL, -- AAGUID
  transports    text NOT NULL,
  created_at    datetime NOT NULL,
  used_at       datetime, -- null: never
  CONSTRAINT passkey_credential_unique UNIQUE (credential_id),
  CONSTRAINT passkey_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX passkey_customer ON passkeys (customer_id);
CREATE INDEX passkey_agent ON passkeys (agent_id);

CREATE TABLE passkey_challenges (
  challenge_hash blob PRIMARY KEY, -- SHA-256
  browser_hash   blob NOT NULL, -- SHA-256 of the cookie of the browser that was asked
  purpose        text NOT NULL,
  asked_in       integer NOT NULL, -- the session, or the sign-in that waits for its second step; 0: neither
  peer           text NOT NULL,
  expires_at     datetime NOT NULL,
  CONSTRAINT passkey_challenge_purpose_known CHECK (purpose IN ('creation', 'sign-in', 'second-step', 'proof'))
);
CREATE INDEX passkey_challenge_browser ON passkey_challenges (browser_hash);
CREATE INDEX passkey_challenge_peer ON passkey_challenges (peer);
CREATE INDEX passkey_challenge_expires ON passkey_challenges (expires_at);
