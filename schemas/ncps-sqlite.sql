-- The SQLite schema of ncps 0.10, as `ncps migrate up` leaves it: for the demo and the tests, never for a user's database.
PRAGMA journal_mode = WAL;
CREATE TABLE "build_trace_entries" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL DEFAULT (CURRENT_TIMESTAMP), "updated_at" datetime NULL, "drv_path" text NOT NULL, "output_name" text NOT NULL, "out_path" text NOT NULL, "raw_json" text NOT NULL);
CREATE UNIQUE INDEX "buildtraceentry_drv_path_output_name" ON "build_trace_entries" ("drv_path", "output_name");
CREATE TABLE "build_trace_signatures" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "key_name" text NOT NULL, "signature" text NOT NULL, "build_trace_entry_id" integer NOT NULL, CONSTRAINT "build_trace_signatures_build_trace_entries_signatures" FOREIGN KEY ("build_trace_entry_id") REFERENCES "build_trace_entries" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "buildtracesignature_build_trace_entry_id_key_name" ON "build_trace_signatures" ("build_trace_entry_id", "key_name");
CREATE INDEX "buildtracesignature_build_trace_entry_id" ON "build_trace_signatures" ("build_trace_entry_id");
CREATE TABLE "chunks" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL DEFAULT (CURRENT_TIMESTAMP), "updated_at" datetime NULL, "hash" text NOT NULL, "size" integer NOT NULL, "compressed_size" integer NOT NULL DEFAULT (0), CONSTRAINT "chunks_compressed_size_nonneg" CHECK (compressed_size >= 0), CONSTRAINT "chunks_size_nonneg" CHECK (size >= 0));
CREATE UNIQUE INDEX "chunk_hash" ON "chunks" ("hash");
CREATE TABLE "config" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL DEFAULT (CURRENT_TIMESTAMP), "updated_at" datetime NULL, "key" text NOT NULL, "value" text NOT NULL);
CREATE UNIQUE INDEX "configentry_key" ON "config" ("key");
CREATE TABLE "nar_files" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL DEFAULT (CURRENT_TIMESTAMP), "updated_at" datetime NULL, "hash" text NOT NULL, "compression" text NOT NULL DEFAULT (''), "file_size" integer NOT NULL, "query" text NOT NULL DEFAULT (''), "total_chunks" integer NOT NULL DEFAULT (0), "chunking_started_at" datetime NULL, "verified_at" datetime NULL, "bytes_stored_at" datetime NULL, "dechunk_residue_flagged_at" datetime NULL, "last_accessed_at" datetime NULL DEFAULT (CURRENT_TIMESTAMP));
CREATE UNIQUE INDEX "narfile_hash_compression_query" ON "nar_files" ("hash", "compression", "query");
CREATE INDEX "narfile_last_accessed_at" ON "nar_files" ("last_accessed_at");
CREATE TABLE "nar_file_chunks" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "chunk_index" integer NOT NULL, "chunk_id" integer NOT NULL, "nar_file_id" integer NOT NULL, CONSTRAINT "nar_file_chunks_chunks_nar_file_links" FOREIGN KEY ("chunk_id") REFERENCES "chunks" ("id") ON DELETE CASCADE, CONSTRAINT "nar_file_chunks_nar_files_chunk_links" FOREIGN KEY ("nar_file_id") REFERENCES "nar_files" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "narfilechunk_nar_file_id_chunk_index" ON "nar_file_chunks" ("nar_file_id", "chunk_index");
CREATE INDEX "narfilechunk_chunk_id" ON "nar_file_chunks" ("chunk_id");
CREATE TABLE "narinfos" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL DEFAULT (CURRENT_TIMESTAMP), "updated_at" datetime NULL, "hash" text NOT NULL, "store_path" text NULL, "url" text NULL, "upstream_url" text NULL, "compression" text NULL, "file_hash" text NULL, "file_size" integer NULL, "nar_hash" text NULL, "nar_size" integer NULL, "deriver" text NULL, "system" text NULL, "ca" text NULL, "last_accessed_at" datetime NULL DEFAULT (CURRENT_TIMESTAMP), CONSTRAINT "narinfos_file_size_nonneg" CHECK (file_size >= 0), CONSTRAINT "narinfos_nar_size_nonneg" CHECK (nar_size >= 0));
CREATE UNIQUE INDEX "narinfo_hash" ON "narinfos" ("hash");
CREATE INDEX "narinfo_last_accessed_at" ON "narinfos" ("last_accessed_at");
CREATE TABLE "narinfo_nar_files" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "nar_file_id" integer NOT NULL, "narinfo_id" integer NOT NULL, CONSTRAINT "narinfo_nar_files_nar_files_nar_info_nar_files" FOREIGN KEY ("nar_file_id") REFERENCES "nar_files" ("id") ON DELETE CASCADE, CONSTRAINT "narinfo_nar_files_narinfos_nar_info_nar_files" FOREIGN KEY ("narinfo_id") REFERENCES "narinfos" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "narinfonarfile_narinfo_id_nar_file_id" ON "narinfo_nar_files" ("narinfo_id", "nar_file_id");
CREATE INDEX "narinfonarfile_narinfo_id" ON "narinfo_nar_files" ("narinfo_id");
CREATE INDEX "narinfonarfile_nar_file_id" ON "narinfo_nar_files" ("nar_file_id");
CREATE TABLE "narinfo_references" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "reference" text NOT NULL, "narinfo_id" integer NOT NULL, CONSTRAINT "narinfo_references_narinfos_references" FOREIGN KEY ("narinfo_id") REFERENCES "narinfos" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "narinforeference_narinfo_id_reference" ON "narinfo_references" ("narinfo_id", "reference");
CREATE INDEX "narinforeference_reference" ON "narinfo_references" ("reference");
CREATE TABLE "narinfo_signatures" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "signature" text NOT NULL, "narinfo_id" integer NOT NULL, CONSTRAINT "narinfo_signatures_narinfos_signatures" FOREIGN KEY ("narinfo_id") REFERENCES "narinfos" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "narinfosignature_narinfo_id_signature" ON "narinfo_signatures" ("narinfo_id", "signature");
CREATE INDEX "narinfosignature_signature" ON "narinfo_signatures" ("signature");
CREATE TABLE "pinned_closures" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL DEFAULT (CURRENT_TIMESTAMP), "updated_at" datetime NULL, "hash" text NOT NULL);
CREATE UNIQUE INDEX "pinnedclosure_hash" ON "pinned_closures" ("hash");
CREATE TABLE "staging_states" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "created_at" datetime NOT NULL DEFAULT (CURRENT_TIMESTAMP), "updated_at" datetime NULL, "hash" text NOT NULL, "requested_at" datetime NULL, "parts_available" integer NOT NULL DEFAULT (0), "compression" text NOT NULL DEFAULT (''), "status" text NOT NULL DEFAULT ('requested'), CONSTRAINT "staging_states_parts_available_nonneg" CHECK (parts_available >= 0));
CREATE UNIQUE INDEX "stagingstate_hash" ON "staging_states" ("hash");
CREATE INDEX "stagingstate_created_at" ON "staging_states" ("created_at");
CREATE TABLE schema_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version_id INTEGER NOT NULL,
  is_applied INTEGER NOT NULL,
  tstamp TIMESTAMP DEFAULT (datetime('now'))
);
INSERT INTO schema_migrations (version_id, is_applied) VALUES
  (0, 1),
  (20241210054814, 1),
  (20241210054829, 1),
  (20241213014846, 1),
  (20251230224159, 1),
  (20260101000000, 1),
  (20260105025735, 1),
  (20260105030513, 1),
  (20260117195000, 1),
  (20260127223000, 1),
  (20260131021850, 1),
  (20260205063651, 1),
  (20260217071237, 1),
  (20260301000000, 1),
  (20260318053903, 1),
  (20260521021523, 1),
  (20260525175108, 1),
  (20260605021047, 1),
  (20260605045447, 1),
  (20260605211804, 1),
  (20260607034027, 1),
  (20260607182925, 1);
