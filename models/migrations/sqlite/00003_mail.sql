-- +goose Up
-- The embedded counterpart of postgres/00003_mail.sql, where the reasons stand; a test compares the two.

ALTER TABLE services ADD COLUMN max_redirections integer NOT NULL DEFAULT 500;
ALTER TABLE services ADD COLUMN max_responders integer NOT NULL DEFAULT 100;
ALTER TABLE services ADD COLUMN max_lists integer NOT NULL DEFAULT 20;
ALTER TABLE services ADD COLUMN max_subscribers integer NOT NULL DEFAULT 5000 CONSTRAINT service_subscribers_not_negative CHECK (max_subscribers >= 0);
ALTER TABLE services ADD COLUMN redirection_count integer NOT NULL DEFAULT 0 CONSTRAINT service_redirections_within_limit CHECK (redirection_count BETWEEN 0 AND max_redirections);
ALTER TABLE services ADD COLUMN responder_count integer NOT NULL DEFAULT 0 CONSTRAINT service_responders_within_limit CHECK (responder_count BETWEEN 0 AND max_responders);
ALTER TABLE services ADD COLUMN list_count integer NOT NULL DEFAULT 0 CONSTRAINT service_lists_within_limit CHECK (list_count BETWEEN 0 AND max_lists);

CREATE TABLE filters (
  id         integer PRIMARY KEY AUTOINCREMENT,
  account_id integer NOT NULL CONSTRAINT filter_account_exists REFERENCES accounts (id) ON DELETE CASCADE,
  place      integer NOT NULL, -- from 1, without gaps: the order in which they are asked
  name       text NOT NULL,
  active     boolean NOT NULL,
  matching   text NOT NULL, -- all rules, or any of them
  action     text NOT NULL,
  target     text NOT NULL, -- a folder, an address or a text, as the action needs
  version    integer NOT NULL DEFAULT 1,
  created_by integer REFERENCES customers (id),
  created_at datetime NOT NULL,
  CONSTRAINT filter_place_counts CHECK (place > 0),
  CONSTRAINT filter_matching_known CHECK (matching IN ('all', 'any')),
  CONSTRAINT filter_action_known CHECK (action IN ('keep', 'folder', 'read', 'flag', 'copy', 'forward', 'reject', 'delete', 'stop'))
);
CREATE INDEX filter_account ON filters (account_id, place);

CREATE TABLE filter_rules (
  filter_id integer NOT NULL REFERENCES filters (id) ON DELETE CASCADE,
  number    integer NOT NULL,
  header    text NOT NULL, -- a name of a header in lower case, or size, list, spam
  operator  text NOT NULL,
  value     text NOT NULL,
  PRIMARY KEY (filter_id, number)
);

-- An address answers by itself: that of an account, or one that nothing else has.
CREATE TABLE responders (
  id         integer PRIMARY KEY AUTOINCREMENT,
  service_id integer NOT NULL CONSTRAINT responder_service_exists REFERENCES services (id),
  account_id integer REFERENCES accounts (id) ON DELETE CASCADE, -- null: an address without a mailbox
  local_part text NOT NULL,
  address    text NOT NULL,
  subject    text NOT NULL,
  content    text NOT NULL,
  starts_at  datetime, -- null: at once
  ends_at    datetime, -- null: until somebody ends it
  days       integer NOT NULL, -- between two answers to one sender
  version    integer NOT NULL DEFAULT 1,
  created_by integer REFERENCES customers (id),
  created_at datetime NOT NULL,
  CONSTRAINT responder_address_unique UNIQUE (address),
  CONSTRAINT responder_days_known CHECK (days BETWEEN 1 AND 30),
  CONSTRAINT responder_ends_after_start CHECK (starts_at IS NULL OR ends_at IS NULL OR ends_at > starts_at)
);
CREATE INDEX responder_service ON responders (service_id, local_part);
CREATE INDEX responder_account ON responders (account_id);

-- Mail to an address goes on to others. Without a mailbox of that name it is an alias.
CREATE TABLE redirections (
  id         integer PRIMARY KEY AUTOINCREMENT,
  service_id integer NOT NULL CONSTRAINT redirection_service_exists REFERENCES services (id),
  account_id integer REFERENCES accounts (id) ON DELETE CASCADE, -- null: no mailbox has this address
  local_part text NOT NULL, -- '': every address that nothing else has (catch-all)
  address    text NOT NULL, -- '@domain' for a catch-all
  keep_copy  boolean NOT NULL, -- in the mailbox too
  version    integer NOT NULL DEFAULT 1,
  created_by integer REFERENCES customers (id),
  created_at datetime NOT NULL,
  CONSTRAINT redirection_address_unique UNIQUE (address),
  CONSTRAINT redirection_copy_needs_mailbox CHECK (account_id IS NOT NULL OR NOT keep_copy)
);
CREATE INDEX redirection_service ON redirections (service_id, local_part);
CREATE INDEX redirection_account ON redirections (account_id);

CREATE TABLE redirection_targets (
  redirection_id integer NOT NULL REFERENCES redirections (id) ON DELETE CASCADE,
  target         text NOT NULL,
  outside        boolean NOT NULL, -- of the service: needs the right to send mail out
  PRIMARY KEY (redirection_id, target)
);
CREATE INDEX redirection_target ON redirection_targets (target);

CREATE TABLE lists (
  id               integer PRIMARY KEY AUTOINCREMENT,
  service_id       integer NOT NULL CONSTRAINT list_service_exists REFERENCES services (id),
  local_part       text NOT NULL,
  address          text NOT NULL,
  owner_email      text NOT NULL,
  reply_to         text NOT NULL, -- list, sender, or an address
  language         text NOT NULL,
  posting          text NOT NULL,
  subscriber_count integer NOT NULL DEFAULT 0,
  version          integer NOT NULL DEFAULT 1,
  created_by       integer REFERENCES customers (id),
  created_at       datetime NOT NULL,
  CONSTRAINT list_address_unique UNIQUE (address),
  CONSTRAINT list_posting_known CHECK (posting IN ('everyone', 'subscribers', 'moderated')),
  CONSTRAINT list_subscribers_counted CHECK (subscriber_count >= 0)
);
CREATE INDEX list_service ON lists (service_id, local_part);

CREATE TABLE list_subscribers (
  list_id  integer NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
  email    text NOT NULL,
  added_at datetime NOT NULL,
  PRIMARY KEY (list_id, email)
);

CREATE TABLE list_moderators (
  list_id  integer NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
  email    text NOT NULL,
  added_at datetime NOT NULL,
  PRIMARY KEY (list_id, email)
);

-- What Dovecot runs for an address at delivery: its filters and its responder
-- as one Sieve script (RFC 5228), written in the transaction that changes them.
CREATE TABLE sieve_scripts (
  address      text PRIMARY KEY,
  account_id   integer REFERENCES accounts (id) ON DELETE CASCADE,
  responder_id integer REFERENCES responders (id) ON DELETE CASCADE, -- of an address without a mailbox
  content      text NOT NULL,
  CONSTRAINT sieve_script_of_one CHECK ((account_id IS NULL) <> (responder_id IS NULL))
);
CREATE INDEX sieve_script_account ON sieve_scripts (account_id);
CREATE INDEX sieve_script_responder ON sieve_scripts (responder_id);

-- +goose StatementBegin
CREATE TRIGGER responder_claims_address BEFORE INSERT ON responders FOR EACH ROW WHEN (NEW.account_id IS NULL) BEGIN
  INSERT INTO addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'responder');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER responder_releases_address AFTER DELETE ON responders FOR EACH ROW WHEN (OLD.account_id IS NULL) BEGIN
  DELETE FROM addresses WHERE address = OLD.address;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER responder_counted_in AFTER INSERT ON responders FOR EACH ROW BEGIN
  UPDATE services SET responder_count = responder_count + 1 WHERE id = NEW.service_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER responder_counted_out AFTER DELETE ON responders FOR EACH ROW BEGIN
  UPDATE services SET responder_count = responder_count - 1 WHERE id = OLD.service_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redirection_claims_address BEFORE INSERT ON redirections FOR EACH ROW WHEN (NEW.account_id IS NULL) BEGIN
  INSERT INTO addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'redirection');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redirection_releases_address AFTER DELETE ON redirections FOR EACH ROW WHEN (OLD.account_id IS NULL) BEGIN
  DELETE FROM addresses WHERE address = OLD.address;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redirection_counted_in AFTER INSERT ON redirections FOR EACH ROW BEGIN
  UPDATE services SET redirection_count = redirection_count + 1 WHERE id = NEW.service_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redirection_counted_out AFTER DELETE ON redirections FOR EACH ROW BEGIN
  UPDATE services SET redirection_count = redirection_count - 1 WHERE id = OLD.service_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER list_claims_address BEFORE INSERT ON lists FOR EACH ROW BEGIN
  INSERT INTO addresses (address, service_id, kind) VALUES (NEW.address, NEW.service_id, 'list');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER list_releases_address AFTER DELETE ON lists FOR EACH ROW BEGIN
  DELETE FROM addresses WHERE address = OLD.address;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER list_counted_in AFTER INSERT ON lists FOR EACH ROW BEGIN
  UPDATE services SET list_count = list_count + 1 WHERE id = NEW.service_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER list_counted_out AFTER DELETE ON lists FOR EACH ROW BEGIN
  UPDATE services SET list_count = list_count - 1 WHERE id = OLD.service_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_drops_filters AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') BEGIN
  DELETE FROM filters WHERE account_id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_drops_responders AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') BEGIN
  DELETE FROM responders WHERE account_id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_drops_redirections AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') BEGIN
  DELETE FROM redirections WHERE account_id = NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_drops_sieve_scripts AFTER UPDATE OF state ON accounts FOR EACH ROW WHEN (NEW.state = 'deleting') BEGIN
  DELETE FROM sieve_scripts WHERE account_id = NEW.id;
END;
-- +goose StatementEnd
