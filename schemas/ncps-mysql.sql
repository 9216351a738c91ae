-- The MySQL and MariaDB schema of ncps 0.10, as `ncps migrate up` leaves it: for the demo and the tests, never for a user's database.
SET FOREIGN_KEY_CHECKS = 0;
CREATE TABLE `build_trace_entries` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT NULL,
  `drv_path` varchar(255) NOT NULL,
  `output_name` varchar(255) NOT NULL,
  `out_path` varchar(255) NOT NULL,
  `raw_json` longtext NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `buildtraceentry_drv_path_output_name` (`drv_path`,`output_name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `build_trace_signatures` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `key_name` varchar(255) NOT NULL,
  `signature` varchar(255) NOT NULL,
  `build_trace_entry_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `buildtracesignature_build_trace_entry_id_key_name` (`build_trace_entry_id`,`key_name`),
  KEY `buildtracesignature_build_trace_entry_id` (`build_trace_entry_id`),
  CONSTRAINT `build_trace_signatures_build_trace_entries_signatures` FOREIGN KEY (`build_trace_entry_id`) REFERENCES `build_trace_entries` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `chunks` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT NULL,
  `hash` varchar(255) NOT NULL,
  `size` int(10) unsigned NOT NULL,
  `compressed_size` int(10) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY (`id`),
  UNIQUE KEY `chunk_hash` (`hash`),
  CONSTRAINT `chunks_compressed_size_nonneg` CHECK (`compressed_size` >= 0),
  CONSTRAINT `chunks_size_nonneg` CHECK (`size` >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `config` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT NULL,
  `key` varchar(255) NOT NULL,
  `value` varchar(255) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `configentry_key` (`key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `nar_file_chunks` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `chunk_index` bigint(20) NOT NULL,
  `chunk_id` bigint(20) NOT NULL,
  `nar_file_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `narfilechunk_nar_file_id_chunk_index` (`nar_file_id`,`chunk_index`),
  KEY `narfilechunk_chunk_id` (`chunk_id`),
  CONSTRAINT `nar_file_chunks_chunks_nar_file_links` FOREIGN KEY (`chunk_id`) REFERENCES `chunks` (`id`) ON DELETE CASCADE,
  CONSTRAINT `nar_file_chunks_nar_files_chunk_links` FOREIGN KEY (`nar_file_id`) REFERENCES `nar_files` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `nar_files` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT NULL,
  `hash` varchar(255) NOT NULL,
  `compression` varchar(255) NOT NULL DEFAULT '',
  `file_size` bigint(20) unsigned NOT NULL,
  `query` varchar(255) NOT NULL DEFAULT '',
  `total_chunks` bigint(20) NOT NULL DEFAULT 0,
  `chunking_started_at` timestamp NULL DEFAULT NULL,
  `verified_at` timestamp NULL DEFAULT NULL,
  `bytes_stored_at` timestamp NULL DEFAULT NULL,
  `dechunk_residue_flagged_at` timestamp NULL DEFAULT NULL,
  `last_accessed_at` timestamp NULL DEFAULT current_timestamp(),
  PRIMARY KEY (`id`),
  UNIQUE KEY `narfile_hash_compression_query` (`hash`,`compression`,`query`),
  KEY `narfile_last_accessed_at` (`last_accessed_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `narinfo_nar_files` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `nar_file_id` bigint(20) NOT NULL,
  `narinfo_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `narinfonarfile_narinfo_id_nar_file_id` (`narinfo_id`,`nar_file_id`),
  KEY `narinfonarfile_narinfo_id` (`narinfo_id`),
  KEY `narinfonarfile_nar_file_id` (`nar_file_id`),
  CONSTRAINT `narinfo_nar_files_nar_files_nar_info_nar_files` FOREIGN KEY (`nar_file_id`) REFERENCES `nar_files` (`id`) ON DELETE CASCADE,
  CONSTRAINT `narinfo_nar_files_narinfos_nar_info_nar_files` FOREIGN KEY (`narinfo_id`) REFERENCES `narinfos` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `narinfo_references` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `reference` varchar(255) NOT NULL,
  `narinfo_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `narinforeference_narinfo_id_reference` (`narinfo_id`,`reference`),
  KEY `narinforeference_reference` (`reference`),
  CONSTRAINT `narinfo_references_narinfos_references` FOREIGN KEY (`narinfo_id`) REFERENCES `narinfos` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `narinfo_signatures` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `signature` varchar(255) NOT NULL,
  `narinfo_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `narinfosignature_narinfo_id_signature` (`narinfo_id`,`signature`),
  KEY `narinfosignature_signature` (`signature`),
  CONSTRAINT `narinfo_signatures_narinfos_signatures` FOREIGN KEY (`narinfo_id`) REFERENCES `narinfos` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `narinfos` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT NULL,
  `hash` varchar(255) NOT NULL,
  `store_path` varchar(255) DEFAULT NULL,
  `url` varchar(255) DEFAULT NULL,
  `upstream_url` varchar(255) DEFAULT NULL,
  `compression` varchar(255) DEFAULT NULL,
  `file_hash` varchar(255) DEFAULT NULL,
  `file_size` bigint(20) DEFAULT NULL,
  `nar_hash` varchar(255) DEFAULT NULL,
  `nar_size` bigint(20) DEFAULT NULL,
  `deriver` varchar(255) DEFAULT NULL,
  `system` varchar(255) DEFAULT NULL,
  `ca` varchar(255) DEFAULT NULL,
  `last_accessed_at` timestamp NULL DEFAULT current_timestamp(),
  PRIMARY KEY (`id`),
  UNIQUE KEY `narinfo_hash` (`hash`),
  KEY `narinfo_last_accessed_at` (`last_accessed_at`),
  CONSTRAINT `narinfos_file_size_nonneg` CHECK (`file_size` >= 0),
  CONSTRAINT `narinfos_nar_size_nonneg` CHECK (`nar_size` >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `pinned_closures` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT NULL,
  `hash` varchar(255) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `pinnedclosure_hash` (`hash`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE `schema_migrations` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `version_id` bigint(20) NOT NULL,
  `is_applied` tinyint(1) NOT NULL,
  `tstamp` timestamp NULL DEFAULT current_timestamp(),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;
CREATE TABLE `staging_states` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` timestamp NULL DEFAULT current_timestamp(),
  `updated_at` timestamp NULL DEFAULT NULL,
  `hash` varchar(255) NOT NULL,
  `requested_at` timestamp NULL DEFAULT NULL,
  `parts_available` bigint(20) NOT NULL DEFAULT 0,
  `compression` varchar(255) NOT NULL DEFAULT '',
  `status` varchar(255) NOT NULL DEFAULT 'requested',
  PRIMARY KEY (`id`),
  UNIQUE KEY `stagingstate_hash` (`hash`),
  KEY `stagingstate_created_at` (`created_at`),
  CONSTRAINT `staging_states_parts_available_nonneg` CHECK (`parts_available` >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `schema_migrations` (`version_id`, `is_applied`) VALUES (0, 1), (20260101000000, 1), (20260117195000, 1), (20260127223000, 1), (20260131021850, 1), (20260205063659, 1), (20260217071237, 1), (20260301000000, 1), (20260318053904, 1), (20260521021523, 1), (20260525175108, 1), (20260605021047, 1), (20260605045447, 1), (20260605211804, 1), (20260607034027, 1), (20260607182925, 1);
SET FOREIGN_KEY_CHECKS = 1;
