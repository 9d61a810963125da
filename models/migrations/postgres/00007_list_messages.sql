-- +goose Up
-- What is written to lists, and on its way out to their subscribers; and mail
-- that a redirection sends out of the installation, which takes the same way.
-- The list service (mail/listd) writes it through the views below, and changes
-- nothing of the panel's: what subscribers ask for by mail are requests, which
-- the panel carries out as it does anybody's, with their line of history.

CREATE TABLE list_messages (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  list_id     bigint REFERENCES lists (id) ON DELETE CASCADE, -- null: of a redirection, or the service's own
  base        text COLLATE "C" NOT NULL, -- the address it was written to: what comes back goes to base with a detail; '' for mail of the service's own
  sender      text NOT NULL, -- of the envelope; '' for a notice of delivery, and for mail of the service's own
  author      text NOT NULL, -- as its header From has it
  subject     text NOT NULL, -- readable, and cut
  size_bytes  integer NOT NULL,
  content     bytea NOT NULL, -- as it goes out; empty once nothing is to be done with it
  state       text NOT NULL,
  token       text COLLATE "C" NOT NULL, -- who has it may let a held message through, or turn it away
  digest      text COLLATE "C" NOT NULL DEFAULT '', -- of what Postfix handed over, which it does again when it heard no answer
  reason      text NOT NULL DEFAULT '', -- what a moderator told the author
  settled_by  text NOT NULL DEFAULT '', -- an identifier, or the address of a moderator
  received_at timestamptz NOT NULL,
  settled_at  timestamptz,
  CONSTRAINT list_message_token_unique UNIQUE (token),
  CONSTRAINT list_message_state_known CHECK (state IN ('held', 'approved', 'rejected', 'expired', 'sending', 'sent')),
  CONSTRAINT list_message_settled CHECK ((state IN ('held', 'approved', 'sending')) = (settled_at IS NULL))
);
CREATE INDEX list_message_list ON list_messages (list_id, state, id);
CREATE INDEX list_message_open ON list_messages (state, id) WHERE state IN ('held', 'approved', 'sending');
CREATE INDEX list_message_untold ON list_messages (id) WHERE state = 'rejected' AND length(content) > 0; -- its author does not know yet
CREATE UNIQUE INDEX list_message_digest_unique ON list_messages (digest) WHERE digest <> '';
CREATE INDEX list_message_received ON list_messages (received_at);

-- One row for each recipient: a crash at any moment sends nothing twice that was
-- known to be sent. Kept for as long as something may come back.
CREATE TABLE list_deliveries (
  message_id bigint NOT NULL REFERENCES list_messages (id) ON DELETE CASCADE,
  recipient  text COLLATE "C" NOT NULL,
  token      text COLLATE "C" NOT NULL, -- in the sender of its envelope: what comes back to it is about this row
  state      text NOT NULL DEFAULT 'waiting',
  attempts   integer NOT NULL DEFAULT 0,
  next_at    timestamptz NOT NULL,
  answer     text NOT NULL DEFAULT '', -- the last of a mail server, cut
  PRIMARY KEY (message_id, recipient),
  CONSTRAINT list_delivery_token_unique UNIQUE (token),
  CONSTRAINT list_delivery_state_known CHECK (state IN ('waiting', 'sent', 'failed', 'bounced'))
);
CREATE INDEX list_delivery_next ON list_deliveries (next_at) WHERE state = 'waiting';

-- Somebody asked by mail to be put on a list or taken off, and must confirm it.
CREATE TABLE list_confirmations (
  token      text COLLATE "C" PRIMARY KEY,
  list_id    bigint NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
  kind       text NOT NULL,
  email      text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT list_confirmation_kind_known CHECK (kind IN ('subscribe', 'unsubscribe')),
  CONSTRAINT list_confirmation_once UNIQUE (list_id, email, kind)
);
CREATE INDEX list_confirmation_expires ON list_confirmations (expires_at);
CREATE INDEX list_confirmation_email ON list_confirmations (email);

-- The link with which a subscriber leaves a list by one click (RFC 8058). It goes with the subscription.
CREATE TABLE list_links (
  token   text COLLATE "C" PRIMARY KEY,
  list_id bigint NOT NULL,
  email   text COLLATE "C" NOT NULL,
  CONSTRAINT list_link_once UNIQUE (list_id, email),
  CONSTRAINT list_link_of_subscriber FOREIGN KEY (list_id, email) REFERENCES list_subscribers (list_id, email) ON DELETE CASCADE
);

-- On how many days mail to a subscriber has come back. It goes with the subscription.
CREATE TABLE list_bounces (
  list_id bigint NOT NULL,
  email   text COLLATE "C" NOT NULL,
  days    integer NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (list_id, email),
  CONSTRAINT list_bounce_of_subscriber FOREIGN KEY (list_id, email) REFERENCES list_subscribers (list_id, email) ON DELETE CASCADE
);

-- What the list service asks the panel to do.
CREATE TABLE list_requests (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  list_id    bigint NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
  kind       text NOT NULL,
  email      text COLLATE "C" NOT NULL, -- the subscriber; of a decision, the moderator
  message_id bigint REFERENCES list_messages (id) ON DELETE CASCADE, -- of a decision
  asked_at   timestamptz NOT NULL,
  CONSTRAINT list_request_kind_known CHECK (kind IN ('subscribe', 'unsubscribe', 'bounced', 'approve', 'reject')),
  CONSTRAINT list_request_decides CHECK ((kind IN ('approve', 'reject')) = (message_id IS NOT NULL))
);
CREATE INDEX list_request_list ON list_requests (list_id);

-- Whoever waits is told with the commit; who misses it looks again by itself.
-- +goose StatementBegin
CREATE FUNCTION tell_list_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('mandat_lists', '');
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER list_message_told AFTER INSERT OR UPDATE OF state ON list_messages FOR EACH STATEMENT EXECUTE FUNCTION tell_list_service();
-- +goose StatementBegin
CREATE FUNCTION tell_panel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('mandat_list_requests', '');
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER list_request_told AFTER INSERT ON list_requests FOR EACH STATEMENT EXECUTE FUNCTION tell_panel();

CREATE VIEW mlist.messages AS SELECT * FROM list_messages;
CREATE VIEW mlist.deliveries AS SELECT * FROM list_deliveries;
CREATE VIEW mlist.confirmations AS SELECT * FROM list_confirmations;
CREATE VIEW mlist.links AS SELECT * FROM list_links;
CREATE VIEW mlist.requests AS SELECT * FROM list_requests;

-- +goose StatementBegin
CREATE FUNCTION grant_list_role() RETURNS void LANGUAGE plpgsql SET search_path = panel, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandat_lists') THEN
    GRANT INSERT, UPDATE, DELETE ON mlist.messages, mlist.deliveries, mlist.confirmations TO mandat_lists;
    GRANT INSERT ON mlist.links, mlist.requests TO mandat_lists;
  END IF;
END $$;
-- +goose StatementEnd
SELECT grant_mail_roles(), grant_list_role();
