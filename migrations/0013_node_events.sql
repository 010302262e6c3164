-- The place in a node's log that the last event told of: who wrote since then is named by the next.
ALTER TABLE nodes ADD COLUMN content_told_seq bigint NOT NULL DEFAULT 0;
