-- +goose Up
-- The embedded counterpart of postgres/00018_rooms.sql, where the reasons stand: no
-- list service reads an embedded database, so there are no views.
SELECT 1;
