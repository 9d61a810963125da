-- +goose Up
-- The embedded counterpart of postgres/00008_imports.sql, where the reasons stand; a test compares the two.
CREATE TABLE imports (
  id           integer PRIMARY KEY AUTOINCREMENT,
  service_id   integer NOT NULL CONSTRAINT import_service_exists REFERENCES services (id),
  account_id   integer NOT NULL CONSTRAINT import_account_exists REFERENCES accounts (id) ON DELETE CASCADE,
  customer_id  integer NOT NULL CONSTRAINT import_customer_exists REFERENCES customers (id), -- who asked, and is asked about at each step
  host         text NOT NULL,
  port         integer NOT NULL,
  security     text NOT NULL,
  username     text NOT NULL,
  password     blob, -- sealed for this row; null once nothing more is to be done
  state        text NOT NULL,
  reason       text NOT NULL DEFAULT '', -- why it ended or waits
  ticket       integer NOT NULL DEFAULT 0, -- of the job that may work
  leased_until datetime, -- null: no job is at work
  due_at       datetime NOT NULL, -- when a job is to work at the latest
  tries        integer NOT NULL DEFAULT 0, -- in a row that came to nothing
  worked_ms    integer NOT NULL DEFAULT 0, -- spent on copying
  created_at   datetime NOT NULL,
  started_at   datetime, -- null: its folders are not chosen yet
  touched_at   datetime NOT NULL, -- by a person, or by what a job achieved
  settled_at   datetime, -- null: open
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
  id              integer PRIMARY KEY AUTOINCREMENT,
  import_id       integer NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
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
  validity        integer NOT NULL DEFAULT 0, -- from here on: see State in mail/imap
  last_uid        integer NOT NULL DEFAULT 0,
  until_uid       integer NOT NULL DEFAULT 0,
  target_validity integer NOT NULL DEFAULT 0,
  target_first    integer NOT NULL DEFAULT 0,
  target_next     integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX import_folder_place ON import_folders (import_id, place);

CREATE TABLE import_matches (
  folder_id integer NOT NULL REFERENCES import_folders (id) ON DELETE CASCADE,
  uid       integer NOT NULL,
  PRIMARY KEY (folder_id, uid)
);
