-- +goose Up
-- Passwords that somebody forgot, by the email that was asked for. An identifier
-- that nobody has is written down as well, so that asking takes as long: the job
-- that makes the link finds nobody to send it to.
CREATE TABLE password_resets (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint, -- null: nobody. No reference: looking it up would take its time
  asked_at    timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL, -- for the link as well, however late it is sent
  sent_at     timestamptz -- null: waiting
);
CREATE INDEX password_reset_customer ON password_resets (customer_id);
CREATE INDEX password_reset_expires ON password_resets (expires_at);

-- A link is for a customer or an agent, made by the operator or for a reset.
ALTER TABLE password_links ALTER COLUMN customer_id DROP NOT NULL;
ALTER TABLE password_links ADD COLUMN agent_id bigint REFERENCES agents (id) ON DELETE CASCADE;
ALTER TABLE password_links ADD COLUMN reset_id bigint REFERENCES password_resets (id) ON DELETE CASCADE; -- null: of the operator
ALTER TABLE password_links ADD CONSTRAINT password_link_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL));
CREATE INDEX password_link_agent ON password_links (agent_id);
CREATE INDEX password_link_reset ON password_links (reset_id);

-- The contact address that a customer wants, until the link sent there is used.
-- A mail that is sent again has another link; the one before is dead.
CREATE TABLE contact_changes (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  email       text NOT NULL,
  token_hash  bytea, -- null: no link yet
  asked_at    timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  state       text NOT NULL DEFAULT 'waiting',
  CONSTRAINT contact_change_one_each UNIQUE (customer_id),
  CONSTRAINT contact_change_state_known CHECK (state IN ('waiting', 'sent', 'failed'))
);
CREATE INDEX contact_change_expires ON contact_changes (expires_at);

-- Contact addresses of before, which are told for some days what happens to the account.
CREATE TABLE former_contacts (
  customer_id bigint NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  email       text NOT NULL,
  ended_at    timestamptz NOT NULL,
  CONSTRAINT former_contact_once PRIMARY KEY (customer_id, email)
);
CREATE INDEX former_contact_ended ON former_contacts (ended_at);

-- Where a notice goes; null: where its receiver is reached when it is sent.
ALTER TABLE notices ADD COLUMN email text;
