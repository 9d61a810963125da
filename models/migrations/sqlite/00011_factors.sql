-- +goose Up
-- The embedded counterpart of postgres/00011_factors.sql, where the reasons stand; a test compares the two.

ALTER TABLE sessions ADD COLUMN proved_at datetime; -- the last password or code; null: when it began
ALTER TABLE sessions ADD COLUMN form_key  blob;     -- the hash of its first cookie; null: token_hash
