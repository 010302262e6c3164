-- Agents: their runs, the journals from which runs resume, what runs show of themselves, the models of organizations, and
-- the tokens that were used.
--
-- A transaction of a worker that looks for runs says so: app.jobs = 'on' sees and leases the runs of all organizations, and
-- nothing else of theirs.

CREATE FUNCTION is_working() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.jobs', true), '') = 'on';

CREATE TABLE agent_models (
    id                  uuid PRIMARY KEY,
    org_id              uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name                text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    base_url            text NOT NULL CHECK (length(base_url) BETWEEN 1 AND 2000),
    model               text NOT NULL CHECK (length(model) BETWEEN 1 AND 200),  -- as the provider calls it
    key_name            text,                    -- names a secret of the organization; never the secret itself
    price_in            bigint CHECK (price_in >= 0),   -- of a million tokens, in millionths of a US dollar; null: unknown
    price_out           bigint CHECK (price_out >= 0),
    context_tokens      integer NOT NULL CHECK (context_tokens > 0),
    output_tokens       integer NOT NULL CHECK (output_tokens > 0),
    fallbacks           text[] NOT NULL DEFAULT '{}',  -- names of models to try instead, in order
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, name)
);
CREATE TRIGGER agent_models_updated_at BEFORE UPDATE ON agent_models FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE agent_executions (
    id             uuid PRIMARY KEY,
    org_id         uuid NOT NULL,
    project_id     uuid NOT NULL,
    node_id        uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    parent_id      uuid REFERENCES agent_executions ON DELETE SET NULL,  -- the run that began it
    depth          integer NOT NULL DEFAULT 0,
    requested_by   uuid NOT NULL,               -- the person for whom it acts
    agent_name     text NOT NULL,
    options        jsonb NOT NULL,              -- as it was asked for, with defaults filled in
    status         text NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'running', 'paused', 'awaiting_input', 'complete', 'failed', 'cancelled')),
    phase          text CHECK (phase IN ('analyze', 'plan', 'execute', 'handle_tool', 'wait_human', 'finalize')),
    control        text CHECK (control IN ('pause', 'cancel')),  -- asked for, and not yet in effect
    question       jsonb,                       -- what it waits to have answered
    answer         jsonb,                       -- what was answered, until the run has taken it in
    model          text,
    token_budget   bigint NOT NULL,
    tokens_in      bigint NOT NULL DEFAULT 0,
    tokens_out     bigint NOT NULL DEFAULT 0,
    tokens_cached  bigint NOT NULL DEFAULT 0,   -- of those in
    reserved       bigint NOT NULL DEFAULT 0,   -- tokens that a call under way may use
    cost           bigint NOT NULL DEFAULT 0,   -- as far as prices are known, in 10^-12 US dollars: tokens times price
    cost_unknown   boolean NOT NULL DEFAULT false,     -- something of it has no known price
    steps          integer NOT NULL DEFAULT 0,  -- trace events so far
    error_code     text,
    error_message  text,
    output_item_id uuid,
    journal_seq    integer NOT NULL DEFAULT 0,  -- the last entry when it was last leased
    lease_epoch    bigint NOT NULL DEFAULT 0,   -- counts leases; whoever holds a smaller one has lost it
    leased_by      uuid,
    leased_until   timestamptz,
    due_at         timestamptz,                 -- not taken up before; of one that waits, when it stops waiting
    attempts       integer NOT NULL DEFAULT 0,  -- leases since the journal last grew
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at     timestamptz,
    completed_at   timestamptz,
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE
);
CREATE INDEX agent_executions_node ON agent_executions (node_id, created_at DESC, id DESC);
CREATE INDEX agent_executions_project ON agent_executions (project_id, created_at DESC, id DESC);
CREATE INDEX agent_executions_org ON agent_executions (org_id);
CREATE INDEX agent_executions_parent ON agent_executions (parent_id) WHERE parent_id IS NOT NULL;
-- One run at a time works on a node; others wait.
CREATE UNIQUE INDEX agent_executions_active ON agent_executions (node_id)
    WHERE status IN ('running', 'paused', 'awaiting_input');
CREATE INDEX agent_executions_open ON agent_executions (created_at)
    WHERE status IN ('pending', 'running', 'paused', 'awaiting_input');

-- Nodes that runs have made: they may write there, too.
CREATE TABLE agent_execution_nodes (
    execution_id uuid NOT NULL REFERENCES agent_executions ON DELETE CASCADE,
    node_id      uuid NOT NULL,
    org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    PRIMARY KEY (execution_id, node_id)
);

-- Append-only. What a run did is here before it is done, so that whoever resumes it repeats nothing.
CREATE TABLE agent_journal (
    execution_id uuid NOT NULL REFERENCES agent_executions ON DELETE CASCADE,
    seq          integer NOT NULL CHECK (seq >= 1),
    org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    entry        jsonb NOT NULL,
    document_id  uuid,                          -- where the update goes
    update       bytea,                         -- of a document; sent after this row is committed
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (execution_id, seq)
);

CREATE TABLE agent_trace_events (
    id           uuid PRIMARY KEY,
    execution_id uuid NOT NULL REFERENCES agent_executions ON DELETE CASCADE,
    org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    seq          integer NOT NULL CHECK (seq >= 1),
    changed      integer NOT NULL,              -- the journal's entry that changed it last
    event_type   text NOT NULL,
    event_data   jsonb NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms  bigint,                        -- null while it is under way
    model        text,
    tokens_in    bigint,
    tokens_out   bigint,
    cost         bigint,                        -- in 10^-12 US dollars; null: unknown, or nothing that costs
    UNIQUE (execution_id, seq)
);
CREATE INDEX agent_trace_events_changed ON agent_trace_events (execution_id, changed);

-- What an organization's runs used in a month, and what calls under way may use.
CREATE TABLE agent_token_usage (
    org_id   uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    month    date NOT NULL,
    used     bigint NOT NULL DEFAULT 0,
    reserved bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, month)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['agent_models', 'agent_executions', 'agent_execution_nodes', 'agent_journal',
                                'agent_trace_events', 'agent_token_usage'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY in_organization ON %I USING (org_id = (SELECT current_org_id()))', name);
    END LOOP;
END
$$;
CREATE POLICY for_workers ON agent_executions USING ((SELECT is_working()));
-- Access of runs is looked up with that of everybody else.
CREATE POLICY for_maintenance ON agent_executions FOR SELECT USING ((SELECT is_maintenance()));
CREATE POLICY for_maintenance ON agent_execution_nodes FOR SELECT USING ((SELECT is_maintenance()));
