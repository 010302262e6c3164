-- What was asked for with an Idempotency-Key, so that nobody takes the same key for something else.
--
-- Keys are people's, since the first one of a person founds an organization. Of what was asked nothing is kept but a digest.
-- A transaction of a person (app.current_user_id) writes these rows, and no others.

CREATE TABLE idempotency_keys (
    id      uuid PRIMARY KEY,                  -- follows from the person, the place and the key
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    digest  bytea NOT NULL CHECK (length(digest) = 32),
    at      timestamptz NOT NULL               -- when the key was used first
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (user_id, at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY of_user ON idempotency_keys
    USING (user_id = (SELECT current_user_id()));
