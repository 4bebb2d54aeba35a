-- The half that compresses poorly: tokens, checksums in hexadecimal, encrypted payloads. About 1,100 bytes a row with
-- its share of the indexes. Variables: first, last (identifiers).
INSERT INTO documents
SELECT i, md5('token' || i)::uuid,
       (SELECT string_agg(md5(i || 'digest' || k), '') FROM generate_series(1, 14) k),
       (SELECT string_agg(sha512((i || 'body' || k)::bytea), '') FROM generate_series(1, 7) k)
  FROM generate_series(:first::bigint, :last::bigint) i;
