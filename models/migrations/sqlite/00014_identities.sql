-- +goose Up
-- The embedded counterpart of postgres/00014_identities.sql, where the reasons stand; a test compares the two.
CREATE TABLE identities (
  id          integer PRIMARY KEY AUTOINCREMENT,
  customer_id integer REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    integer REFERENCES agents (id) ON DELETE CASCADE,
  issuer      text NOT NULL,
  subject     text NOT NULL,
  name        text NOT NULL, -- what the provider called them last; nothing rests on it
  linked_by   text NOT NULL,
  created_at  datetime NOT NULL,
  used_at     datetime, -- the last sign-in
  CONSTRAINT identity_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL)),
  CONSTRAINT identity_linked_by_known CHECK (linked_by IN ('operator', 'self', 'claim')),
  CONSTRAINT identity_subject_once UNIQUE (issuer, subject),
  CONSTRAINT identity_customer_once UNIQUE (customer_id, issuer),
  CONSTRAINT identity_agent_once UNIQUE (agent_id, issuer)
);

CREATE TABLE identity_requests (
  token_hash blob PRIMARY KEY, -- SHA-256 of the cookie, from which state, nonce and verifier derive
  session_id integer CONSTRAINT identity_request_session REFERENCES sessions (id) ON DELETE CASCADE, -- that asks to be linked; null: to sign in
  again      boolean NOT NULL, -- the provider is to ask who they are, though it may remember
  next       text NOT NULL,
  peer       text NOT NULL,
  expires_at datetime NOT NULL
);
CREATE INDEX identity_request_peer ON identity_requests (peer);
CREATE INDEX identity_request_session ON identity_requests (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX identity_request_expires ON identity_requests (expires_at);

ALTER TABLE sessions ADD COLUMN identity_id integer CONSTRAINT session_identity REFERENCES identities (id) ON DELETE CASCADE;
CREATE INDEX session_identity ON sessions (identity_id) WHERE identity_id IS NOT NULL;
ALTER TABLE sign_ins ADD COLUMN identity_id integer CONSTRAINT sign_in_identity REFERENCES identities (id) ON DELETE CASCADE;
CREATE INDEX sign_in_identity ON sign_ins (identity_id) WHERE identity_id IS NOT NULL;
