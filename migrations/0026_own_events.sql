-- What is told to single persons alone, for those who listen to that.
CREATE INDEX events_user ON events (user_id, org_id, id) WHERE user_id IS NOT NULL;
