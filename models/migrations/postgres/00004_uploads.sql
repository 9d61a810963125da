-- +goose Up
-- A file of accounts or redirections that somebody brings into a service: what
-- each line would do is worked out by a job, and done by another, all or nothing.

CREATE TABLE uploads (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id  bigint NOT NULL CONSTRAINT upload_service_exists REFERENCES services (id),
  customer_id bigint NOT NULL CONSTRAINT upload_customer_exists REFERENCES customers (id), -- who sent it, and alone sees it
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
  created_at  timestamptz NOT NULL,
  touched_at  timestamptz NOT NULL, -- by its job, the last time
  CONSTRAINT upload_kind_known CHECK (kind IN ('accounts', 'redirections')),
  CONSTRAINT upload_state_known CHECK (state IN ('checking', 'ready', 'refused', 'applying', 'done', 'failed'))
);
CREATE INDEX upload_service ON uploads (service_id, customer_id, id);
CREATE INDEX upload_customer ON uploads (customer_id);
CREATE INDEX upload_touched ON uploads (touched_at);

CREATE TABLE upload_lines (
  upload_id bigint NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  line      integer NOT NULL, -- of the file, from 1
  outcome   text NOT NULL,
  object    text NOT NULL, -- an address; as it was written where it is none
  detail    text NOT NULL, -- JSON: what changes, or why it was refused
  PRIMARY KEY (upload_id, line),
  CONSTRAINT upload_line_outcome_known CHECK (outcome IN ('created', 'changed', 'unchanged', 'refused'))
);
CREATE INDEX upload_line_outcome ON upload_lines (upload_id, outcome, line);

-- A file makes thousands of redirections by one statement. Counted one by one,
-- each would be another version of the same row of the service, which the next
-- one must pass by: the time grew with the square of their number.
DROP TRIGGER redirection_counted_in ON redirections;
DROP TRIGGER redirection_counted_out ON redirections;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_redirection_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services s SET redirection_count = s.redirection_count + f.n
  FROM (SELECT service_id, count(*) AS n FROM fresh GROUP BY service_id) f WHERE s.id = f.service_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER redirection_counted_in AFTER INSERT ON redirections REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION count_redirection_in();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_redirection_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE panel.services s SET redirection_count = s.redirection_count - g.n
  FROM (SELECT service_id, count(*) AS n FROM gone GROUP BY service_id) g WHERE s.id = g.service_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER redirection_counted_out AFTER DELETE ON redirections REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION count_redirection_out();

-- Where mail is sent to is looked for by address, as the targets of redirections are.
ALTER TABLE filters ALTER COLUMN target TYPE text COLLATE "C";
CREATE INDEX filter_target ON filters (target) WHERE action IN ('copy', 'forward');
