-- ncps 0.8.0 to 0.8.6, from its db/schema/postgres.sql: side tables without an id, no upstream_url, no chunks.
CREATE TABLE narinfos (
  id BIGSERIAL PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP NOT NULL,
  updated_at TIMESTAMPTZ,
  last_accessed_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
  store_path TEXT,
  url TEXT,
  compression TEXT,
  file_hash TEXT,
  file_size BIGINT CHECK (file_size >= 0),
  nar_hash TEXT,
  nar_size BIGINT CHECK (nar_size >= 0),
  deriver TEXT,
  system TEXT,
  ca TEXT
);
CREATE TABLE narinfo_references (
  narinfo_id BIGINT NOT NULL REFERENCES narinfos (id) ON DELETE CASCADE,
  reference TEXT NOT NULL,
  PRIMARY KEY (narinfo_id, reference)
);
CREATE TABLE narinfo_signatures (
  narinfo_id BIGINT NOT NULL REFERENCES narinfos (id) ON DELETE CASCADE,
  signature TEXT NOT NULL,
  PRIMARY KEY (narinfo_id, signature)
);
CREATE TABLE nar_files (
  id BIGSERIAL PRIMARY KEY,
  hash TEXT NOT NULL,
  compression TEXT NOT NULL DEFAULT '',
  file_size BIGINT NOT NULL CHECK (file_size >= 0),
  query TEXT NOT NULL DEFAULT '',
  created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP NOT NULL,
  updated_at TIMESTAMPTZ,
  last_accessed_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
  UNIQUE (hash, compression, query)
);
CREATE TABLE narinfo_nar_files (
  narinfo_id BIGINT NOT NULL REFERENCES narinfos (id) ON DELETE CASCADE,
  nar_file_id BIGINT NOT NULL REFERENCES nar_files (id) ON DELETE CASCADE,
  PRIMARY KEY (narinfo_id, nar_file_id)
);
CREATE TABLE schema_migrations (version VARCHAR PRIMARY KEY);
