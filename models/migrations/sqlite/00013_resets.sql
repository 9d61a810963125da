-- +goose Up
-- The embedded counterpart of postgres/00013_resets.sql, where the reasons stand; a test compares the two.
CREATE TABLE password_resets (
  id          integer PRIMARY KEY AUTOINCREMENT,
  customer_id integer, -- null: nobody. No reference: looking it up would take its time
  asked_at    datetime NOT NULL,
  expires_at  datetime NOT NULL, -- for the link as well, however late it is sent
  sent_at     datetime -- null: waiting
);
CREATE INDEX password_reset_customer ON password_resets (customer_id);
CREATE INDEX password_reset_expires ON password_resets (expires_at);

-- A link is for a customer or an agent, made by the operator or for a reset.
-- SQLite cannot take NOT NULL away from a column: the table is made anew.
CREATE TABLE password_links_new (
  token_hash  blob PRIMARY KEY,
  customer_id integer REFERENCES customers (id) ON DELETE CASCADE,
  expires_at  datetime NOT NULL,
  agent_id    integer REFERENCES agents (id) ON DELETE CASCADE,
  reset_id    integer REFERENCES password_resets (id) ON DELETE CASCADE, -- null: of the operator
  CONSTRAINT password_link_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
INSERT INTO password_links_new (token_hash, customer_id, expires_at) SELECT token_hash, customer_id, expires_at FROM password_links;
DROP TABLE password_links;
ALTER TABLE password_links_new RENAME TO password_links;
CREATE INDEX password_link_customer ON password_links (customer_id);
CREATE INDEX password_link_expires ON password_links (expires_at);
CREATE INDEX password_link_agent ON password_links (agent_id);
CREATE INDEX password_link_reset ON password_links (reset_id);

-- The contact address that a customer wants, until the link sent there is used.
-- A mail that is sent again has another link; the one before is dead.
CREATE TABLE contact_changes (
  id          integer PRIMARY KEY AUTOINCREMENT,
  customer_id integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  email       text NOT NULL,
  token_hash  blob, -- null: no link yet
  asked_at    datetime NOT NULL,
  expires_at  datetime NOT NULL,
  state       text NOT NULL DEFAULT 'waiting',
  CONSTRAINT contact_change_one_each UNIQUE (customer_id),
  CONSTRAINT contact_change_state_known CHECK (state IN ('waiting', 'sent', 'failed'))
);
CREATE INDEX contact_change_expires ON contact_changes (expires_at);

-- Contact addresses of before, which are told for some days what happens to the account.
CREATE TABLE former_contacts (
  customer_id integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  email       text NOT NULL,
  ended_at    datetime NOT NULL,
  CONSTRAINT former_contact_once PRIMARY KEY (customer_id, email)
);
CREATE INDEX former_contact_ended ON former_contacts (ended_at);

-- Where a notice goes; null: where its receiver is reached when it is sent.
ALTER TABLE notices ADD COLUMN email text;
