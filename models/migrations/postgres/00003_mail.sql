-- +goose Up
-- What a mailbox does with its mail, and the addresses that are none: filters,
-- responders, redirections, lists. Whatever hangs on an account goes with it at
-- the moment it is being deleted, by trigger, so that no verb can forget it.

ALTER TABLE services
  ADD COLUMN max_redirections  integer NOT NULL DEFAULT 500,
  ADD COLUMN max_responders    integer NOT NULL DEFAULT 100,
  ADD COLUMN max_lists         integer NOT NULL DEFAULT 20,
  ADD COLUMN max_subscribers   integer NOT NULL DEFAULT 5000, -- of one list
  ADD COLUMN redirection_count integer NOT NULL DEFAULT 0, -- these three are kept by triggers
  ADD COLUMN responder_count   integer NOT NULL DEFAULT 0,
  ADD COLUMN list_count        integer NOT NULL DEFAULT 0,
  ADD CONSTRAINT service_redirections_within_limit CHECK (redirection_count BETWEEN 0 AND max_redirections),
  ADD CONSTRAINT service_responders_within_limit CHECK (responder_count BETWEEN 0 AND max_responders),
  ADD CONSTRAINT service_lists_within_limit CHECK (list_count BETWEEN 0 AND max_lists),
  ADD CONSTRAINT service_subscribers_not_negative CHECK (max_subscribers >= 0);

CREATE TABLE filters (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id bigint NOT NULL CONSTRAINT filter_account_exists REFERENCES accounts (id) ON DELETE CASCADE,
  place      integer NOT NULL, -- from 1, without gaps: the order in which they are asked
  name       text NOT NULL,
  active     boolean NOT NULL,
  matching   text NOT NULL, -- all rules, or any of them
  action     text NOT NULL,
  target     text NOT NULL, -- a folder, an address or a text, as the action needs
  version    integer NOT NULL DEFAULT 1,
  created_by bigint REFERENCES customers (id),
  created_at timestamptz NOT NULL,
  CONSTRAINT filter_place_counts CHECK (place > 0),
  CONSTRAINT filter_matching_known CHECK (matching IN ('all', 'any')),
  CONSTRAINT filter_action_known CHECK (action IN ('keep', 'folder', 'read', 'flag', 'copy', 'forward', 'reject', 'delete', 'stop'))
);
CREATE INDEX filter_account ON filters (account_id, place);

CREATE TABLE filter_rules (
  filter_id bigint NOT NULL REFERENCES filters (id) ON DELETE CASCADE,
  number    integer NOT NULL,
  header    text NOT NULL, -- a name of a header in lower case, or size, list, spam
  operator  text NOT NULL,
  value     text NOT NULL,
  PRIMARY KEY (filter_id, number)
);

-- An address answers by itself: that of an account, or one that nothing else has.
CREATE TABLE responders (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id bigint NOT NULL CONSTRAINT responder_service_exists REFERENCES services (id),
  account_id bigint REFERENCES accounts (id) ON DELETE CASCADE, -- null: an address without a mailbox
  local_part text COLLATE "C" NOT NULL,
  address    text COLLATE "C" NOT NULL,
  subject    text NOT NULL,
  content    text NOT NULL,
  starts_at  timestamptz, -- null: at once
  ends_at    timestamptz, -- null: until somebody ends it
  days       integer NOT NULL, -- between two answers to one sender
  version    integer NOT NULL DEFAULT 1,
  created_by bigint REFERENCES customers (id),
  created_at timestamptz NOT NULL,
  CONSTRAINT responder_address_unique UNIQUE (address),
  CONSTRAINT responder_days_known CHECK (days BETWEEN 1 AND 30),
  CONSTRAINT responder_ends_after_start CHECK (starts_at IS NULL OR ends_at IS NULL OR ends_at > starts_at)
);
CREATE INDEX responder_service ON responders (service_id, local_part);
CREATE INDEX responder_account ON responders (account_id);

-- Mail to an address goes on to others. Without a mailbox of that name it is an alias.
CREATE TABLE redirections (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id bigint NOT NULL CONSTRAINT redirection_service_exists REFERENCES services (id),
  account_id bigint REFERENCES accounts (id) ON DELETE CASCADE, -- null: no mailbox has this address
  local_part text COLLATE "C" NOT NULL, -- '': every address that nothing else has (catch-all)
  address    text COLLATE "C" NOT NULL, -- '@domain' for a catch-all
  keep_copy  boolean NOT NULL, -- in the mailbox too
  version    integer NOT NULL DEFAULT 1,
  created_by bigint REFERENCES customers (id),
  created_at timestamptz NOT NULL,
  CONSTRAINT redirection_address_unique UNIQUE (address),
  CONSTRAINT redirection_copy_needs_mailbox CHECK (account_id IS NOT NULL OR NOT keep_copy)
);
CREATE INDEX redirection_service ON redirections (service_id, local_part);
CREATE INDEX redirection_account ON redirections (account_id);

CREATE TABLE redirection_targets (
  redirection_id bigint NOT NULL REFERENCES redirections (id) ON DELETE CASCADE,
  target         text COLLATE "C" NOT NULL,
  outside        boolean NOT NULL, -- of the service: needs the right to send mail out
  PRIMARY KEY (redirection_id, target)
);
CREATE INDEX redirection_target ON redirection_targets (target);

CREATE TABLE lists (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id       bigint NOT NULL CONSTRAINT list_service_exists REFERENCES services (id),
  local_part       text COLLATE "C" NOT NULL,
  address          text COLLATE "C" NOT NULL,
  owner_email      text COLLATE "C" NOT NULL,
  reply_to         text COLLATE "C" NOT NULL, -- list, sender, or an address
  language         text NOT NULL,
  posting          text NOT NULL,
  subscriber_count integer NOT NULL DEFAULT 0,
  version          integer NOT NULL DEFAULT 1,
  created_by       bigint REFERENCES customers (id),
  created_at       timestamptz NOT NULL,
  CONSTRAINT list_address_unique UNIQUE (address),
  CONSTRAINT list_posting_known CHECK (posting IN ('everyone', 'subscribers', 'moderated')),
  CONSTRAINT list_subscribers_counted CHECK (subscriber_count >= 0)
);
CREATE INDEX list_service ON lists (service_id, local_part);

CREATE TABLE list_subscribers (
  list_id  bigint NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
  email    text COLLATE "C" NOT NULL,
  added_at timestamptz NOT NULL,
  PRIMARY KEY (list_id, email)
);

CREATE TABLE list_moderators (
  list_id  bigint NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
  email    text COLLATE "C" NOT NULL,
  added_at timestamptz NOT NULL,
  PRIMARY KEY (list_id, email)
);

-- What Dovecot runs for an address at delivery: its filters and its responder
-- as one Sieve script (RFC 5228), written in the transaction that changes them.
CREATE TABLE sieve_scripts (
  address      text COLLATE "C" PRIMARY KEY,
  account_id   bigint REFERENCES accounts (id) ON DELETE CASCADE,
  responder_id bigint REFERENCES responders (id) ON DELETE CASCADE, -- of an address without a mailbox
  content      text NOT NULL,
  CONSTRAINT sieve_script_of_one CHECK ((account_id IS NULL) <> (responder_id IS NULL))
);
CREATE INDEX sieve_script_account ON sieve_scripts (account_id);
CREATE INDEX sieve_script_responder ON sieve_scripts (responder_id);

-- +goose StatementBegin
CREATE FUNCTION claim_responder_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO panel.addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'responder');
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER responder_claims_address BEFORE INSERT ON responders FOR EACH ROW WHEN (NEW.account_id IS NULL) EXECUTE FUNCTION claim_responder_address();
-- +goose StatementBegin
CREATE FUNCTION release_responder_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.addresses WHERE address = OLD.address;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER responder_releases_address AFTER DELETE ON responders FOR EACH ROW WHEN (OLD.account_id IS NULL) EXECUTE FUNCTION release_responder_address();
-- +goose StatementBegin
CREATE FUNCTION count_responder_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services SET responder_count = responder_count + 1 WHERE id = NEW.service_id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER responder_counted_in AFTER INSERT ON responders FOR EACH ROW EXECUTE FUNCTION count_responder_in();
-- +goose StatementBegin
CREATE FUNCTION count_responder_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services SET responder_count = responder_count - 1 WHERE id = OLD.service_id;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER responder_counted_out AFTER DELETE ON responders FOR EACH ROW EXECUTE FUNCTION count_responder_out();
-- +goose StatementBegin
CREATE FUNCTION claim_redirection_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO panel.addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'redirection');
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER redirection_claims_address BEFORE INSERT ON redirections FOR EACH ROW WHEN (NEW.account_id IS NULL) EXECUTE FUNCTION claim_redirection_address();
-- +goose StatementBegin
CREATE FUNCTION release_redirection_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.addresses WHERE address = OLD.address;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER redirection_releases_address AFTER DELETE ON redirections FOR EACH ROW WHEN (OLD.account_id IS NULL) EXECUTE FUNCTION release_redirection_address();
-- +goose StatementBegin
CREATE FUNCTION count_redirection_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services SET redirection_count = redirection_count + 1 WHERE id = NEW.service_id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER redirection_counted_in AFTER INSERT ON redirections FOR EACH ROW EXECUTE FUNCTION count_redirection_in();
-- +goose StatementBegin
CREATE FUNCTION count_redirection_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services SET redirection_count = redirection_count - 1 WHERE id = OLD.service_id;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER redirection_counted_out AFTER DELETE ON redirections FOR EACH ROW EXECUTE FUNCTION count_redirection_out();
-- +goose StatementBegin
CREATE FUNCTION claim_list_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO panel.addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'list');
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER list_claims_address BEFORE INSERT ON lists FOR EACH ROW EXECUTE FUNCTION claim_list_address();
-- +goose StatementBegin
CREATE FUNCTION release_list_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.addresses WHERE address = OLD.address;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER list_releases_address AFTER DELETE ON lists FOR EACH ROW EXECUTE FUNCTION release_list_address();
-- +goose StatementBegin
CREATE FUNCTION count_list_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services SET list_count = list_count + 1 WHERE id = NEW.service_id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER list_counted_in AFTER INSERT ON lists FOR EACH ROW EXECUTE FUNCTION count_list_in();
-- +goose StatementBegin
CREATE FUNCTION count_list_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services SET list_count = list_count - 1 WHERE id = OLD.service_id;
  RETURN OLD;
END $$;
-- +goose StatementEnd
CREATE TRIGGER list_counted_out AFTER DELETE ON lists FOR EACH ROW EXECUTE FUNCTION count_list_out();
-- +goose StatementBegin
CREATE FUNCTION drop_filters_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.filters WHERE account_id = NEW.id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER account_drops_filters AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') EXECUTE FUNCTION drop_filters_of_account();
-- +goose StatementBegin
CREATE FUNCTION drop_responders_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.responders WHERE account_id = NEW.id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER account_drops_responders AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') EXECUTE FUNCTION drop_responders_of_account();
-- +goose StatementBegin
CREATE FUNCTION drop_redirections_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.redirections WHERE account_id = NEW.id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER account_drops_redirections AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') EXECUTE FUNCTION drop_redirections_of_account();
-- +goose StatementBegin
CREATE FUNCTION drop_sieve_scripts_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM panel.sieve_scripts WHERE account_id = NEW.id;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER account_drops_sieve_scripts AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') EXECUTE FUNCTION drop_sieve_scripts_of_account();
