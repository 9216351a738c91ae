-- The tables of ncps 0.8 on MySQL, as its first migrations left them: no ids on the side tables, TEXT, another collation.
CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY);
CREATE TABLE narinfos (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  hash VARCHAR(255) NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NULL DEFAULT NULL,
  last_accessed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  store_path TEXT,
  url TEXT,
  compression VARCHAR(255),
  file_hash VARCHAR(255),
  file_size BIGINT UNSIGNED,
  nar_hash VARCHAR(255),
  nar_size BIGINT UNSIGNED,
  deriver TEXT,
  system VARCHAR(255),
  ca TEXT,
  UNIQUE KEY idx_narinfos_hash (hash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
CREATE TABLE nar_files (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  hash VARCHAR(255) NOT NULL,
  compression VARCHAR(50) NOT NULL,
  file_size BIGINT UNSIGNED NOT NULL,
  query VARCHAR(512) NOT NULL DEFAULT '',
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NULL DEFAULT NULL,
  last_accessed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY idx_nar_files_hash_compression_query (hash, compression, query)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
CREATE TABLE narinfo_nar_files (
  narinfo_id BIGINT NOT NULL,
  nar_file_id BIGINT NOT NULL,
  PRIMARY KEY (narinfo_id, nar_file_id),
  FOREIGN KEY (narinfo_id) REFERENCES narinfos (id) ON DELETE CASCADE,
  FOREIGN KEY (nar_file_id) REFERENCES nar_files (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
CREATE TABLE narinfo_references (
  narinfo_id BIGINT NOT NULL,
  reference VARCHAR(255) NOT NULL,
  PRIMARY KEY (narinfo_id, reference),
  FOREIGN KEY (narinfo_id) REFERENCES narinfos (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
CREATE TABLE narinfo_signatures (
  narinfo_id BIGINT NOT NULL,
  signature VARCHAR(255) NOT NULL,
  PRIMARY KEY (narinfo_id, signature),
  FOREIGN KEY (narinfo_id) REFERENCES narinfos (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
