-- The place of the log whose content the rows hold. They may be further than what is told of them in events and in the audit
-- log (`projected_seq`), and are never written from an earlier place.
ALTER TABLE documents ADD COLUMN rows_seq bigint NOT NULL DEFAULT 0;
