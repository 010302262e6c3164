-- A queue may wake the workers that drive runs of agents: when it was told of a run, since the run was last taken up.

ALTER TABLE agent_executions ADD COLUMN announced_at timestamptz;

-- Whether there is something to do for a run, and nobody does it.
CREATE FUNCTION is_due(run agent_executions) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (run.leased_until IS NULL OR run.leased_until < clock_timestamp())
        AND CASE run.status
            WHEN 'running' THEN true
            WHEN 'pending' THEN NOT EXISTS (
                SELECT FROM agent_executions other
                WHERE other.node_id = run.node_id AND other.status IN ('running', 'paused', 'awaiting_input'))
            WHEN 'awaiting_input' THEN run.answer IS NOT NULL OR run.control IS NOT NULL OR run.due_at <= clock_timestamp()
            WHEN 'paused' THEN run.control = 'cancel'
            ELSE false
        END
        AND (run.status NOT IN ('running', 'pending') OR run.due_at IS NULL OR run.due_at <= clock_timestamp()
             OR run.control IS NOT NULL);

-- Of an organization, so many runs are driven now.
CREATE INDEX agent_executions_leased ON agent_executions (org_id) WHERE leased_until IS NOT NULL;
CREATE FUNCTION runs_driven(org uuid) RETURNS bigint
    LANGUAGE sql STABLE
    RETURN (SELECT count(*) FROM agent_executions WHERE org_id = org AND leased_until > clock_timestamp());

-- What a run had reserved is free again when the run goes with its node.
CREATE FUNCTION free_reserved_tokens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE agent_token_usage SET reserved = greatest(reserved - OLD.reserved, 0)
    WHERE org_id = OLD.org_id AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    RETURN NULL;
END
$$;
CREATE TRIGGER agent_executions_free_reserved AFTER DELETE ON agent_executions
    FOR EACH ROW WHEN (OLD.reserved > 0) EXECUTE FUNCTION free_reserved_tokens();
