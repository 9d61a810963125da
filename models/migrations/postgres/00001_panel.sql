-- +goose Up
-- The panel's own tables, in the schema "panel" (which the program makes, and
-- puts first in its search path, before goose writes its own table there). The
-- mail servers never read these: they get views in schemas of their own.
-- Constraints are named after the rule they keep: models/errors.go turns the
-- names into messages.

CREATE TABLE customers (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  identifier    text COLLATE "C" NOT NULL,
  name          text NOT NULL,
  email         text NOT NULL,
  language      text NOT NULL,
  theme         text NOT NULL DEFAULT 'system',
  time_zone     text NOT NULL,
  password_hash text NOT NULL DEFAULT '', -- '' signs nobody in
  version       integer NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL,
  CONSTRAINT customer_identifier_unique UNIQUE (identifier),
  CONSTRAINT customer_language_known CHECK (language IN ('fr', 'en')),
  CONSTRAINT customer_theme_known CHECK (theme IN ('system', 'light', 'dark'))
);

CREATE TABLE agents (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  identifier    text COLLATE "C" NOT NULL,
  name          text NOT NULL,
  email         text NOT NULL,
  language      text NOT NULL,
  role          text NOT NULL,
  password_hash text NOT NULL DEFAULT '',
  customer_id   bigint CONSTRAINT agent_customer_exists REFERENCES customers (id), -- the agent's own account as a customer, if any
  created_at    timestamptz NOT NULL,
  CONSTRAINT agent_identifier_unique UNIQUE (identifier),
  CONSTRAINT agent_language_known CHECK (language IN ('fr', 'en')),
  CONSTRAINT agent_role_known CHECK (role IN ('agent', 'lead'))
);

-- A session is a row: deleting it signs the browser out at its next request, in every process.
CREATE TABLE sessions (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  token_hash  bytea NOT NULL, -- SHA-256 of the cookie
  customer_id bigint REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    bigint REFERENCES agents (id) ON DELETE CASCADE,
  data        bytea NOT NULL,
  user_agent  text NOT NULL,
  peer        text NOT NULL,
  created_at  timestamptz NOT NULL,
  seen_at     timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  CONSTRAINT session_token_unique UNIQUE (token_hash),
  CONSTRAINT session_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX session_customer ON sessions (customer_id);
CREATE INDEX session_agent ON sessions (agent_id);
CREATE INDEX session_expires ON sessions (expires_at);

-- The forms of a session that have acted. The foreign key keeps the session
-- from ending while a form of it is being carried out.
CREATE TABLE submissions (
  session_id bigint NOT NULL CONSTRAINT submission_session_alive REFERENCES sessions (id) ON DELETE CASCADE,
  nonce      bytea NOT NULL,
  CONSTRAINT submission_acts_once PRIMARY KEY (session_id, nonce)
);

-- Browsers that have signed in before: their wrong passwords count apart, so
-- that a stranger's guesses cannot shut the owner out.
CREATE TABLE devices (
  token_hash  bytea PRIMARY KEY,
  customer_id bigint REFERENCES customers (id) ON DELETE CASCADE,
  agent_id    bigint REFERENCES agents (id) ON DELETE CASCADE,
  seen_at     timestamptz NOT NULL,
  CONSTRAINT device_of_one_person CHECK ((customer_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX device_customer ON devices (customer_id);
CREATE INDEX device_agent ON devices (agent_id);
CREATE INDEX device_seen ON devices (seen_at);

CREATE TABLE password_links (
  token_hash  bytea PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  expires_at  timestamptz NOT NULL
);
CREATE INDEX password_link_customer ON password_links (customer_id);
CREATE INDEX password_link_expires ON password_links (expires_at);

-- Failures counted against somebody: wrong passwords by identifier, device and peer, unknown identifiers by giver.
CREATE TABLE throttles (
  subject  text COLLATE "C" PRIMARY KEY,
  failures integer NOT NULL,
  since    timestamptz NOT NULL, -- of the first failure counted
  last_at  timestamptz NOT NULL
);
CREATE INDEX throttle_last ON throttles (last_at);

CREATE TABLE services (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  domain            text COLLATE "C" NOT NULL, -- A-label, lower case
  owner_id          bigint NOT NULL CONSTRAINT service_owner_exists REFERENCES customers (id),
  state             text NOT NULL DEFAULT 'active',
  max_accounts      integer NOT NULL,
  max_bytes         bigint NOT NULL, -- of all accounts together
  max_account_bytes bigint NOT NULL,
  account_count     integer NOT NULL DEFAULT 0, -- all accounts, kept by the verbs; one postmaster is free beyond max_accounts
  allotted_bytes    bigint NOT NULL DEFAULT 0,  -- sum of the sizes of the accounts
  share_count       integer NOT NULL DEFAULT 0, -- grants on the whole service not ended
  version           integer NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  CONSTRAINT service_domain_unique UNIQUE (domain),
  CONSTRAINT service_owner_copied UNIQUE (id, owner_id),
  CONSTRAINT service_domain_lower CHECK (domain = lower(domain)),
  CONSTRAINT service_state_known CHECK (state IN ('active', 'suspended')),
  CONSTRAINT service_accounts_within_limit CHECK (account_count BETWEEN 0 AND max_accounts + 1),
  CONSTRAINT service_bytes_within_limit CHECK (allotted_bytes BETWEEN 0 AND max_bytes),
  CONSTRAINT service_shares_counted CHECK (share_count >= 0)
);
CREATE UNIQUE INDEX service_owner_domain ON services (owner_id, domain) INCLUDE (id);

-- An address has one meaning in the whole installation, whoever asks at the same moment.
CREATE TABLE addresses (
  address    text COLLATE "C" NOT NULL,
  service_id bigint NOT NULL CONSTRAINT address_service_exists REFERENCES services (id),
  kind       text NOT NULL,
  CONSTRAINT address_has_one_meaning PRIMARY KEY (address),
  CONSTRAINT address_kind_known CHECK (kind IN ('account', 'redirection', 'responder', 'list')),
  CONSTRAINT address_lower CHECK (address = lower(address))
);
CREATE INDEX address_service ON addresses (service_id);

CREATE TABLE accounts (
  id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id         bigint NOT NULL CONSTRAINT account_service_exists REFERENCES services (id),
  local_part         text COLLATE "C" NOT NULL,
  address            text COLLATE "C" NOT NULL CONSTRAINT account_address_exists REFERENCES addresses (address),
  description        text NOT NULL,
  size_bytes         bigint NOT NULL,
  used_bytes         bigint NOT NULL DEFAULT 0,
  nearly_full        boolean NOT NULL GENERATED ALWAYS AS (used_bytes >= size_bytes / 20 * 19) STORED, -- from 95 %
  state              text NOT NULL DEFAULT 'active',
  password_hash      text NOT NULL DEFAULT '', -- as Dovecot reads it, {SCHEME} first; '' signs nobody in
  password_set_at    timestamptz,
  password_set_by    bigint REFERENCES customers (id), -- null: the operator
  created_by         bigint REFERENCES customers (id), -- null: the operator
  version            integer NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL,
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
  service_id bigint NOT NULL,
  word       text COLLATE "C" NOT NULL,
  local_part text COLLATE "C" NOT NULL,
  account_id bigint NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  PRIMARY KEY (service_id, word, local_part)
);
CREATE INDEX account_word_account ON account_words (account_id, word);

CREATE TABLE grants (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text NOT NULL,
  service_id bigint NOT NULL,
  owner_id   bigint NOT NULL,
  account_id bigint REFERENCES accounts (id) ON DELETE SET NULL,
  domain     text COLLATE "C" NOT NULL, -- copied, so that what somebody holds is one walk through an index
  local_part text COLLATE "C" NOT NULL, -- of the account; '' when the grant is on the service
  grantee_id bigint NOT NULL CONSTRAINT grant_grantee_exists REFERENCES customers (id),
  giver_id   bigint NOT NULL REFERENCES customers (id),
  agent_id   bigint REFERENCES agents (id), -- who gave it in the giver's name
  parent_id  bigint REFERENCES grants (id), -- the grant on which the giver's right rested; it ends with that
  extras     integer NOT NULL,
  note       text NOT NULL,
  since      timestamptz NOT NULL,
  expires_at timestamptz,
  used_at    timestamptz,
  ended_at   timestamptz,
  ended_why  text,
  ended_by   bigint REFERENCES customers (id), -- null: time, or the operator
  ended_with bigint REFERENCES grants (id),    -- the grant whose end took this one along
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
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id bigint REFERENCES services (id),
  number     bigint, -- within its service, without gaps
  at         timestamptz NOT NULL,
  kind       text NOT NULL,
  class      text NOT NULL, -- who may read it besides the owner: see models/events.go
  owner_id   bigint REFERENCES customers (id),
  actor_id   bigint REFERENCES customers (id), -- the person; null: the operator, or time
  agent_id   bigint REFERENCES agents (id),    -- the person, when support acted for actor_id
  subject_id bigint REFERENCES customers (id), -- whom it concerns besides owner and actor
  account_id bigint,                           -- no reference: history outlives its objects
  grant_id   bigint,
  object     text COLLATE "C" NOT NULL,
  detail     jsonb NOT NULL,
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
  name       text COLLATE "C" PRIMARY KEY,
  value      text NOT NULL,
  created_at timestamptz NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION claim_account_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO panel.addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'account');
  RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION release_account_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.addresses WHERE address = OLD.address;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER account_claims_address BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION claim_account_address();
CREATE TRIGGER account_releases_address AFTER DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION release_account_address();
