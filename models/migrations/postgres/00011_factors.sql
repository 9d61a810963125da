-- +goose Up
-- Second factors, and the proof that a session asks for again before what is sensitive.

-- A proof gives the session a new cookie. Forms that were shown before it stay
-- good: they are bound to the hash of the first one.
ALTER TABLE sessions ADD COLUMN proved_at timestamptz; -- the last password or code; null: when it began
ALTER TABLE sessions ADD COLUMN form_key  bytea;       -- the hash of its first cookie; null: token_hash
