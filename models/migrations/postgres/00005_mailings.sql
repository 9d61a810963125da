-- +goose Up
-- The subscribers of a list on their way to its owner. A row is what is to be
-- sent: it is written with its event, a job carries it out, and the page tells
-- from it what became of it. It outlives its list, so that whoever makes lists
-- anew may not send more.
CREATE TABLE list_mailings (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id bigint NOT NULL CONSTRAINT list_mailing_service_exists REFERENCES services (id),
  list_id    bigint REFERENCES lists (id) ON DELETE SET NULL, -- null: the list is gone
  recipient  text COLLATE "C" NOT NULL, -- the owner of the list when it was asked for
  asked_by   bigint NOT NULL CONSTRAINT list_mailing_asker_exists REFERENCES customers (id), -- asked again for by the job
  asked_at   timestamptz NOT NULL,
  state      text NOT NULL DEFAULT 'waiting',
  settled_at timestamptz, -- null: waiting
  CONSTRAINT list_mailing_state_known CHECK (state IN ('waiting', 'sent', 'refused', 'failed', 'dropped')),
  CONSTRAINT list_mailing_settled CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX list_mailing_service ON list_mailings (service_id, asked_at);
CREATE INDEX list_mailing_list ON list_mailings (list_id, id);
CREATE INDEX list_mailing_asked ON list_mailings (asked_at);
