-- How long the oldest blob without a file has been waiting is watched.
CREATE INDEX abandoned_blobs_by_age ON abandoned_blobs (since);
