/**
 * One call per node and batch, each compatible with what ncps does per key (redsync): a key holds its owner's token and expires by itself.
 * Each takes all keys and the token, and answers one character per key, `1` for yes. Keys of a batch lie in many slots, so none of this
 * runs on a Redis in cluster mode; neither do the locks of ncps.
 */

/**
 * ARGV: token, milliseconds to live. `SET NX PX` as ncps does. A key that has our token already was granted to an attempt whose answer
 * was lost. `pcall`, since what others keep under a key need not be text.
 */
export const acquire = `local out = {}
for i, key in ipairs(KEYS) do
  if redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) then
    out[i] = '1'
  elseif redis.pcall('GET', key) == ARGV[1] then
    redis.call('PEXPIRE', key, ARGV[2])
    out[i] = '1'
  else
    out[i] = '0'
  end
end
return table.concat(out)`;

/** ARGV: token. Whether each key still has it; writes nothing. */
export const held = `local out = {}
for i, key in ipairs(KEYS) do
  out[i] = redis.pcall('GET', key) == ARGV[1] and '1' or '0'
end
return table.concat(out)`;

/** ARGV: token. Deletes the keys that still have it, and no other: after expiry they may be someone else's. */
export const release = `local out = {}
for i, key in ipairs(KEYS) do
  out[i] = redis.pcall('GET', key) == ARGV[1] and tostring(redis.call('DEL', key)) or '0'
end
return table.concat(out)`;
