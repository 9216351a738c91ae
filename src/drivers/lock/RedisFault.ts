import { LockError } from "../../core/Errors.ts";

/** What Redis says before a failed answer's text: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors. */
const replies: ReadonlyArray<readonly [pattern: RegExp, reason: LockError["reason"], remedy: string]> = [
  [/^(NOAUTH|WRONGPASS)\b|^ERR (invalid password|AUTH)/, "Unusable", "Check username and password of lock.redis"],
  [
    // A script says of its commands: https://github.com/redis/redis/blob/7.0.15/src/script.c.
    /^NOPERM\b|user executing the script/,
    "Unusable",
    "Allow this user EVAL, SET, GET, PEXPIRE and DEL on the key prefix, e.g. `ACL SETUSER name ~ncps:lock:* +@read +@write +@scripting +@connection`",
  ],
  [/DB index/, "Unusable", "Name a database that the server has, in lock.redis.db"],
  [
    /^(CROSSSLOT|MOVED|ASK|CLUSTERDOWN)\b|SELECT is not allowed in cluster mode/,
    "Unusable",
    "Name nodes that are not in cluster mode: neither ncps nor this tool can lock in a cluster",
  ],
  [/unknown command/i, "Unusable", "Allow EVAL: locks are given back by script, as in ncps"],
  [/^READONLY\b/, "Unavailable", "Name the primary, not a replica"],
  [/^OOM\b/, "Unavailable", "Give Redis memory, or let it evict what has no lock"],
];

const certificateFault = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|ERR_OSSL|HOSTNAME_MISMATCH)/;

/** Invariant 9: a foreign error carries its command's arguments, tokens and passwords among them; only its text is kept. */
const bare = (cause: unknown): Error => new Error(cause instanceof Error ? cause.message : String(cause));

/** What went wrong at `address`. Whatever another try may cure is `Unavailable`. */
export const translate = (address: string, cause: unknown): LockError => {
  if (cause instanceof LockError) return cause;
  const error = bare(cause);
  const at = { connection: `redis ${address}`, detail: error.message, cause: error };
  const code = String((cause as { readonly code?: unknown } | undefined)?.code ?? "");
  if (certificateFault.test(code)) {
    return new LockError({
      ...at,
      reason: "Unusable",
      detail: `its certificate is not accepted: ${error.message}`,
      remedy: "Name the authority's PEM file in lock.redis.tls.ca, and the node by a name that its certificate has",
    });
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
    return new LockError({
      ...at,
      reason: "Unusable",
      detail: `it does not speak TLS, or refuses ours: ${error.message}`,
      remedy: "Check the port, lock.redis.useTls, and cert and key where it asks for a certificate of ours",
    });
  }
  const reply = replies.find(([pattern]) => pattern.test(error.message));
  if (reply !== undefined) return new LockError({ ...at, reason: reply[1], remedy: reply[2] });
  return new LockError({
    ...at,
    reason: "Unavailable",
    remedy: "Check that Redis runs, its address, and lock.redis.useTls",
  });
};
