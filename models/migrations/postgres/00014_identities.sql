-- +goose Up
-- Whom a provider of OpenID Connect knows, and who that is here: a customer or
-- an agent. Another issuer is another provider, whatever else is the same.
CREATE TABLE identities (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    bigint REFERENCES agents (id) ON DELETE CASCADE,
  issuer      text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  name        text NOT NULL, -- what the provider called them last; nothing rests on it
  linked_by   text NOT NULL,
  created_at  timestamptz NOT NULL,
  used_at     timestamptz, -- the last sign-in
  CONSTRAINT identity_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL)),
  CONSTRAINT identity_linked_by_known CHECK (linked_by IN ('operator', 'self', 'claim')),
  CONSTRAINT identity_subject_once UNIQUE (issuer, subject),
  -- Who has one at a provider gets no second one there by a claim: names are given to others one day.
  CONSTRAINT identity_customer_once UNIQUE (customer_id, issuer),
  CONSTRAINT identity_agent_once UNIQUE (agent_id, issuer)
);

-- People who are on their way to a provider and back. Each is taken once.
CREATE TABLE identity_requests (
  token_hash bytea PRIMARY KEY, -- SHA-256 of the cookie, from which state, nonce and verifier derive
  session_id bigint CONSTRAINT identity_request_session REFERENCES sessions (id) ON DELETE CASCADE, -- that asks to be linked; null: to sign in
  again      boolean NOT NULL, -- the provider is to ask who they are, though it may remember
  next       text NOT NULL,
  peer       text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX identity_request_peer ON identity_requests (peer);
CREATE INDEX identity_request_session ON identity_requests (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX identity_request_expires ON identity_requests (expires_at);

-- What a session, and a sign-in that waits for a second factor, rest on: they end with the link.
ALTER TABLE sessions ADD COLUMN identity_id bigint CONSTRAINT session_identity REFERENCES identities (id) ON DELETE CASCADE;
CREATE INDEX session_identity ON sessions (identity_id) WHERE identity_id IS NOT NULL;
ALTER TABLE sign_ins ADD COLUMN identity_id bigint CONSTRAINT sign_in_identity REFERENCES identities (id) ON DELETE CASCADE;
CREATE INDEX sign_in_identity ON sign_ins (identity_id) WHERE identity_id IS NOT NULL;
