-- +goose Up
-- The embedded counterpart of postgres/00001_panel.sql, where the reasons stand; a test compares the two.

CREATE TABLE customers (
  id            integer PRIMARY KEY AUTOINCREMENT,
  identifier    text NOT NULL,
  name          text NOT NULL,
  email         text NOT NULL,
  language      text NOT NULL,
  theme         text NOT NULL DEFAULT 'system',
  time_zone     text NOT NULL,
  password_hash text NOT NULL DEFAULT '', -- '' signs nobody in
  version       integer NOT NULL DEFAULT 1,
  created_at    datetime NOT NULL,
  CONSTRAINT customer_identifier_unique UNIQUE (identifier),
  CONSTRAINT customer_language_known CHECK (language IN ('fr', 'en')),
  CONSTRAINT customer_theme_known CHECK (theme IN ('system', 'light', 'dark'))
);

CREATE TABLE agents (
  id            integer PRIMARY KEY AUTOINCREMENT,
  identifier    text NOT NULL,
  name          text NOT NULL,
  email         text NOT NULL,
  language      text NOT NULL,
  role          text NOT NULL,
  password_hash text NOT NULL DEFAULT '',
  customer_id   integer CONSTRAINT agent_customer_exists REFERENCES customers (id), -- the agent's own account as a customer, if any
  created_at    datetime NOT NULL,
  CONSTRAINT agent_identifier_unique UNIQUE (identifier),
  CONSTRAINT agent_language_known CHECK (language IN ('fr', 'en')),
  CONSTRAINT agent_role_known CHECK (role IN ('agent', 'lead'))
);

-- A session is a row: deleting it signs the browser out at its next request, in every process.
CREATE TABLE sessions (
  id          integer PRIMARY KEY AUTOINCREMENT,
  token_hash  blob NOT NULL, -- SHA-256 of the cookie
  customer_id integer REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    integer REFERENCES agents (id) ON DELETE CASCADE,
  data        blob NOT NULL,
  user_agent  text NOT NULL,
  peer        text NOT NULL,
  created_at  datetime NOT NULL,
  seen_at     datetime NOT NULL,
  expires_at  datetime NOT NULL,
  CONSTRAINT session_token_unique UNIQUE (token_hash),
  CONSTRAINT session_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX session_customer ON sessions (customer_id);
CREATE INDEX session_agent ON sessions (agent_id);
CREATE INDEX session_expires ON sessions (expires_at);

-- The forms of a session that have acted. The foreign key keeps the session
-- from ending while a form of it is being carried out.
CREATE TABLE submissions (
  session_id integer NOT NULL CONSTRAINT submission_session_alive REFERENCES sessions (id) ON DELETE CASCADE,
  nonce      blob NOT NULL,
  CONSTRAINT submission_acts_once PRIMARY KEY (session_id, nonce)
);

-- Browsers that have signed in before: their wrong passwords count apart, so
-- that a stranger's guesses cannot shut the owner out.
CREATE TABLE devices (
  token_hash  blob PRIMARY KEY,
  customer_id integer REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    integer REFERENCES agents (id) ON DELETE CASCADE,
  seen_at     datetime NOT NULL,
  CONSTRAINT device_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX device_customer ON devices (customer_id);
CREATE INDEX device_agent ON devices (agent_id);
CREATE INDEX device_seen ON devices (seen_at);

CREATE TABLE password_links (
  token_hash  blob PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  expires_at  datetime NOT NULL
);
CREATE INDEX password_link_customer ON password_links (customer_id);
CREATE INDEX password_link_expires ON password_links (expires_at);

-- Failures counted against somebody: wrong passwords by identifier, device and peer, unknown identifiers by giver.
CREATE TABLE throttles (
  subject  text PRIMARY KEY,
  failures integer NOT NULL,
  since    datetime NOT NULL, -- of the first failure counted
  last_at  datetime NOT NULL
);
CREATE INDEX throttle_last ON throttles (last_at);

CREATE TABLE services (
  id                integer PRIMARY KEY AUTOINCREMENT,
  domain            text NOT NULL, -- A-label, lower case
  owner_id          integer NOT NULL CONSTRAINT service_owner_exists REFERENCES customers (id),
  state             text NOT NULL DEFAULT 'active',
  max_accounts      integer NOT NULL,
  max_bytes         integer NOT NULL, -- of all accounts together
  max_account_bytes integer NOT NULL,
  account_count     integer NOT NULL DEFAULT 0, -- all accounts, kept by the verbs; one postmaster is free beyond max_accounts
  allotted_bytes    integer NOT NULL DEFAULT 0,  -- sum of the sizes of the accounts
  share_count       integer NOT NULL DEFAULT 0, -- grants on the whole service not ended
  version           integer NOT NULL DEFAULT 1,
  created_at        datetime NOT NULL,
  CONSTRAINT service_domain_unique UNIQUE (domain),
  CONSTRAINT service_owner_copied UNIQUE (id, owner_id),
  CONSTRAINT service_domain_lower CHECK (domain = lower(domain)),
  CONSTRAINT service_state_known CHECK (state IN ('active', 'suspended')),
  CONSTRAINT service_accounts_within_limit CHECK (account_count BETWEEN 0 AND max_accounts + 1),
  CONSTRAINT service_bytes_within_limit CHECK (allotted_bytes BETWEEN 0 AND max_bytes),
  CONSTRAINT service_shares_counted CHECK (share_count >= 0)
);
CREATE UNIQUE INDEX service_owner_domain ON services (owner_id, domain);

-- An address has one meaning in the whole installation, whoever asks at the same moment.
CREATE TABLE addresses (
  address    text NOT NULL,
  service_id integer NOT NULL CONSTRAINT address_service_exists REFERENCES services (id),
  kind       text NOT NULL,
  CONSTRAINT address_has_one_meaning PRIMARY KEY (address),
  CONSTRAINT address_kind_known CHECK (kind IN ('account', 'redirection', 'responder', 'list')),
  CONSTRAINT address_lower CHECK (address = lower(address))
);
CREATE INDEX address_service ON addresses (service_id);

CREATE TABLE accounts (
  id                 integer PRIMARY KEY AUTOINCREMENT,
  service_id         integer NOT NULL CONSTRAINT account_service_exists REFERENCES services (id),
  local_part         text NOT NULL,
  address            text NOT NULL CONSTRAINT account_address_exists REFERENCES addresses (address),
  description        text NOT NULL,
  size_bytes         integer NOT NULL,
  used_bytes         integer NOT NULL DEFAULT 0,
  nearly_full        boolean NOT NULL GENERATED ALWAYS AS (used_bytes >= size_bytes / 20 * 19) STORED, -- from 95 %
  state              text NOT NULL DEFAULT 'active',
  password_hash      text NOT NULL DEFAULT '', -- as Dovecot reads it, {SCHEME} first; '' signs nobody in
  password_set_at    datetime,
  password_set_by    integer REFERENCES customers (id), -- null: the operator
  created_by         integer REFERENCES customers (id), -- null: the operator
  version            integer NOT NULL DEFAULT 1,
  created_at         datetime NOT NULL,
  CONSTRAINT account_address_unique UNIQUE (address),
  CONSTRAINT account_local_part_unique UNIQUE (service_id, local_part),
  CONSTRAINT account_state_known CHECK (state IN ('active', 'blocked', 'deleting')),
  CONSTRAINT account_size_positive CHECK (size_bytes > 0),
  CONSTRAINT account_use_counted CHECK (used_bytes >= 0)
);
CREATE INDEX account_used ON accounts (service_id, used_bytes, local_part);
CREATE INDEX account_blocked ON accounts (service_id, local_part) WHERE state = 'blocked';
CREATE INDEX account_full ON accounts (service_id, local_part) WHERE nearly_full;
CREATE INDEX account_deleting ON accounts (id) WHERE state = 'deleting';
CREATE INDEX account_password_by ON accounts (service_id, password_set_by, local_part);
CREATE INDEX account_created_by ON accounts (service_id, created_by, local_part);

-- The words of an address and its description, so that the beginning of any of them finds it at once.
CREATE TABLE account_words (
  service_id integer NOT NULL,
  word       text NOT NULL,
  local_part text NOT NULL,
  account_id integer NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  PRIMARY KEY (service_id, word, local_part)
);
CREATE INDEX account_word_account ON account_words (account_id, word);

CREATE TABLE grants (
  id         integer PRIMARY KEY AUTOINCREMENT,
  kind       text NOT NULL,
  service_id integer NOT NULL,
  owner_id   integer NOT NULL,
  account_id integer REFERENCES accounts (id) ON DELETE SET NULL,
  domain     text NOT NULL, -- copied, so that what somebody holds is one walk through an index
  local_part text NOT NULL, -- of the account; '' when the grant is on the service
  grantee_id integer NOT NULL CONSTRAINT grant_grantee_exists REFERENCES customers (id),
  giver_id   integer NOT NULL REFERENCES customers (id),
  agent_id   integer REFERENCES agents (id), -- who gave it in the giver's name
  parent_id  integer REFERENCES grants (id), -- the grant on which the giver's right rested; it ends with that
  extras     integer NOT NULL,
  note       text NOT NULL,
  since      datetime NOT NULL,
  expires_at datetime,
  used_at    datetime,
  ended_at   datetime,
  ended_why  text,
  ended_by   integer REFERENCES customers (id), -- null: time, or the operator
  ended_with integer REFERENCES grants (id),    -- the grant whose end took this one along
  version    integer NOT NULL DEFAULT 1,
  CONSTRAINT grant_service_owner FOREIGN KEY (service_id, owner_id) REFERENCES services (id, owner_id) ON UPDATE CASCADE,
  CONSTRAINT grant_kind_known CHECK (kind IN ('service', 'account')),
  CONSTRAINT grant_has_its_object CHECK (CASE kind WHEN 'account' THEN account_id IS NOT NULL OR ended_at IS NOT NULL ELSE account_id IS NULL END),
  CONSTRAINT grant_extras_known CHECK (extras BETWEEN 0 AND 15),
  CONSTRAINT grant_not_to_owner CHECK (grantee_id <> owner_id),
  CONSTRAINT grant_not_to_oneself CHECK (grantee_id <> giver_id),
  CONSTRAINT grant_end_explained CHECK ((ended_at IS NULL) = (ended_why IS NULL)),
  CONSTRAINT grant_end_known CHECK (ended_why IN ('expired', 'revoked', 'resigned', 'object'))
);
CREATE UNIQUE INDEX grant_service_once ON grants (service_id, grantee_id) WHERE kind = 'service' AND ended_at IS NULL;
CREATE UNIQUE INDEX grant_account_once ON grants (account_id, grantee_id) WHERE kind = 'account' AND ended_at IS NULL;
CREATE INDEX grant_held ON grants (grantee_id, domain, local_part) WHERE ended_at IS NULL;
CREATE INDEX grant_delegated ON grants (service_id, local_part) WHERE kind = 'account' AND ended_at IS NULL;
CREATE INDEX grant_given ON grants (owner_id, grantee_id, domain, local_part) WHERE ended_at IS NULL;
CREATE INDEX grant_expiry ON grants (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX grant_parent ON grants (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX grant_ended_with ON grants (ended_with) WHERE ended_with IS NOT NULL;
CREATE INDEX grant_service_all ON grants (service_id, id);
CREATE INDEX grant_account_all ON grants (account_id, id);

CREATE TABLE events (
  id         integer PRIMARY KEY AUTOINCREMENT,
  service_id integer REFERENCES services (id),
  number     integer, -- within its service, without gaps
  at         datetime NOT NULL,
  kind       text NOT NULL,
  class      text NOT NULL, -- who may read it besides the owner: see models/events.go
  owner_id   integer REFERENCES customers (id),
  actor_id   integer REFERENCES customers (id), -- the person; null: the operator, or time
  agent_id   integer REFERENCES agents (id),    -- the person, when support acted for actor_id
  subject_id integer REFERENCES customers (id), -- whom it concerns besides owner and actor
  account_id integer,                           -- no reference: history outlives its objects
  grant_id   integer,
  object     text NOT NULL,
  detail     text NOT NULL,
  CONSTRAINT event_number_once UNIQUE (service_id, number),
  CONSTRAINT event_numbered CHECK ((service_id IS NULL) = (number IS NULL)),
  CONSTRAINT event_class_known CHECK (class IN ('mail', 'access', 'service', 'self'))
);
CREATE INDEX event_account ON events (account_id, id);
CREATE INDEX event_grant ON events (grant_id, id);
CREATE INDEX event_actor ON events (actor_id, id);
CREATE INDEX event_owner ON events (owner_id, id);
CREATE INDEX event_subject ON events (subject_id, id);

-- Facts about the installation itself, such as "this is the demo world".
CREATE TABLE markers (
  name       text PRIMARY KEY,
  value      text NOT NULL,
  created_at datetime NOT NULL
);

-- +goose StatementBegin
CREATE TRIGGER account_claims_address BEFORE INSERT ON accounts FOR EACH ROW BEGIN
  INSERT INTO addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'account');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_releases_address AFTER DELETE ON accounts FOR EACH ROW BEGIN
  DELETE FROM addresses WHERE address = OLD.address;
END;
-- +goose StatementEnd
