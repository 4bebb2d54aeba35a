-- What production writes while it is backed up, until :bytes of WAL are made: updates of customers at random, most with
-- images of whole pages, and new rows. The new rows' table is dropped at the end, so that the next backup of this
-- cluster finds as many bytes in it as this one.
CREATE TABLE journal (LIKE documents);
ALTER TABLE journal ADD PRIMARY KEY (id);
SELECT set_config('bench.end', (pg_current_wal_insert_lsn() + :bytes::numeric)::text, false);

DO $$
DECLARE
  wal_end pg_lsn := current_setting('bench.end');
  customer_count bigint := (SELECT max(id) FROM customers);
  first bigint := 1;
BEGIN
  WHILE pg_current_wal_insert_lsn() < wal_end LOOP
    UPDATE customers SET seen = now(), profile = profile || jsonb_build_object('visits', first)
     WHERE id IN (SELECT floor(1 + random() * customer_count)::bigint FROM generate_series(1, 20));
    INSERT INTO journal
    SELECT i, md5('token' || i)::uuid, (SELECT string_agg(md5(i || 'digest' || k), '') FROM generate_series(1, 14) k),
           (SELECT string_agg(sha512((i || 'body' || k)::bytea), '') FROM generate_series(1, 7) k)
      FROM generate_series(first, first + 299) i;
    first := first + 300;
    COMMIT;
  END LOOP;
END
$$;

DROP TABLE journal;
