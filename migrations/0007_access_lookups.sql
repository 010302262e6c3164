-- Access is decided for many people in one query. For that, a setting more:
--   app.current_user_ids  comma-separated people: may see what they are members of, and nothing else of theirs

CREATE FUNCTION current_user_ids() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(nullif(current_setting('app.current_user_ids', true), ''), ',')::uuid[];

CREATE POLICY of_members ON org_members FOR SELECT
    USING (user_id = ANY ((SELECT current_user_ids())::uuid[]));
CREATE POLICY of_members ON project_members FOR SELECT
    USING (user_id = ANY ((SELECT current_user_ids())::uuid[]));
