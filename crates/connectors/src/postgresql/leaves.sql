CASE WHEN r.kind = 'p' THEN (
        SELECT json_agg(json_build_object(
          'schema', n.nspname::text, 'name', l.relname::text, 'rows', l.reltuples,
          'pages', l.relpages, 'bytes', CASE WHEN l.relkind = 'r' THEN pg_relation_size(l.oid) END,
          'readable', has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(l.oid, 'SELECT')
            AND NOT row_security_active(l.oid))
          ORDER BY l.oid)
        FROM pg_partition_tree(r.oid) p
        JOIN pg_class l ON l.oid = p.relid JOIN pg_namespace n ON n.oid = l.relnamespace
        WHERE p.isleaf AND l.relkind <> 'p') END
