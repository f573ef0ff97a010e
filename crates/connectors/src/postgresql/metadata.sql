WITH RECURSIVE relations AS (
  SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
    c.reltuples, c.relpages, c.relhassubclass
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND c.relpersistence <> 't'
    AND (lower(n.nspname::text COLLATE "C") = ANY (ARRAY(SELECT json_array_elements_text($1::json)))
      OR octet_length(n.nspname::text) <> length(n.nspname::text))
    AND (lower(c.relname::text COLLATE "C") = ANY (ARRAY(SELECT json_array_elements_text($2::json)))
      OR octet_length(c.relname::text) <> length(c.relname::text))
),
columns AS (
  SELECT a.attrelid, a.attnum, a.attname::text AS name, a.atttypid, a.atttypmod, a.attnotnull,
    CASE WHEN o.oid IS NULL THEN NULL
      WHEN o.collnamespace = 'pg_catalog'::regnamespace
        AND coalesce((to_jsonb(o) ->> 'collisdeterministic')::bool, true) THEN o.collname::text
      ELSE '' END AS collation
  FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid
  LEFT JOIN pg_collation o ON o.oid = a.attcollation
  WHERE a.attnum > 0 AND NOT a.attisdropped
),
types AS (
  SELECT atttypid AS oid FROM columns
  UNION
  SELECT made_of.oid
  FROM types JOIN pg_type t ON t.oid = types.oid
  CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS made_of (oid)
  WHERE made_of.oid <> 0
)
SELECT json_build_object(
  'encoding', current_setting('server_encoding'),
  'server', version(),
  'block_bytes', current_setting('block_size')::int8,
  'schemas', (SELECT json_agg(n.nspname::text) FROM pg_namespace n),
  'types', (
    SELECT json_agg(json_build_object(
      'oid', t.oid::int8, 'own', t.typnamespace = 'pg_catalog'::regnamespace, 'name', t.typname::text,
      'kind', t.typtype::text, 'base', t.typbasetype::int8, 'modifier', t.typtypmod,
      'element', CASE WHEN e.typarray = t.oid THEN e.oid::int8 ELSE 0 END))
    FROM types JOIN pg_type t ON t.oid = types.oid LEFT JOIN pg_type e ON e.oid = t.typelem),
  'relations', (
    SELECT json_agg(json_build_object(
      'schema', r.schema, 'name', r.name, 'kind', r.kind, 'rows', r.reltuples, 'pages', r.relpages,
      'bytes', CASE WHEN r.kind IN ('r', 'm') THEN pg_relation_size(r.oid) END,
      'has_heirs', r.relhassubclass, 'row_security', row_security_active(r.oid),
      'lockable', has_table_privilege(r.oid, 'SELECT'),
      'columns', (
        SELECT json_agg(json_build_object(
          'name', a.name, 'type', a.atttypid::int8, 'modifier', a.atttypmod, 'not_null', a.attnotnull,
          'collation', a.collation)
          ORDER BY a.attnum)
        FROM columns a WHERE a.attrelid = r.oid),
      'statistics', (
        SELECT json_agg(json_build_object(
          'column', s.attname::text, 'nulls', s.null_frac, 'distinct', s.n_distinct, 'width', s.avg_width,
          'least', h.bounds[1], 'greatest', h.bounds[array_upper(h.bounds, 1)]))
        FROM pg_stats s
        CROSS JOIN LATERAL (
          SELECT CASE WHEN s.avg_width <= 16 THEN s.histogram_bounds::text::text[] END AS bounds) h
        WHERE s.schemaname = r.schema::name AND s.tablename = r.name::name AND s.inherited = (r.kind = 'p')),
      'leaves', /*leaves*/NULL/*leaves*/))
    FROM relations r))::text
