-- +goose Up
-- Copies of the mail of accounts elsewhere into accounts. A row is what was asked
-- for and how far it has come; jobs carry it out, any number of them one after
-- the other, and never two at once: each takes a ticket, and what it writes counts
-- for as long as the ticket is the row's.
CREATE TABLE imports (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id   bigint NOT NULL CONSTRAINT import_service_exists REFERENCES services (id),
  account_id   bigint NOT NULL CONSTRAINT import_account_exists REFERENCES accounts (id) ON DELETE CASCADE,
  customer_id  bigint NOT NULL CONSTRAINT import_customer_exists REFERENCES customers (id), -- who asked, and is asked about at each step
  host         text NOT NULL,
  port         integer NOT NULL,
  security     text NOT NULL,
  username     text NOT NULL,
  password     bytea, -- sealed for this row; null once nothing more is to be done
  state        text NOT NULL,
  reason       text NOT NULL DEFAULT '', -- why it ended or waits
  ticket       bigint NOT NULL DEFAULT 0, -- of the job that may work
  leased_until timestamptz, -- null: no job is at work
  due_at       timestamptz NOT NULL, -- when a job is to work at the latest
  tries        integer NOT NULL DEFAULT 0, -- in a row that came to nothing
  worked_ms    bigint NOT NULL DEFAULT 0, -- spent on copying
  created_at   timestamptz NOT NULL,
  started_at   timestamptz, -- null: its folders are not chosen yet
  touched_at   timestamptz NOT NULL, -- by a person, or by what a job achieved
  settled_at   timestamptz, -- null: open
  CONSTRAINT import_state_known CHECK (state IN ('testing', 'choosing', 'running', 'paused', 'done', 'failed', 'cancelled', 'stopped')),
  CONSTRAINT import_security_known CHECK (security IN ('tls', 'starttls', 'none')),
  CONSTRAINT import_settled CHECK ((state IN ('testing', 'choosing', 'running', 'paused')) = (settled_at IS NULL)),
  CONSTRAINT import_password_wiped CHECK (settled_at IS NULL OR password IS NULL)
);
CREATE UNIQUE INDEX import_account_once ON imports (account_id) WHERE settled_at IS NULL;
CREATE INDEX import_account ON imports (account_id, id);
CREATE INDEX import_service ON imports (service_id, created_at);
CREATE INDEX import_customer ON imports (customer_id, created_at);
CREATE INDEX import_open ON imports (due_at) WHERE settled_at IS NULL;
CREATE INDEX import_settled_at ON imports (settled_at);

CREATE TABLE import_folders (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  import_id       bigint NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  place           integer NOT NULL, -- in the order of pages and of work
  name            text NOT NULL, -- there
  target          text NOT NULL, -- here
  usual           boolean NOT NULL,
  chosen          boolean NOT NULL DEFAULT false,
  done            boolean NOT NULL DEFAULT false,
  messages        integer, -- when it was looked at; null: it was not
  total           integer NOT NULL DEFAULT 0, -- as far as is known by now
  copied          integer NOT NULL DEFAULT 0,
  present         integer NOT NULL DEFAULT 0, -- they were here before
  skipped         integer NOT NULL DEFAULT 0,
  skips           text NOT NULL DEFAULT '[]', -- JSON: the first of those
  validity        bigint NOT NULL DEFAULT 0, -- from here on: see State in mail/imap
  last_uid        bigint NOT NULL DEFAULT 0,
  until_uid       bigint NOT NULL DEFAULT 0,
  target_validity bigint NOT NULL DEFAULT 0,
  target_first    bigint NOT NULL DEFAULT 0,
  target_next     bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX import_folder_place ON import_folders (import_id, place);

-- Messages that were here before and are of the source too, by their UIDs here.
CREATE TABLE import_matches (
  folder_id bigint NOT NULL REFERENCES import_folders (id) ON DELETE CASCADE,
  uid       bigint NOT NULL,
  PRIMARY KEY (folder_id, uid)
);
