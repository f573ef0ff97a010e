WITH RECURSIVE types AS (
  SELECT unnest($1::oid[]) AS oid
  UNION
  SELECT made_of.oid
  FROM types JOIN pg_type t ON t.oid = types.oid
  CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) AS made_of (oid)
  WHERE made_of.oid <> 0
)
SELECT json_agg(json_build_object(
  'oid', t.oid::int8, 'own', t.typnamespace = 'pg_catalog'::regnamespace, 'name', t.typname::text,
  'kind', t.typtype::text, 'base', t.typbasetype::int8, 'modifier', t.typtypmod,
  'element', CASE WHEN e.typarray = t.oid THEN e.oid::int8 ELSE 0 END))::text
FROM types JOIN pg_type t ON t.oid = types.oid LEFT JOIN pg_type e ON e.oid = t.typelem
