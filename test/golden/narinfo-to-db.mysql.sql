-- find narinfos
SELECT k.n, t.`id`, ((t.`url` IS NULL OR t.`url` = '')) IS TRUE, CAST(CONVERT(t.`hash` USING utf8mb4) AS BINARY) = CAST(k.k0 AS BINARY) FROM JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$[0]', k0 VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[1]')) AS k STRAIGHT_JOIN `narinfos` AS t ON t.`hash` = CONVERT(k.k0 USING utf8mb4) COLLATE utf8mb4_bin;

-- lock stubs of narinfos
SELECT k.n, t.`id`, ((t.`url` IS NULL OR t.`url` = '')) IS TRUE, CAST(CONVERT(t.`hash` USING utf8mb4) AS BINARY) = CAST(k.k0 AS BINARY) FROM JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$[0]', k0 VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[1]')) AS k STRAIGHT_JOIN `narinfos` AS t ON t.`hash` = CONVERT(k.k0 USING utf8mb4) COLLATE utf8mb4_bin WHERE ((t.`url` IS NULL OR t.`url` = '')) IS TRUE FOR UPDATE;

-- insert narinfos
INSERT INTO `narinfos` (`hash`, `store_path`, `url`, `upstream_url`, `compression`, `file_hash`, `file_size`, `nar_hash`, `nar_size`, `deriver`, `system`, `ca`, `created_at`, `last_accessed_at`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) ON DUPLICATE KEY UPDATE `narinfos`.`hash` = `narinfos`.`hash`;

-- fill stubs of narinfos
INSERT INTO `narinfos` (`id`, `hash`, `store_path`, `url`, `upstream_url`, `compression`, `file_hash`, `file_size`, `nar_hash`, `nar_size`, `deriver`, `system`, `ca`, `created_at`, `last_accessed_at`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) ON DUPLICATE KEY UPDATE `narinfos`.`store_path` = VALUES(`store_path`), `narinfos`.`url` = VALUES(`url`), `narinfos`.`upstream_url` = COALESCE(VALUES(`upstream_url`), `narinfos`.`upstream_url`), `narinfos`.`compression` = VALUES(`compression`), `narinfos`.`file_hash` = VALUES(`file_hash`), `narinfos`.`file_size` = VALUES(`file_size`), `narinfos`.`nar_hash` = VALUES(`nar_hash`), `narinfos`.`nar_size` = VALUES(`nar_size`), `narinfos`.`deriver` = VALUES(`deriver`), `narinfos`.`system` = VALUES(`system`), `narinfos`.`ca` = VALUES(`ca`);

-- read back narinfos
SELECT k.n, t.`id`, ((t.`url` IS NULL OR t.`url` = '')) IS TRUE, t.`hash`, t.`store_path`, t.`url`, t.`upstream_url`, t.`compression`, t.`file_hash`, t.`file_size`, t.`nar_hash`, t.`nar_size`, t.`deriver`, t.`system`, t.`ca`, NULL, NULL FROM JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$[0]', k0 VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[1]')) AS k STRAIGHT_JOIN `narinfos` AS t ON t.`hash` = CONVERT(k.k0 USING utf8mb4) COLLATE utf8mb4_bin;

-- insert narinfo_references
INSERT INTO `narinfo_references` (`narinfo_id`, `reference`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `narinfo_references`.`narinfo_id` = `narinfo_references`.`narinfo_id`;

-- read back narinfo_references
SELECT k.n, c0.`reference` FROM JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$[0]', id BIGINT PATH '$[1]')) AS k STRAIGHT_JOIN `narinfo_references` AS c0 ON c0.`narinfo_id` = k.id;

-- insert narinfo_signatures
INSERT INTO `narinfo_signatures` (`narinfo_id`, `signature`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `narinfo_signatures`.`narinfo_id` = `narinfo_signatures`.`narinfo_id`;

-- read back narinfo_signatures
SELECT k.n, c0.`signature` FROM JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$[0]', id BIGINT PATH '$[1]')) AS k STRAIGHT_JOIN `narinfo_signatures` AS c0 ON c0.`narinfo_id` = k.id;

-- find nar_files
SELECT k.n, t.`id` FROM JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$[0]', k0 VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[1]', k1 VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[2]', k2 VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[3]')) AS k STRAIGHT_JOIN `nar_files` AS t ON t.`hash` = CONVERT(k.k0 USING utf8mb4) COLLATE utf8mb4_bin AND t.`compression` = CONVERT(k.k1 USING utf8mb4) COLLATE utf8mb4_bin AND t.`query` = CONVERT(k.k2 USING utf8mb4) COLLATE utf8mb4_bin;

-- insert nar_files
INSERT INTO `nar_files` (`hash`, `compression`, `query`, `file_size`, `total_chunks`, `created_at`, `last_accessed_at`) VALUES (?, ?, ?, ?, ?, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) ON DUPLICATE KEY UPDATE `last_accessed_at` = CURRENT_TIMESTAMP;

-- insert narinfo_nar_files
INSERT INTO `narinfo_nar_files` (`narinfo_id`, `nar_file_id`) VALUES (?, ?) ON DUPLICATE KEY UPDATE `narinfo_nar_files`.`narinfo_id` = `narinfo_nar_files`.`narinfo_id`;

-- read back narinfo_nar_files
SELECT k.n, p0.`hash`, p0.`compression`, p0.`query` FROM JSON_TABLE(?, '$[*]' COLUMNS (n INT PATH '$[0]', id BIGINT PATH '$[1]')) AS k STRAIGHT_JOIN `narinfo_nar_files` AS c0 ON c0.`narinfo_id` = k.id LEFT JOIN `nar_files` AS p0 ON p0.`id` = c0.`nar_file_id`;
