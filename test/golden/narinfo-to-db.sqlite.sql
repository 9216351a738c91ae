-- find narinfos
WITH k(n, k0) AS (VALUES (?, ?)) SELECT k.n, t."id", ((t."url" IS NULL OR t."url" = '')) IS TRUE, 1 FROM k CROSS JOIN "narinfos" AS t ON t."hash" = k.k0 COLLATE "BINARY";

-- insert narinfos
INSERT INTO "narinfos" ("id", "hash", "store_path", "url", "upstream_url", "compression", "file_hash", "file_size", "nar_hash", "nar_size", "deriver", "system", "ca", "created_at", "last_accessed_at") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- fill narinfos
UPDATE "narinfos" SET "store_path" = ?, "url" = ?, "upstream_url" = coalesce(?, "upstream_url"), "compression" = ?, "file_hash" = ?, "file_size" = ?, "nar_hash" = ?, "nar_size" = ?, "deriver" = ?, "system" = ?, "ca" = ? WHERE "id" = ?;

-- read back narinfos
WITH k(n, k0) AS (VALUES (?, ?)) SELECT k.n, t."id", ((t."url" IS NULL OR t."url" = '')) IS TRUE, t."hash", t."store_path", t."url", t."upstream_url", t."compression", t."file_hash", t."file_size", t."nar_hash", t."nar_size", t."deriver", t."system", t."ca", NULL, NULL FROM k CROSS JOIN "narinfos" AS t ON t."hash" = k.k0 COLLATE "BINARY";

-- insert narinfo_references
INSERT INTO "narinfo_references" ("narinfo_id", "reference") VALUES (?, ?) ON CONFLICT ("narinfo_id", "reference") DO NOTHING;

-- read back narinfo_references
WITH k(n, id) AS (VALUES (?, ?)) SELECT k.n, c0."reference" FROM k CROSS JOIN "narinfo_references" AS c0 ON c0."narinfo_id" = k.id;

-- insert narinfo_signatures
INSERT INTO "narinfo_signatures" ("narinfo_id", "signature") VALUES (?, ?) ON CONFLICT ("narinfo_id", "signature") DO NOTHING;

-- read back narinfo_signatures
WITH k(n, id) AS (VALUES (?, ?)) SELECT k.n, c0."signature" FROM k CROSS JOIN "narinfo_signatures" AS c0 ON c0."narinfo_id" = k.id;

-- find nar_files
WITH k(n, k0, k1, k2) AS (VALUES (?, ?, ?, ?)) SELECT k.n, t."id", 0, 1 FROM k CROSS JOIN "nar_files" AS t ON t."hash" = k.k0 COLLATE "BINARY" AND t."compression" = k.k1 COLLATE "BINARY" AND t."query" = k.k2 COLLATE "BINARY";

-- insert nar_files
INSERT INTO "nar_files" ("id", "hash", "compression", "query", "file_size", "total_chunks", "created_at", "last_accessed_at") VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- touch nar_files
UPDATE "nar_files" SET "last_accessed_at" = ? WHERE "id" = ?;

-- insert narinfo_nar_files
INSERT INTO "narinfo_nar_files" ("narinfo_id", "nar_file_id") VALUES (?, ?) ON CONFLICT ("narinfo_id", "nar_file_id") DO NOTHING;

-- read back narinfo_nar_files
WITH k(n, id) AS (VALUES (?, ?)) SELECT k.n, p0."hash", p0."compression", p0."query" FROM k CROSS JOIN "narinfo_nar_files" AS c0 ON c0."narinfo_id" = k.id LEFT JOIN "nar_files" AS p0 ON p0."id" = c0."nar_file_id";
