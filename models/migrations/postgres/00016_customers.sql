-- +goose Up
-- Since when a customer cannot sign in; null: they can.
ALTER TABLE customers ADD COLUMN disabled_at timestamptz;
