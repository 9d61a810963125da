-- +goose Up
-- Agents are told by email too, of what decides who gets at their account.
ALTER TABLE notices ALTER COLUMN receiver_id DROP NOT NULL;
ALTER TABLE notices ADD COLUMN agent_id bigint CONSTRAINT notice_agent_exists REFERENCES agents (id);
ALTER TABLE notices ADD CONSTRAINT notice_of_one_person CHECK ((receiver_id IS NULL) <> (agent_id IS NULL));
CREATE INDEX notice_agent ON notices (agent_id, created_at) WHERE agent_id IS NOT NULL;
