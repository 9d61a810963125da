-- +goose Up
-- The embedded counterpart of postgres/00004_uploads.sql, where the reasons stand; a test compares the two.

CREATE TABLE uploads (
  id          integer PRIMARY KEY AUTOINCREMENT,
  service_id  integer NOT NULL CONSTRAINT upload_service_exists REFERENCES services (id),
  customer_id integer NOT NULL CONSTRAINT upload_customer_exists REFERENCES customers (id), -- who sent it, and alone sees it
  kind        text NOT NULL,
  state       text NOT NULL,
  content     text NOT NULL, -- its lines as JSON; '' once nothing is to be done with them
  line_count  integer NOT NULL,
  created     integer NOT NULL DEFAULT 0, -- these four are lines, by what came of them
  changed     integer NOT NULL DEFAULT 0,
  unchanged   integer NOT NULL DEFAULT 0,
  refused     integer NOT NULL DEFAULT 0,
  percent     integer NOT NULL DEFAULT 0, -- of what the job that runs has to do
  verdict     text NOT NULL DEFAULT '', -- a digest of what was shown: only that is done
  moved       boolean NOT NULL DEFAULT false, -- something else would have been done, and is shown instead
  created_at  datetime NOT NULL,
  touched_at  datetime NOT NULL, -- by its job, the last time
  CONSTRAINT upload_kind_known CHECK (kind IN ('accounts', 'redirections')),
  CONSTRAINT upload_state_known CHECK (state IN ('checking', 'ready', 'refused', 'applying', 'done', 'failed'))
);
CREATE INDEX upload_service ON uploads (service_id, customer_id, id);
CREATE INDEX upload_customer ON uploads (customer_id);
CREATE INDEX upload_touched ON uploads (touched_at);

CREATE TABLE upload_lines (
  upload_id integer NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  line      integer NOT NULL, -- of the file, from 1
  outcome   text NOT NULL,
  object    text NOT NULL, -- an address; as it was written where it is none
  detail    text NOT NULL, -- JSON: what changes, or why it was refused
  PRIMARY KEY (upload_id, line),
  CONSTRAINT upload_line_outcome_known CHECK (outcome IN ('created', 'changed', 'unchanged', 'refused'))
);
CREATE INDEX upload_line_outcome ON upload_lines (upload_id, outcome, line);

CREATE INDEX filter_target ON filters (target) WHERE action IN ('copy', 'forward');
