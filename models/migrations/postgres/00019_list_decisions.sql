-- +goose Up
-- A moderator may discard a message, whose author is told nothing: a letter about
-- spam reaches whoever its sender's name was stolen from.
ALTER TABLE list_messages DROP CONSTRAINT list_message_state_known,
  ADD CONSTRAINT list_message_state_known CHECK (state IN ('held', 'approved', 'rejected', 'discarded', 'expired', 'sending', 'sent'));
ALTER TABLE list_requests DROP CONSTRAINT list_request_kind_known, DROP CONSTRAINT list_request_decides,
  ADD CONSTRAINT list_request_kind_known CHECK (kind IN ('subscribe', 'unsubscribe', 'bounced', 'approve', 'reject', 'discard')),
  ADD CONSTRAINT list_request_decides CHECK ((kind IN ('approve', 'reject', 'discard')) = (message_id IS NOT NULL));

-- Who confirmed a request is told what became of it, once the panel has carried it
-- out or dropped it; until then the row stays.
ALTER TABLE list_confirmations ADD COLUMN confirmed_at timestamptz;
CREATE INDEX list_confirmation_confirmed ON list_confirmations (confirmed_at) WHERE confirmed_at IS NOT NULL;
CREATE OR REPLACE VIEW mlist.confirmations AS SELECT * FROM list_confirmations;
