-- +goose Up
-- The embedded counterpart of postgres/00016_customers.sql; a test compares the two.
-- Since when a customer cannot sign in; null: they can.
ALTER TABLE customers ADD COLUMN disabled_at datetime;
