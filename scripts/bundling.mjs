/** How esbuild makes Node programs of this repository's TypeScript; each caller adds what goes in and where it comes out. */
export const forNode = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // Native modules cannot be bundled; the two optional ones belong to Effect's cluster and file watcher, unused here.
  external: ["better-sqlite3", "msgpackr-extract", "@parcel/watcher"],
  // CommonJS dependencies call require() for Node's own modules.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "warning",
};
